"""Verbs that read manifests and print documents."""
