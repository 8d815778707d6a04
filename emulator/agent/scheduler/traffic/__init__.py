"""How requests go over to new tasks."""
