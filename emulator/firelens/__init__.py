"""The log router of a task: its configuration, and what each container's log driver is told."""
