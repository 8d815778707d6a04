"""The backends of a target group and the servers in them, for the file and for the admin socket alike."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from emulator.ecs.service import TargetGroup
from emulator.frontdoor.haproxy.health_checks import check_lines, check_options
from emulator.frontdoor.options import (
    FrontOptions,
    Placement,
    Target,
    backend_name,
    initial_backend_name,
    open_backend_name,
)

COOKIES = ("AWSALB", "AWSALBCORS")
HTTP_DEFAULTS, TCP_DEFAULTS = "application", "network"
"""The `defaults` sections, named after the load balancer that they make."""


def backends_of(placement: Placement, service: str, target_group: str) -> list[str]:
    """The backends that a target of this placement stands in."""
    initial = initial_backend_name(service, target_group)
    fallback = open_backend_name(service, target_group)
    if placement is Placement.NEW:
        return [initial]
    if placement is Placement.FAILED:
        return [initial, fallback]
    return [backend_name(service, target_group), fallback]


LATER_WEIGHT = 2
"""Tells an initial server that is checked rarely from one that is checked often: initial servers get no request, so
that their weight means nothing else, and it is what the statistics show of a server's line."""


def server_options(
    target: Target, group: TargetGroup, backend: str, options: FrontOptions, *, later: bool = False
) -> str:
    """What follows `server NAME` in the file and `add server BACKEND/NAME` on the admin socket; `later` of an initial
    target that has failed long."""
    words = [f"{target.address}:{target.port}"]
    initial = backend.startswith("initial:")
    if group.stickiness and not initial and not is_network(group):
        words.append(f"cookie {base64.b64encode(target.name.encode()).decode()}")
    if not initial:
        words += _protocol(group)
        words += [f"weight {target.weight}"] if target.weight != 1 else []
    if not backend.startswith("open:"):
        words += check_options(group, options, initial=initial, later=later)
    if later:
        words.append(f"weight {LATER_WEIGHT}")
    if is_network(group) and not initial:
        # A network load balancer cuts the connections of a target that turns unhealthy; an application one does not.
        words.append("on-marked-down shutdown-sessions")
    return " ".join(words)


def is_network(group: TargetGroup) -> bool:
    """Whether the group belongs to a network load balancer."""
    return group.protocol not in ("HTTP", "HTTPS")


def _protocol(group: TargetGroup) -> list[str]:
    words = []
    if group.protocol in ("HTTPS", "TLS"):
        words.append("ssl verify none")
    if group.protocol_version != "HTTP1":
        words.append("alpn h2" if group.protocol == "HTTPS" else "proto h2")
    return words


def group_backends(service: str, group: TargetGroup, targets: Iterable[Target], options: FrontOptions) -> list[str]:
    """The lines of the three backends of a target group."""
    here = sorted(
        (target for target in targets if (target.service, target.target_group) == (service, group.name)),
        key=lambda target: target.name,
    )
    lines: list[str] = []
    names = (
        backend_name(service, group.name),
        open_backend_name(service, group.name),
        initial_backend_name(service, group.name),
    )
    for backend in names:
        body: list[str] = []
        if not backend.startswith("initial:"):
            body += _network_lines(group) if is_network(group) else _application_lines(group)
        if not backend.startswith("open:"):
            body += check_lines(group, options)
        body += [
            f"server {target.name} {server_options(target, group, backend, options)}"
            for target in here
            if backend in backends_of(target.placement, service, group.name)
        ]
        defaults = TCP_DEFAULTS if is_network(group) else HTTP_DEFAULTS
        lines += ["", f"backend {backend} from {defaults}", *(f"  {line}" for line in body)]
    return lines


def _application_lines(group: TargetGroup) -> list[str]:
    lines = ["option h1-case-adjust-bogus-server"]
    if group.stickiness:
        value = "%[srv_name,base64]; Expires=%[date(604800),http_date]; Path=/"
        # Written on every response; HAProxy's own `cookie … insert` writes it once and never renews its expiry.
        lines += [
            f"cookie {COOKIES[0]}",
            f"http-response add-header Set-Cookie '{COOKIES[0]}={value}'",
            f"http-response add-header Set-Cookie '{COOKIES[1]}={value}; SameSite=None' unless {{ ssl_fc }}",
            f"http-response add-header Set-Cookie '{COOKIES[1]}={value}; SameSite=None; Secure' if {{ ssl_fc }}",
        ]
    return lines


def _network_lines(group: TargetGroup) -> list[str]:
    return ["stick-table type ip size 10k expire 350s", "stick on src"] if group.stickiness else []
