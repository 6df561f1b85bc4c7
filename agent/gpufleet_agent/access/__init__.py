"""How the agent gets in at a collector: where that is, what it shows there, and what the answers mean."""
