"""The agent of one host: reads its GPUs in a child process and streams what it reads to a collector."""

__version__ = "0.1.0"
