"""Targets, access log and datagrams of the load balancers."""
