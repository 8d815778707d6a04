"""Values with a notation of their own: durations, ports, CIDR blocks, ARNs, schedules."""
