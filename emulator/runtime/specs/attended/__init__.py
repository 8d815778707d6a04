"""Containers that a person is at work in: with a debugger, or a program of this machine in place of one. Pure."""
