"""Where the endpoint listens, the paths that are not AWS's, and the status that is not."""

TLS_PORT = 443
PLAIN_PORT = 5000
LOG_REGIONS = "/copilot-local/log-regions"
SNAPSHOT = "/copilot-local/snapshot"
CALLER = "/copilot-local/caller/"
"""Followed by a service: whose connection this is, see `emulator.agent.aws_relay`."""
CALLS = "/copilot-local/calls"
"""What was counted of it, as JSON: see `emulator.aws.permissions.calls`."""
UNREACHED = 503
"""Where another endpoint is to answer and does not: see `emulator.aws.forwarding`."""
