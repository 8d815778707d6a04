"""Verbs that show what the local AWS endpoint holds, and change it by hand."""
