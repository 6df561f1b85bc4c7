"""Frames of /ws: what many GPUs show, by column, made once for everybody who looks at the same."""
