"""What a picture consists of: boxes, groups of boxes, and arrows. No renderer knows where they come from."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Kind(enum.StrEnum):
    """What a box stands for."""

    CLIENT = "client"
    BALANCER = "load balancer"
    CONTAINER = "container"
    ROUTER = "log router"
    DESTINATION = "destination"
    TOPIC = "topic"
    QUEUE = "queue"
    RESOURCE = "resource"


class Line(enum.StrEnum):
    """How an arrow is drawn: what goes along it."""

    REQUEST = "request"
    LOGS = "logs"
    ORDER = "order"
    """The source starts after the target."""
    MESSAGES = "messages"
    USE = "use"


@dataclass(frozen=True, slots=True)
class Box:
    """A box. The first of its lines is its title. `group`: the id of the group that it stands in, empty for none."""

    id: str
    kind: Kind
    lines: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, by their ids."""

    source: str
    target: str
    line: Line
    label: str = ""


@dataclass(slots=True)
class Graph:
    """A picture. `groups`: id to title, in the order in which they are drawn."""

    title: str
    groups: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)

    def add(self, id: str, kind: Kind, *lines: str, group: str = "") -> str:
        """Adds a box unless it is there; returns its id."""
        self.boxes.setdefault(id, Box(id, kind, tuple(line for line in lines if line), group))
        return id

    def connect(self, source: str, target: str, line: Line, label: str = "") -> None:
        """Adds an arrow unless it is there."""
        arrow = Arrow(source, target, line, label)
        if arrow not in self.arrows:
            self.arrows.append(arrow)
