"""Listener rules as the load balancer reads them: order, matching, explanation, what it would refuse."""
