"""Where the endpoint listens, and the one path that is not AWS's."""

TLS_PORT = 443
PLAIN_PORT = 5000
LOG_REGIONS = "/copilot-local/log-regions"
