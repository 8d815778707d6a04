"""The client side of the agent's control API."""
