"""A plan: operations with causes and edges, printable before anything is done."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, Unpack

from emulator.engine.interface import ContainerSpec, File

if TYPE_CHECKING:
    from emulator.runtime.state.database import DesiredDatabase

TASK_STEADY = "STEADY"
"""Condition of an await on a whole task: running, container checks healthy, target healthy."""
IGNORED = "ignored its stop signal"
"""What is said of a container that ended by SIGKILL alone."""


class Verb(enum.StrEnum):
    """What an operation does; each is one or two Docker calls."""

    CREATE_NETWORK = "create network"
    CREATE_VOLUME = "create volume"
    CREATE_CONTAINER = "create container"
    START_CONTAINER = "start container"
    AWAIT = "await"
    PREPARE_AWS = "prepare local AWS"
    AWAIT_DATABASE = "await database"
    GIVE_ACCOUNT = "give database its account"
    CONFIGURE_FRONT = "configure front"
    SHIFT_TRAFFIC = "shift traffic"
    DEREGISTER = "deregister target"
    AWAIT_PROXY = "await Service Connect proxy"
    WRITE_NAMES = "write Service Connect names"
    WITHDRAW_NAME = "withdraw Service Connect name"
    REVIVE_ROUTER = "revive log router"
    STOP_CONTAINER = "stop container"
    REMOVE_CONTAINER = "remove container"
    REMOVE_VOLUME = "remove volume"
    REMOVE_NETWORK = "remove network"


class Details(TypedDict, total=False):
    """What an operation has beside its cause, as `Operation` says."""

    spec: ContainerSpec | None
    files: tuple[tuple[str, tuple[File, ...]], ...]
    labels: dict[str, str]
    condition: str
    waiting: str
    timeout: int
    task_id: str
    router: str
    aws_request: Mapping[str, object]
    database: DesiredDatabase | None
    title: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One step. `needs` are the ids of the operations that must be done before it."""

    id: int
    verb: Verb
    subject: str
    cause: str
    needs: tuple[int, ...] = ()
    spec: ContainerSpec | None = None
    files: tuple[tuple[str, tuple[File, ...]], ...] = ()
    """Files to put in after creation: (folder, files)."""
    labels: dict[str, str] = field(default_factory=dict)
    condition: str = ""
    """AWAIT: START, COMPLETE, SUCCESS or HEALTHY of `subject`."""
    waiting: str = ""
    """AWAIT: the container that waits, for messages."""
    timeout: int = 0
    """Seconds: of a stop, of an await, of the retries of a start."""
    task_id: str = ""
    router: str = ""
    """START_CONTAINER: the log router container whose socket this one needs."""
    aws_request: Mapping[str, object] = field(default_factory=dict, repr=False)
    """PREPARE_AWS: what has to be there, see `emulator.runtime.specs.aws.resources`. It may hold secrets."""
    database: DesiredDatabase | None = None
    """AWAIT_DATABASE, GIVE_ACCOUNT: which one `subject` is the container of."""
    title: str = ""
    """What people read while it goes on; empty for steps that only matter when they fail or take long."""

    def __str__(self) -> str:
        what = f"{self.verb} {self.subject}"
        if self.condition:
            what += f" {self.condition} (for {self.waiting})"
        after = f" after {', '.join(f'#{need}' for need in self.needs)}" if self.needs else ""
        return f"#{self.id} {what}{after}: {self.cause}"


@dataclass(slots=True)
class Plan:
    """Operations in an order in which each one's needs come before it."""

    operations: list[Operation] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    """Of a plan that is only printed: what is built, and which tasks are replaced, a line each with the reason."""

    def add(
        self,
        verb: Verb,
        subject: str,
        cause: str,
        needs: Iterable[int | None] = (),
        **details: Unpack[Details],
    ) -> int:
        """Appends an operation, returns its id. `None` among `needs` is left out."""
        present = tuple(dict.fromkeys(need for need in needs if need is not None))
        assert all(1 <= need <= len(self.operations) for need in present), "it would wait for ever"
        operation = Operation(len(self.operations) + 1, verb, subject, cause, present, **details)
        self.operations.append(operation)
        return operation.id

    def __bool__(self) -> bool:
        return bool(self.operations)

    def __str__(self) -> str:
        return "\n".join([*self.before, *map(str, self.operations)])
