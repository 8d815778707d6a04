"""What the rest of the project may ask of Docker: a narrow, typed interface.

Every call has a deadline and raises the `EngineError` family only. Containers are observed by `list_containers` alone:
one listing never blocks, while inspecting a container whose log driver is stuck does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from emulator.engine.containers import (
    Attachment,
    Container,
    ContainerSpec,
    ContainerState,
    File,
    Health,
    HealthCheckSpec,
    HealthProbe,
    Mount,
    PublishedPort,
    UlimitSpec,
)
from emulator.engine.images import BuildSpec, Image, ImageName, OnLine, RegistryAuth

__all__ = [
    "HERE",
    "Attachment",
    "BuildSpec",
    "CommandStream",
    "Container",
    "ContainerSpec",
    "ContainerState",
    "Engine",
    "EngineEvent",
    "EngineInfo",
    "ExecResult",
    "ExecSetting",
    "ExecStream",
    "File",
    "Health",
    "HealthCheckSpec",
    "HealthProbe",
    "Image",
    "ImageName",
    "LogLine",
    "Mount",
    "OnLine",
    "PublishedPort",
    "RegistryAuth",
    "Stream",
    "Terminal",
    "UlimitSpec",
]


@dataclass(frozen=True, slots=True)
class EngineInfo:
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
    shares_folders: bool = False
    """Whether a container sees a folder of this user that it mounts, and may write to it as root."""

    @property
    def elsewhere(self) -> str:
        """The name of the machine that it is reached on over a network; empty where that is through a socket here."""
        if self.host.startswith(("unix:", "npipe:")):
            return ""
        return urlsplit(self.host).hostname or self.host


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a container printed, without its line end."""

    stream: str
    """`stdout` or `stderr`."""
    text: str
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecSetting:
    """Where a command runs in a container; empty: as the container itself. `variables` are `NAME=value`."""

    user: str = ""
    folder: str = ""
    variables: tuple[str, ...] = ()


HERE = ExecSetting()
"""As the container itself."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """A finished command inside a container."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ExecStream(Protocol):
    """A running command inside a container, with its standard streams attached."""

    def write(self, data: bytes) -> None: ...

    def close_stdin(self) -> None: ...

    def chunks(self) -> Iterator[bytes]:
        """Standard output as it comes, until the command closes it."""
        ...

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


class CommandStream(ExecStream, Protocol):
    """The same of a command whose output is passed on as it is, both streams in their order."""

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What the command writes, as it comes: (1, standard output) and (2, standard error)."""
        ...

    def wait(self) -> int:
        """The exit code, once its output has ended."""
        ...


class Terminal(Protocol):
    """A running command inside a container, on a terminal of its own."""

    def write(self, data: bytes) -> None:
        """What is typed: signals are keys too."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Sets the size of the terminal; nothing where the command has ended."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """What the command prints, as it comes, until it ends or `close` is called."""
        ...

    def exit_code(self) -> int | None:
        """The command's exit code, None while it runs."""
        ...

    def close(self) -> None:
        """Ends the connection. The command goes on: Docker has no way to end it."""
        ...


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened to a container."""

    action: str
    """Docker's word: `start`, `die`, `oom`, `health_status: healthy`, `destroy`, …"""
    container_id: str
    labels: Mapping[str, str]
    """The container's labels, among them Docker's own attributes: `name`, `image`, and for a `die` its `exitCode`."""
    time: datetime


T_co = TypeVar("T_co", covariant=True)


class Stream(Iterator[T_co], Protocol[T_co]):
    """An iterator that may wait for what comes next; `close`, also from another thread, ends it."""

    def close(self) -> None: ...


class Engine(Protocol):
    """The verbs. Containers are named by name or id; missing ones raise `NotFound`."""

    @property
    def host(self) -> str:
        """How the daemon is reached, as `EngineInfo.host`, without asking it."""
        ...

    def info(self) -> EngineInfo:
        """The daemon; `EngineUnavailable` where none answers. Cached after the first answer. Docker takes ten times as
        long for it as for a listing."""
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

    def await_stop(self, container: str, timeout: float) -> bool:
        """Waits until a container does not run, for so many seconds; whether it has ended. A missing one has."""
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
        """What a container printed, in order. With `follow` until it stops; closing the stream ends it. Without,
        `EngineTimeout` where it stops coming."""
        ...

    def exec(
        self, container: str, command: Sequence[str], *, user: str | None = None, timeout: float = 30
    ) -> ExecResult:
        """Runs a command inside a running container and waits for it."""
        ...

    def exec_stream(self, container: str, command: Sequence[str]) -> ExecStream:
        """Starts a command inside a running container with standard streams attached."""
        ...

    def exec_command(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> CommandStream:
        """The same of a command of the user's."""
        ...

    def exec_terminal(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> Terminal:
        """Starts a command inside a running container on a terminal of its own."""
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

    def join_network(self, container: str, network: str, aliases: Sequence[str]) -> None:
        """Puts a container into a further network, with these names there; nothing where it is in it already."""
        ...

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

    def list_images(self, repositories: Sequence[str]) -> list[ImageName]:
        """The names of local images in these repositories; `*` stands for a part of a name."""
        ...

    def remove_image_name(self, reference: str) -> None:
        """Takes a name from a local image, and removes it with its last one; a missing one is fine. `Conflict`: a
        container still uses it."""
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

    def built(self, spec: BuildSpec) -> str | None:
        """The id that `build` would give without building, since nothing that the image was built from has changed;
        None where that is not certain. Raises `ImageError` where what it is built from cannot be read."""
        ...

    def why_build(self, spec: BuildSpec) -> str:
        """Why `built` gives None, in words: which files have changed since the image was built."""
        ...

    def events(self, labels: Mapping[str, str]) -> Stream[EngineEvent]:
        """Container events from now on, until the iterator is closed. `EngineError` where the stream breaks."""
        ...

    def close(self) -> None: ...
