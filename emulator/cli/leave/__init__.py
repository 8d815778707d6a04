"""Verbs of leaving Copilot without loss."""
