"""Whether tasks are healthy, and if not, why."""
