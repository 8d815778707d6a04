"""A trace for people and for programs."""
