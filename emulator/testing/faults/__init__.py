"""Faults that a test brings about: a full disk, a bad network."""
