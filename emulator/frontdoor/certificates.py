"""The host names that a service's certificate is for."""

from __future__ import annotations

import re

from emulator.ecs.service import Service
from emulator.frontdoor.balancers import rule_hosts
from emulator.frontdoor.haproxy.conditions import local_name

OWN_NAMES = ("localhost", "host.docker.internal")
_CERTIFIED = re.compile(r"(\*\.)?[A-Za-z0-9_.-]+")
"""A certificate knows one wildcard, for the whole first label."""


def certificate_names(service: Service) -> list[str]:
    """The names in order, those that lead to this machine first; empty where the service needs no certificate."""
    secure = any(rule.listener == "HTTPS" for rule in service.listener_rules)
    if not secure and not any(listener.protocol == "TLS" for listener in service.network_listeners):
        return []
    hosts = rule_hosts(service, ("HTTPS",))
    if service.network_load_balancer is not None:
        hosts += [alias.name.lower() for alias in service.network_load_balancer.aliases]
    named = [host for host in hosts if _CERTIFIED.fullmatch(host)]
    return list(dict.fromkeys([*OWN_NAMES, *named, *map(local_name, named)]))
