"""The application load balancers of an environment, and what each is called.

Source: Copilot's environment template: Load Balanced Web Services share the public one, Backend Services with `http`
the internal one, which nothing outside of the environment's network reaches.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from emulator.ecs.service import Service

Listener = Literal["HTTP", "HTTPS"]
LISTENERS: tuple[Listener, ...] = ("HTTP", "HTTPS")
_INSIDE = "-inside"
_INTERNAL = "internal-"


class Balancer(enum.StrEnum):
    """One of the two. Each has rules, names, ports and targets of its own."""

    PUBLIC = "public"
    INTERNAL = "internal"

    @property
    def dns_name(self) -> str:
        """What stands for its DNS name in every task, at ports 80 and 443: the value of COPILOT_LB_DNS."""
        return f"{self.value}-load-balancer.internal"


def balancer_of(service: Service) -> Balancer:
    """The load balancer that a service's rules are on."""
    found = service.load_balancer
    return Balancer.INTERNAL if found is not None and found.scheme == "internal" else Balancer.PUBLIC


def behind(services: Sequence[Service], balancer: Balancer) -> list[Service]:
    """The services whose rules that load balancer has, in their order."""
    return [service for service in services if balancer_of(service) is balancer]


def rule_hosts(service: Service, listeners: Sequence[Listener] = LISTENERS) -> list[str]:
    """The host names in the rules of a service, in lower case, in order; patterns are among them."""
    hosts = [
        value.lower()
        for rule in service.listener_rules
        if rule.listener in listeners
        for condition in rule.conditions
        if condition.field == "host-header"
        for value in condition.values
    ]
    return list(dict.fromkeys(hosts))


def frontend_name(listener: Listener, balancer: Balancer, *, inside: bool) -> str:
    """What HAProxy calls a listener. `inside`: the one at port 80 or 443, which tasks ask."""
    prefix = _INTERNAL if balancer is Balancer.INTERNAL else ""
    return f"{prefix}{listener.lower()}{_INSIDE if inside else ''}"


def read_frontend_name(name: str) -> tuple[Listener, Balancer, bool]:
    """Listener, load balancer and whether it is the one inside, from what HAProxy logs (`https~` where it is TLS)."""
    name = name.rstrip("~")
    balancer = Balancer.INTERNAL if name.startswith(_INTERNAL) else Balancer.PUBLIC
    listener: Listener = "HTTPS" if name.removeprefix(_INTERNAL).startswith("https") else "HTTP"
    return listener, balancer, name.endswith(_INSIDE)
