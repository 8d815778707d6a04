"""Elastic Load Balancing, read only: load balancers, listeners, rules and target groups of what runs here.

`model` makes them of what should run, `operations` answer, `query` reads and writes AWS's query protocol.
"""
