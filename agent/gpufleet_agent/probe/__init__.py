"""The child process in which every driver call is made, so that a call that hangs blocks it and not the agent."""
