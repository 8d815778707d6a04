"""What runs and what should run: names, labels, observation, desired state, operations."""
