"""What the rest of the project may ask of Docker: a narrow, typed interface.

Every call has a deadline and raises the `EngineError` family only. Containers are observed by `list_containers` alone:
one listing never blocks, while inspecting a container whose log driver is stuck does.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct, field


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


class EngineInfo(Struct, frozen=True):
    """The daemon we talk to."""

    version: str
    api_version: str
    os: str
    architecture: str
    """As in image platforms: `amd64`, `arm64`."""
    root_dir: str
    """Where the daemon keeps its data (`/var/lib/docker`)."""
    log_drivers: tuple[str, ...]
    cgroup_version: int
    cgroup_driver: str
    rootless: bool
    host: str
    """How it is reached: `unix:///var/run/docker.sock`."""
    id: str = ""
    """What tells it from other daemons; empty where it does not say."""


class Attachment(Struct, frozen=True):
    """How a running container is attached to a network."""

    mac_address: str
    gateway: str
    prefix_length: int


class HealthProbe(Struct, frozen=True):
    """One run of a health check. `output` as Docker keeps it: 4096 bytes at most."""

    ended: datetime
    exit_code: int
    output: str


class Container(Struct, frozen=True):
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


class PublishedPort(Struct, frozen=True):
    """A container port published on the host. `host_port` 0 asks for a free one."""

    container_port: int
    host_port: int
    host_ip: str = "127.0.0.1"
    protocol: str = "tcp"


class Mount(Struct, frozen=True):
    """A volume mounted in a container, or (`bind`) a path of the daemon's host."""

    source: str
    target: str
    read_only: bool = False
    bind: bool = False
    make: bool = False
    """Of a path of the daemon's host: make the folder where it is not there."""
    copy: bool = True
    """Copy what the image holds at the target into a new volume."""


class HealthCheckSpec(Struct, frozen=True):
    """A container health check; times in seconds. An empty `test` leaves the image's own, `("NONE",)` disables it."""

    test: tuple[str, ...]
    interval: float = 30
    timeout: float = 5
    retries: int = 3
    start_period: float = 0


class UlimitSpec(Struct, frozen=True):
    """A resource limit."""

    name: str
    soft: int
    hard: int


class ContainerSpec(Struct, frozen=True):
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


class File(Struct, frozen=True):
    """A file to put into a container: path relative to the target folder. With `directory`, a folder: made, or given
    this mode and owner if it exists; its path may be `.`, the target folder itself."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    directory: bool = False


class LogLine(Struct, frozen=True):
    """One line a container printed, without its line end."""

    stream: str
    """`stdout` or `stderr`."""
    text: str
    timestamp: datetime | None = None


class ExecSetting(Struct, frozen=True):
    """Where a command runs in a container; empty: as the container itself. `variables` are `NAME=value`."""

    user: str = ""
    folder: str = ""
    variables: tuple[str, ...] = ()


HERE = ExecSetting()
"""As the container itself."""


class ExecResult(Struct, frozen=True):
    """A finished command inside a container."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ExecStream(Protocol):
    """A running command inside a container, with its standard streams attached."""

    def write(self, data: bytes) -> None: ...

    def close_stdin(self) -> None: ...

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output, without line ends, until the command closes it. What it prints on standard error
        is kept for `error_output`."""
        ...

    def error_output(self) -> bytes: ...

    def exit_code(self) -> int | None:
        """The command's exit code, None while it runs."""
        ...

    def close(self) -> None:
        """Ends the connection; the command sees its standard input end."""
        ...


class EngineEvent(Struct, frozen=True):
    """Something that happened to a container."""

    action: str
    """Docker's word: `start`, `die`, `oom`, `health_status: healthy`, `destroy`, …"""
    container_id: str
    labels: Mapping[str, str]
    """The container's labels, among them Docker's own attributes: `name`, `image`, and for a `die` its `exitCode`."""
    time: datetime


class BuildSpec(Struct, frozen=True):
    """An image build. `substitutes` replaces images that the Dockerfile's FROM lines and COPY --from name."""

    context: Path
    dockerfile: Path
    tag: str
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    cache_from: Sequence[str] = ()
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    substitutes: Mapping[str, str] = field(default_factory=dict)


class Image(Struct, frozen=True):
    """A local image."""

    id: str
    tags: tuple[str, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    exposed_ports: tuple[str, ...]
    user: str
    working_directory: str
    labels: Mapping[str, str]
    has_health_check: bool
    volumes: tuple[str, ...] = ()


class RegistryAuth(Struct, frozen=True):
    """Credentials of an image registry."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"RegistryAuth(username={self.username!r})"


T_co = TypeVar("T_co", covariant=True)


class Stream(Iterator[T_co], Protocol[T_co]):
    """An iterator that may wait for what comes next; `close`, also from another thread, ends it."""

    def close(self) -> None: ...


OnLine = Callable[[str], None]
"""Receives progress in words: a build's line, a pull's state."""


class Engine(Protocol):
    """The verbs. Containers are named by name or id; missing ones raise `NotFound`."""

    def info(self) -> EngineInfo:
        """The daemon; `EngineUnavailable` where none answers. Cached after the first answer."""
        ...

    def agent_socket(self) -> str:
        """The path of the daemon's API socket on the daemon's own host, for mounting into the agent."""
        ...

    def list_containers(self, labels: Mapping[str, str]) -> list[Container]:
        """All containers, stopped ones too, that carry these labels (an empty value: any), from one listing."""
        ...

    def create_container(self, spec: ContainerSpec) -> str:
        """Creates a container, returns its id. `Conflict`: the name is taken. `NotFound`: no such image."""
        ...

    def start(self, container: str) -> None:
        """Starts a container; one that runs already is fine. `LogDriverNotReady`: its log router's socket is not there;
        `PortInUse`: a host port is taken."""
        ...

    def stop(self, container: str, timeout: int) -> None:
        """Sends the stop signal, then SIGKILL after `timeout` seconds; returns when it has stopped. A stopped or
        missing container is fine. `EngineTimeout` where the daemon hangs."""
        ...

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Sends a signal; a stopped or missing container is fine."""
        ...

    def pause(self, container: str) -> None:
        """Freezes every process of a container; one that is paused already is fine. `Conflict`: it does not run."""
        ...

    def unpause(self, container: str) -> None:
        """Lets a paused container go on; one that is not paused is fine."""
        ...

    def remove(self, container: str) -> None:
        """Removes a container (by force) with its anonymous volumes; a missing one is fine."""
        ...

    def logs(
        self, container: str, *, follow: bool = False, tail: int | None = None, since: datetime | None = None
    ) -> Stream[LogLine]:
        """What a container printed, in order. With `follow` until it stops; closing the stream ends it."""
        ...

    def exec(
        self, container: str, command: Sequence[str], *, user: str | None = None, timeout: float = 30
    ) -> ExecResult:
        """Runs a command inside a running container and waits for it."""
        ...

    def exec_stream(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> ExecStream:
        """Starts a command inside a running container with standard streams attached."""
        ...

    def variables(self, container: str) -> Mapping[str, str]:
        """The variables a container was made with. This inspects it: only for containers known not to hang."""
        ...

    def health_log(self, container: str) -> tuple[HealthProbe, ...]:
        """The last runs of a container's health check (Docker keeps five), oldest first. This inspects the container,
        which hangs where its log driver is stuck: `EngineTimeout` after two seconds then."""
        ...

    def stats(self, container: str) -> Mapping[str, object]:
        """One sample of a running container's statistics, at once, in the Docker API's own shape (GET stats): without
        `precpu_stats`, and without `networks` where the container lives in another's namespace."""
        ...

    def put_files(self, container: str, folder: str, files: Sequence[File]) -> None:
        """Writes files below a folder of a container (running or only created), making missing subfolders. A file that
        exists is replaced by writing a sibling and renaming it only where the caller does so; this call writes."""
        ...

    def read_file(self, container: str, path: str) -> bytes:
        """Reads one file out of a container; `NotFound` where it is not there."""
        ...

    def list_files(self, container: str, folder: str) -> list[str]:
        """The files below a folder of a container, at any depth, as sorted absolute paths; none where there is no such
        folder. Carries the whole folder over: for small ones."""
        ...

    def ensure_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Makes a bridge network unless one of that name exists."""
        ...

    def remove_network(self, name: str) -> None:
        """Removes a network and leftovers of the same name; a missing one is fine."""
        ...

    def list_networks(self, labels: Mapping[str, str]) -> list[str]: ...

    def ensure_volume(self, name: str, labels: Mapping[str, str]) -> str:
        """Makes a volume unless it exists; returns its mount point on the daemon's host."""
        ...

    def remove_volume(self, name: str) -> None:
        """Removes a volume; a missing one is fine. `Conflict`: a container still uses it."""
        ...

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Volumes that carry these labels: name to labels."""
        ...

    def image(self, reference: str) -> Image | None:
        """A local image, or None."""
        ...

    def pull(
        self,
        reference: str,
        *,
        on_line: OnLine | None = None,
        auth: RegistryAuth | None = None,
        platform: str | None = None,
    ) -> None:
        """Pulls an image; `ImageError` with the registry's answer and a hint where that fails."""
        ...

    def build(self, spec: BuildSpec, *, on_line: OnLine | None = None, cancelled: threading.Event | None = None) -> str:
        """Builds an image, returns its id. `ImageError` carries the last lines of the build. `cancelled` ends it, with
        `ImageError` too."""
        ...

    def events(self, labels: Mapping[str, str]) -> Stream[EngineEvent]:
        """Container events from now on, until the iterator is closed. `EngineError` where the stream breaks."""
        ...

    def close(self) -> None: ...
