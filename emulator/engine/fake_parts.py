"""What `FakeEngine` is made of: scripted behaviour, container records, streams."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from emulator.engine.interface import (
    ContainerSpec,
    ContainerState,
    EngineEvent,
    ExecResult,
    ExecStream,
    File,
    Health,
    LogLine,
)
from emulator.engine.labels import present_labels
from emulator.errors import CopilotLocalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does once it runs. Sequences are consumed one by one; their last item stays."""

    exits: tuple[int | None, ...] = (None,)
    """For each start: the code it exits with right away, None where it runs on."""
    health: tuple[Health, ...] = (Health.STARTING, Health.HEALTHY)
    """For each listing: its verdict, where the container has a health check."""
    log: tuple[str, ...] = ()
    """Lines it prints to standard output at each start."""
    stop_code: int | None = 143
    """The exit code after its stop signal; None where it ignores that and has to be killed (137)."""
    listens: tuple[str, ...] = ()
    """`fluentd-address` values (shell patterns) that accept connections while it runs: what makes it a log router."""
    exec: Callable[[Sequence[str]], ExecResult] | None = None
    """Answers `exec`; without it every command succeeds and prints nothing."""
    stream: Callable[[Sequence[str]], ExecStream] | None = None
    """Answers `exec_stream`; without it the command gives back its input, like `cat`."""


@dataclass(slots=True)
class Record:
    """A container of the fake."""

    id: str
    spec: ContainerSpec
    behaviour: Behaviour
    created: datetime
    checked: bool
    """Whether it has a health check."""
    state: ContainerState = ContainerState.CREATED
    exit_code: int | None = None
    health: Health = Health.NONE
    starts: int = 0
    listings: int = 0
    address: str = ""
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Further networks, with its names there."""
    stopped_by_hand: bool = False
    log: list[LogLine] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.state in (ContainerState.RUNNING, ContainerState.PAUSED)

    @property
    def status(self) -> str:
        """Docker's own words for the state."""
        match self.state:
            case ContainerState.RUNNING:
                words = {
                    Health.NONE: "",
                    Health.STARTING: " (health: starting)",
                    Health.HEALTHY: " (healthy)",
                    Health.UNHEALTHY: " (unhealthy)",
                }
                return "Up 1 second" + words[self.health]
            case ContainerState.PAUSED:
                return "Up 1 second (Paused)"
            case ContainerState.EXITED:
                return f"Exited ({self.exit_code}) 1 second ago"
            case ContainerState.RESTARTING:
                return f"Restarting ({self.exit_code}) 1 second ago"
            case _:
                return str(self.state).capitalize()

    @property
    def log_address(self) -> str:
        """Where a `fluentd` driver in synchronous mode connects to; "" for other drivers."""
        options = self.spec.log_options
        if self.spec.log_driver != "fluentd" or options.get("fluentd-async") == "true":
            return ""
        return options.get("fluentd-address", "localhost:24224")

    @property
    def restarts(self) -> bool:
        """Whether Docker starts it again after it exited."""
        if self.stopped_by_hand:
            return False
        policy = self.spec.restart.partition(":")[0]
        return policy in {"always", "unless-stopped"} or (policy == "on-failure" and self.exit_code != 0)


@dataclass(slots=True)
class Failure:
    """An injected failure: the next `times` matching calls raise it (None: all)."""

    verb: str
    target: str
    error: CopilotLocalError
    times: int | None

    def strikes(self, verb: str, target: str) -> bool:
        if self.verb != verb or self.times == 0 or not fnmatch.fnmatchcase(target, self.target):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FeedStream(Generic[T]):
    """A stream over something that grows: `read(position)` gives the items from there, and whether more can come."""

    def __init__(self, changed: threading.Condition, read: Callable[[int], tuple[list[T], bool]]) -> None:
        self._changed = changed
        self._read = read
        self._position = 0
        self._closed = False

    def __iter__(self) -> FeedStream[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            while not self._closed:
                items, more = self._read(self._position)
                if items:
                    self._position += 1
                    return items[0]
                if not more:
                    break
                self._changed.wait()
        raise StopIteration

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class EchoStream:
    """A command that gives back its standard input, like `cat`; on a terminal it prints its size where that changes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._data = b""
        self._ended = False

    def write(self, data: bytes) -> None:
        with self._changed:
            self._data += data
            self._changed.notify_all()

    def close_stdin(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def lines(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while b"\n" not in self._data and not self._ended:
                    self._changed.wait()
                line, newline, self._data = self._data.partition(b"\n")
            if not line and not newline:
                return
            yield line

    def chunks(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._data or self._ended)
                chunk, self._data = self._data, b""
            if not chunk:
                return
            yield chunk

    def frames(self) -> Iterator[tuple[int, bytes]]:
        return ((1, chunk) for chunk in self.chunks())

    def wait(self) -> int:
        return 0

    def resize(self, columns: int, rows: int) -> None:
        self.write(f"{columns}x{rows}".encode())

    def error_output(self) -> bytes:
        return b""

    def exit_code(self) -> int | None:
        return 0 if self._ended else None

    def close(self) -> None:
        self.close_stdin()


def matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Docker's label filter; an empty value asks for any."""
    present = present_labels(labels)
    return all(name in present and value in ("", present[name]) for name, value in wanted.items())


def event(action: str, record: Record) -> EngineEvent:
    """An event as Docker words it: labels, with the name and, for an end, the exit code among them."""
    attributes = {**present_labels(record.spec.labels), "name": record.spec.name, "image": record.spec.image}
    if action == "die":
        attributes["exitCode"] = str(record.exit_code)
    return EngineEvent(action, record.id, attributes, datetime.now(UTC))
