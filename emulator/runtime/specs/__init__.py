"""From the ECS model to container specs. Pure."""
