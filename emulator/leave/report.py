"""What Copilot's stacks of an environment hold, and what would be lost with each: a report, made without AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from emulator.leave.kinds import DESTRUCTIVE, GUARDED

_ORDER = (
    "Keep everything as it is: services run on without Copilot. Nothing below has to be done at once.",
    "Protect the environment's stack (`leave protect`, `leave check`), and turn termination protection on.",
    "Take the environment over (`aws env deploy`, `leave check --phase takeover`).",
    "Take the services over one by one (`aws svc deploy --take-over`). For just one service protect its stack, instead "
    "of 1 and 2.",
    "Replace the pipelines (`render pipeline`): each build of theirs downloads Copilot.",
    "At last the application's own stacks, once images and secrets are elsewhere.",
)


@dataclass(frozen=True, slots=True)
class Holding:
    """One resource of a stack that is lost when the stack is deleted, or when an update leaves the resource out."""

    id: str
    type: str
    loss: str
    reason: str = ""
    """What in the manifests it is there for."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of Copilot's: its name, what it is, and what it holds."""

    name: str
    what: str
    holdings: tuple[Holding, ...]
    notes: tuple[str, ...] = ()


def held(types: Mapping[str, str], reasons: Mapping[str, str]) -> Iterator[Holding]:
    """Those of a stack's resources, by logical id and type, that hold data or are known to others."""
    for id, type in types.items():
        if type in GUARDED:
            yield Holding(id, type, GUARDED[type], reasons.get(id, ""))


def custom(id: str, type: str, reason: str) -> Holding:
    """A custom resource of Copilot's that deletes something on its way out."""
    return Holding(id, type, DESTRUCTIVE[type], reason)


def lines(app: str, environment: str, stacks: Iterable[Stack]) -> Iterator[str]:
    """The report as text."""
    yield f"Leaving Copilot: {app}, environment {environment}"
    yield ""
    yield "Lost with a stack, unless its resources have `DeletionPolicy: Retain`:"
    for stack in stacks:
        yield ""
        yield f"{stack.name}: {stack.what}"
        for one in stack.holdings:
            reason = f" [{one.reason}]" if one.reason else ""
            yield f"  {one.id} ({one.type}): {one.loss}{reason}"
        for note in stack.notes:
            yield f"  - {note}"
    yield ""
    yield "In this order:"
    yield from (f"  {number}. {step}" for number, step in enumerate(_ORDER))
