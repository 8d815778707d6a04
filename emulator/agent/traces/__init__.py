"""Traces in the agent: what receivers hand over, kept and told."""
