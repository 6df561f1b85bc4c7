"""What every GPU does now, in memory, and those who want to be told."""
