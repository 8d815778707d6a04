"""The pivot: the ECS model that is rendered and run."""
