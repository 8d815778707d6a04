"""Verbs that look at what runs."""
