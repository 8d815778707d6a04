"""What the caller of this room decides, and the names that HAProxy knows things by."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from emulator.errors import InputError
from emulator.frontdoor.balancers import Balancer

FOLDER = "/copilot-local/front"
"""Where the configuration, its pages and the admin socket live inside the front and the agent."""

USER_ID = 99
"""The user and group that HAProxy's image runs as; the folder above must belong to it."""

NOFILE = 16384
"""The open-file limit that the default `FrontOptions.maxconn` needs. Some daemons cannot give a container much more."""

RUN_FOLDER = "run"
"""For the sockets; relative to `FOLDER`. It must belong to `USER_ID`: Docker cannot give away the root of a volume."""
ADMIN_SOCKET = f"{RUN_FOLDER}/admin.sock"
MASTER_SOCKET = f"{RUN_FOLDER}/master.sock"
ACCESS_LOG_SOCKET = "access.sock"
"""The agent's, which makes it before `RUN_FOLDER` is there."""
CERTIFICATES_FOLDER = "certificates"
"""Relative to `FOLDER`: HAProxy picks from it by the name that a client asks for, else the first."""

COMMAND = ("haproxy", "-W", "-db", "-S", f"{FOLDER}/{MASTER_SOCKET},mode,660", "-f", f"{FOLDER}/haproxy.cfg")
"""Master-worker mode: a new configuration is loaded without closing the listening sockets. Ask for it with
`admin.RELOAD` on the master socket, which says how it went; the signal SIGUSR2 gets lost while the master starts."""

LOAD_BALANCER_NAMES = ("localhost", "127.0.0.1", "[::1]", "host.docker.internal", *(one.dns_name for one in Balancer))
"""The load balancers' own DNS names: how a browser and a container reach them."""

OPEN = "open:"
"""What stands before a target group's name in that of its backend for when no target is healthy."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Placement(enum.StrEnum):
    """Which of a target group's backends a target stands in.

    A target group is three backends. `NEW`: only in `initial:…`, which checks it and never gets a request. `FAILED`: it
    failed its first checks; still in `initial:…`, and in `open:…`, which is used while no target is healthy. `JUDGED`:
    in the group's own backend, checked as configured, and in `open:…`.
    """

    NEW = "new"
    FAILED = "failed"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Target:
    """One target: a container's port in one task. `name` (letters, digits, `.`, `_`, `-`) is unique in its group."""

    name: str
    service: str
    target_group: str
    address: str
    port: int
    placement: Placement = Placement.NEW
    """Only matters when a configuration file is written; see `admin.placed`."""
    weight: int = 1
    """Its share of the requests beside the others of its group; 0 to 256. With 0 it gets none."""

    def __post_init__(self) -> None:
        check_name("target", self.name)


@dataclass(frozen=True, slots=True)
class Https:
    """The HTTPS listener. `certificates` are PEM by a name of theirs: certificate, chain and key in one text."""

    certificates: Mapping[str, str]
    listener_port: int = 8443
    bind_port: int = 8443


@dataclass(frozen=True, slots=True)
class FrontOptions:
    """Everything about one load balancer that its services do not say. Times in seconds."""

    balancer: Balancer = Balancer.PUBLIC
    listener_port: int = 8080
    """The port clients connect to: what `X-Forwarded-Port`, redirects and the `Host` header name."""
    bind_port: int = 8080
    """The port HAProxy listens on inside its container."""
    inside: bool = False
    """Whether it listens at ports 80 and 443 too, as a deployed one does: there the tasks of the environment ask it."""
    bind_address: str = ""
    """The address it listens on; empty is all of the container's."""
    https: Https | None = None
    network_ports: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Ports inside the container for listeners of network load balancers, by service and listener port; the listener's
    own port where there is none."""
    timing: Literal["local", "ecs"] = "local"
    """`local`: until a target's first success it is checked every `initial_interval`, and every `later_interval` once
    it has failed for `initial_period`, since a program that starts slowly may log each check; one success makes it
    healthy, whatever came before. `ecs`: checks are as configured from the start."""
    initial_interval: float = 1
    initial_period: float = 3
    later_interval: float = 1
    check_interval: float | None = None
    """Replaces the interval of every health check."""
    check_timeout: float | None = None
    """Replaces the timeout of every health check."""
    idle_timeout: int = 60
    """The load balancer attribute `idle_timeout.timeout_seconds`."""
    maxconn: int = 8000
    """Connections of clients; each may take two files."""
    published_connections: int = 0
    """Connections that each listener takes from this machine; more are closed at once. 0: as many as `maxconn`."""
    access_log: bool = False
    """Whether requests are logged; see `access_log`."""
    jwks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the endpoint of a rule's key set: public keys (PEM) by their ids."""
    source_ip: str | None = None
    """The address that requests seem to come from, for rules with source-ip conditions; None: where they come from."""

    @property
    def listener_ports(self) -> tuple[int, ...]:
        """The ports that clients on this machine connect to."""
        return (self.listener_port, self.https.listener_port) if self.https else (self.listener_port,)

    def as_inside(self) -> FrontOptions:
        """The same of the listeners at ports 80 and 443."""
        https = replace(self.https, listener_port=443, bind_port=443) if self.https else None
        return replace(self, listener_port=80, bind_port=80, https=https)


def check_name(what: str, name: str) -> str:
    """The name itself; InputError where HAProxy could not take it."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{what} name {name!r} cannot be used by the front",
            hint="use letters, digits, dots, underscores and hyphens only",
        )
    return name


def backend_name(service: str, target_group: str) -> str:
    """The backend with those targets of a group that had a verdict."""
    return f"{check_name('service', service)}:{check_name('target group', target_group)}"


def initial_backend_name(service: str, target_group: str) -> str:
    """The backend that checks the targets of a group until their first success."""
    return f"initial:{backend_name(service, target_group)}"


def open_backend_name(service: str, target_group: str) -> str:
    """The backend that takes requests while no target of a group is healthy: an ALB fails open."""
    return f"{OPEN}{backend_name(service, target_group)}"
