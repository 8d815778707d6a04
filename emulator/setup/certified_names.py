"""The names that the user's own certificate authority signs for: those that belong to no site on the internet.

The authority cannot vouch for other names, not even with a stolen key: the limits are in its own
certificate as critical name constraints (RFC 5280, 4.2.1.10), which TLS clients enforce.
"""

from __future__ import annotations

import ipaddress

from cryptography import x509

DOMAINS = (
    "localhost",  # RFC 6761: loopback
    "internal",  # reserved by ICANN in 2024 for private use; host.docker.internal
    "local",  # RFC 6762; Copilot's service discovery
    "test",  # RFC 2606: never delegated; as the next five
    "invalid",
    "example",
    "example.com",
    "example.net",
    "example.org",
    "home.arpa",  # RFC 8375
)
"""Each stands for itself and every name below it."""
NETWORKS = ("127.0.0.0/8", "::1/128")


def is_certified(name: str) -> bool:
    """Whether the authority signs for a host name; `*.` in front is a wildcard."""
    host = name.lower().rstrip(".").removeprefix("*.")
    return any(host == domain or host.endswith(f".{domain}") for domain in DOMAINS)


def name_constraints() -> x509.NameConstraints:
    """What the authority's certificate permits; everything else of these kinds is excluded by that."""
    names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in DOMAINS]
    names += [x509.IPAddress(ipaddress.ip_network(network)) for network in NETWORKS]
    return x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None)
