"""Puts the values of variables into a manifest, as Copilot does (internal/pkg/manifest/interpolate.go)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from collections.abc import Mapping as Variables
from dataclasses import dataclass, field
from typing import Final

from emulator.errors import Position
from emulator.manifest.findings.report import Report, child
from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar, Sequence

_VARIABLE = re.compile(r"(\\?)\$\{([_a-zA-Z][_a-zA-Z0-9]*)\}")
APPLICATION = "COPILOT_APPLICATION_NAME"
ENVIRONMENT = "COPILOT_ENVIRONMENT_NAME"
MAX_CHARACTERS: Final = 1_000_000
MAX_STEPS: Final = 1000
"""How long one value may grow, and how many replacements it may take: variables that name each other can double it
with every step."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A variable without a value, and the first place that names it."""

    name: str
    path: str
    position: Position


@dataclass(slots=True)
class Gaps:
    """Collects undefined variables for a caller that asks for them all at once. At the places in `filled` (line and
    column) a stand-in value takes theirs, so that the rest of the manifest can be read."""

    found: dict[str, Undefined] = field(default_factory=dict)
    filled: Collection[tuple[int, int]] = ()


STAND_IN: Final = "1"
"""Fits numbers and texts."""


def interpolate(
    root: Mapping,
    variables: Variables[str, str],
    *,
    app: str,
    environment: str | None,
    report: Report,
    gaps: Gaps | None = None,
) -> None:
    """Replaces every `${NAME}` in the values of the tree, in place; keys stay. Reports CL110 for a name that is not
    defined: an error in the base and in the environment in use, a warning in the others, where the text stays. With
    `gaps` such an error goes there instead."""
    _Interpolation(variables, app, environment, report, gaps).mapping(root, "", other="")


class _Interpolation:
    def __init__(
        self, variables: Variables[str, str], app: str, environment: str | None, report: Report, gaps: Gaps | None
    ) -> None:
        self.variables = variables
        self.gaps = gaps
        self.environment = environment
        self.predefined = {APPLICATION: app}
        if environment is not None:
            self.predefined[ENVIRONMENT] = environment
        self.report = report
        self.done: dict[int, Node] = {}

    def mapping(self, node: Mapping, path: str, other: str) -> None:
        for name, entry in node.entries.items():
            outside = name if path == "environments" and name != self.environment else other
            entry.value = self.node(entry.value, child(path, name), outside)

    def node(self, node: Node, path: str, other: str) -> Node:
        """The node with its variables replaced; an anchored node that is used twice is done once."""
        if (known := self.done.get(id(node))) is not None:
            return known
        self.done[id(node)] = node
        if isinstance(node, Mapping):
            self.mapping(node, path, other)
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                node.items[index] = self.node(item, child(path, index), other)
        else:
            self.done[id(node)] = self.scalar(node, path, other)
        return self.done[id(node)]

    def scalar(self, node: Scalar, path: str, other: str) -> Node:
        text = node.text
        if "${" not in text and text.lstrip()[:1] != "[":
            return node
        if not isinstance(scalars.resolve(node), str) or (node.tag and node.tag != "!" and "yaml.org" not in node.tag):
            return node
        if "${" in text:
            self.substitute(node, path, other)
        if node.style == "|":
            return node
        items = json_texts(node.text)
        if items is None:
            return node
        return Sequence([self.item(item, node) for item in items], "", node.line, node.column, node.text)

    def item(self, text: str, node: Scalar) -> Scalar:
        return Scalar(text, '"', "", node.line, node.column, node.width, node.variables)

    def substitute(self, node: Scalar, path: str, other: str) -> None:
        """As Copilot does: for each variable as the file has them, in order, every place that has it by then. So what a
        value brings in is replaced too where the file names that variable further on."""
        used: dict[str, None] = {}
        text = node.text
        settled: set[tuple[str, str]] = set()  # the text has no place for these any more
        steps = 0
        for match in _VARIABLE.findall(text):
            if match in settled:
                continue
            escape, name = match
            value = f"${{{name}}}" if escape else self.lookup(name, node, path, other)
            if value is None:
                settled.add(match)
                continue
            place = f"{escape}${{{name}}}"
            places = text.count(place)
            steps += 1
            if steps > MAX_STEPS or len(text) + places * (len(value) - len(place)) > MAX_CHARACTERS:
                message = (
                    f"grows beyond {MAX_CHARACTERS:,} characters or {MAX_STEPS:,} steps as variables are filled in"
                )
                self.report.add("CL154", node, path, message, hint="look for variables whose values name each other")
                return
            text = text.replace(place, value)
            if places and "${" in value:
                settled.clear()
            settled.add(match)
            if not escape:
                used[name] = None
        node.text = text
        node.variables = tuple(used)

    def lookup(self, name: str, node: Scalar, path: str, other: str) -> str | None:
        given = self.variables.get(name)
        if name in self.predefined:
            value = self.predefined[name]
            if given is not None and given != value:
                message = f"{name} is {given!r} in the variables, but it is predefined as {value!r}"
                self.report.add("CL112", node, path, message, hint=f"unset {name}")
            return value
        if name == ENVIRONMENT:
            return None  # no environment is chosen: the text stays
        if given is None and self.gaps is not None and not other:
            place = (node.line, node.column)
            self.report.gaps.add(place)
            position = Position(self.report.file, *place)
            self.gaps.found.setdefault(name, Undefined(name, path, position))
            return STAND_IN if place in self.gaps.filled else None
        if given is None:
            if other:
                message = f"variable {name} is not defined; Copilot would refuse the manifest in every environment"
            else:
                message = f"variable {name} is not defined"
            hint = (
                f"set {name} in the shell, in .env or under [variables] in copilot-local.toml, "
                f"or write \\${{{name}}} for the text itself"
            )
            self.report.add("CL110", node, path, message, hint=hint, warning=bool(other), copilot_refuses=True)
        return given


def json_texts(text: str) -> list[str] | None:
    """The items where the text is a JSON list of texts with at least one, else None."""
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return value
    return None
