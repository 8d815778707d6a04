"""The agent's control API."""
