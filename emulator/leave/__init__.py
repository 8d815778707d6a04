"""Leaving Copilot without loss: what its stacks would delete, policies that keep it, and a verdict over change sets.
Pure: AWS is not asked."""
