"""Addon stacks on the local AWS endpoint: templates evaluated, and what they describe made by plain API calls.

Runs inside the endpoint's container. `preview`, `names` and `passwords` need nothing and are for the command
line too.
"""
