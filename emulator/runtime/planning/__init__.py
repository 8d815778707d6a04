"""Desired and observed state to a plan of operations. Pure."""
