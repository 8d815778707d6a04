"""What runs in a collector's place: it takes spans from a task and hands them to the agent as they came."""
