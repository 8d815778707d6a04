"""Requests traced through a running environment, for the command line and for tests."""
