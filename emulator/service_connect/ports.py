"""Where a proxy listens, and the addresses that lead to it. Light: the capture of `trace` imports it."""

NETWORK_PREFIX = "127.255."
"""What the virtual addresses of endpoints begin with, in every task: 127.255.0.0/16."""
EGRESS_PORT = 62001
FIRST_INGRESS_PORT = 62010
"""Above the ports that programs connect from (32768 to 60999 by Linux's default), and those of ours."""
PROXY_PORTS = (EGRESS_PORT, FIRST_INGRESS_PORT, FIRST_INGRESS_PORT + 1)
"""Where a proxy may listen."""
