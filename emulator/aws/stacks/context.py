"""What providers work with: the endpoint's clients, the place, and the databases that run as containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.evaluator import Place
from emulator.aws.stacks.resources import Resource
from emulator.aws.stacks.values import Value


@dataclass(frozen=True)
class Database:
    """A database or cache that the command line starts: where tasks reach it, and its identifier."""

    host: str
    port: int
    engine: str
    identifier: str


@dataclass
class Context:
    """Shared by all providers of one run.

    `databases` are by `<stack>/<logical id>`. `connections` collects what a secret's attachment adds, by the `Ref` of
    the database; `accounts` the user, password and the like that its container starts with.
    """

    place: Place
    clients: Clients
    seed: bytes
    public_url: str
    warn: Callable[[Resource, str], None]
    databases: Mapping[str, Database] = field(default_factory=dict)
    connections: dict[str, dict[str, str | int]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Value]] = field(default_factory=dict)
