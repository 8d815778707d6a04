"""Findings that need more than one manifest."""
