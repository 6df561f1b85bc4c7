"""The wire contract between agents and collector, and the catalogue of metrics read from it."""
