"""What the scheduler knows in the shapes of ECS: DescribeTasks, DescribeServices, EventBridge."""
