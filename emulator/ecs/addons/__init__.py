"""Addon templates: their model, and what becomes of each resource type on this machine."""
