"""The local AWS endpoint of an environment: its container, and what has to be in it."""
