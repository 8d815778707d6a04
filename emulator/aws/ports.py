"""Where the endpoint listens, and the paths that are not AWS's."""

TLS_PORT = 443
PLAIN_PORT = 5000
LOG_REGIONS = "/copilot-local/log-regions"
SNAPSHOT = "/copilot-local/snapshot"
