"""Findings: codes, wording, suggestions, suppression, formats."""
