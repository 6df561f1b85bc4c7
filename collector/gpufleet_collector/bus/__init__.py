"""What collectors that share a fleet tell each other, so that each of them shows the whole of it."""
