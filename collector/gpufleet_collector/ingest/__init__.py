"""The gRPC edge: streams in, acknowledgements out."""
