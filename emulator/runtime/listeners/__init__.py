"""Ports of this machine: chosen, published, asked."""
