"""From the ECS model to what people deploy. Pure: nothing is read, and AWS is not asked."""
