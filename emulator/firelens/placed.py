"""Where each section of a router's configuration comes from, in the order in which Fluent Bit reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emulator.firelens.classic import Line
from emulator.firelens.output import plugin_kind


@dataclass(frozen=True, slots=True)
class Placed:
    """A section that the router has. Fluent Bit numbers the outputs in this order, and so the filters."""

    kind: str
    """`input`, `filter` or `output`."""
    plugin: str
    stream: str = ""
    """A container's name, or an output's of the user's own file: `output-<n>`. Empty: it is about no container."""
    file: str = ""
    """The user's own file in the router's image; empty for what ECS generates."""
    line: int = 0
    """The header's line there."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """The lines of its keys, in lower case."""
    alias: str = ""
    """What Fluent Bit calls it instead of plugin and number."""


def placed(
    kind: str, entries: Sequence[Line], variables: Mapping[str, str], *, file: str = "", line: int = 0, stream: str = ""
) -> Placed:
    """A section with those entries."""
    keys = {entry.key.lower(): entry.number for entry in reversed(entries)}
    values = {entry.key.lower(): entry.value for entry in reversed(entries)}
    plugin, alias = (expand(values.get(key, ""), variables) for key in ("name", "alias"))
    return Placed(kind, plugin, stream, file, line, keys, alias)


def expand(value: str, variables: Mapping[str, str]) -> str:
    """A value with the variables filled in that are known."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: variables.get(match[1], match[0]), value)


def output_names(sections: Sequence[Placed]) -> list[str]:
    """What Fluent Bit calls the outputs: an alias, else the plugin (a number follows, which is left out)."""
    return sorted(one.alias or plugin_kind(one.plugin) for one in sections if one.kind == "output")
