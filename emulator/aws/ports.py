"""Where the endpoint listens."""

TLS_PORT = 443
PLAIN_PORT = 5000
