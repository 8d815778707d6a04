"""Secrets: which ones a task names, and where their values come from on this machine."""
