"""Between Docker's log driver and a task's log router."""
