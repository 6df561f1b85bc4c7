"""The collector: takes the streams of all agents, stores them, and shows them live and in retrospect."""
