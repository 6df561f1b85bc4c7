"""The own PostgreSQL of a collector: where it is kept, who runs it, and how it is kept running."""
