"""Containers as the engine takes and gives them: what one is created from, and one row of the listing."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


class ContainerState(enum.StrEnum):
    """Docker's container states."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(enum.StrEnum):
    """Docker's verdict on a container's health check; NONE where it has no check."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a running container is attached to a network."""

    mac_address: str
    gateway: str
    prefix_length: int


@dataclass(frozen=True, slots=True)
class HealthProbe:
    """One run of a health check. `output` as Docker keeps it: 4096 bytes at most."""

    ended: datetime
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A container port published on the host. `host_port` 0 asks for a free one."""

    container_port: int
    host_port: int
    host_ip: str = "127.0.0.1"
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume mounted in a container, or (`bind`) a path of the daemon's host."""

    source: str
    target: str
    read_only: bool = False
    bind: bool = False
    make: bool = False
    """Of a path of the daemon's host: make the folder where it is not there."""
    copy: bool = True
    """Copy what the image holds at the target into a new volume."""


@dataclass(frozen=True, slots=True)
class Container:
    """One row of the container listing."""

    id: str
    name: str
    image: str
    state: ContainerState
    status: str
    """Docker's own words: `Up 3 seconds (healthy)`, `Exited (137) 2 minutes ago`."""
    labels: Mapping[str, str]
    """Without those of ours that are empty, which means absent: see `emulator.engine.labels`."""
    created: datetime
    exit_code: int | None = None
    health: Health = Health.NONE
    addresses: Mapping[str, str] = field(default_factory=dict)
    """IPv4 address by network name; empty while not running."""
    ports: tuple[PublishedPort, ...] = ()
    image_id: str = ""
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    """By network name; empty while not running."""


@dataclass(frozen=True, slots=True)
class HealthCheckSpec:
    """A container health check; times in seconds. An empty `test` leaves the image's own, `("NONE",)` disables it."""

    test: tuple[str, ...]
    interval: float = 30
    timeout: float = 5
    retries: int = 3
    start_period: float = 0


@dataclass(frozen=True, slots=True)
class UlimitSpec:
    """A resource limit."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything a container is created from. `None` and empty values leave the image's or Docker's default."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    groups: tuple[str, ...] = ()
    """Groups beside the user's own."""
    working_directory: str | None = None
    hostname: str | None = None
    network: str | None = None
    """A network's name, `none`, or `container:<name or id>`."""
    network_aliases: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    """`name:address`; the address `host-gateway` is the host."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    """Containers whose mounts this one gets too: `name`, or `name:ro`."""
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=dict)
    health_check: HealthCheckSpec | None = None
    init: bool = False
    read_only: bool = False
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: tuple[UlimitSpec, ...] = ()
    cpu_shares: int | None = None
    nano_cpus: int | None = None
    memory: int | None = None
    """Hard limit, bytes."""
    memory_reservation: int | None = None
    cgroup_parent: str | None = None
    stop_signal: str | None = None
    restart: str = "no"
    """Docker's restart policy: `no`, `always`, `unless-stopped`, `on-failure`."""
    auto_remove: bool = False
    """Docker removes it as soon as it ends."""
    tty: bool = False
    stdin_open: bool = False
    platform: str | None = None
    pid_mode: str | None = None
    pids_limit: int | None = None
    """The most processes and threads."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to put into a container: path relative to the target folder. With `directory`, a folder: made, or given
    this mode and owner if it exists; its path may be `.`, the target folder itself."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    directory: bool = False
