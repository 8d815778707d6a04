"""`copilot-local render pipeline`."""
