"""From an environment's manifest, and from what its services need, to the environment."""
