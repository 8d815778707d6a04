"""Findings: codes, the catalogue that explains each, wording, suggestions, suppression, formats."""
