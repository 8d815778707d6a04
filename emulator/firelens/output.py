"""An [OUTPUT] section of a Fluent Bit configuration file, taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.firelens.classic import DEFAULT_INDENT, Kind, Line, read_file

Entries = list[tuple[str, str]]
"""Keys and values of a section, in order; a key may come twice."""


def plugin_kind(name: str) -> str:
    """The plugin that Fluent Bit takes a `Name` for: it compares without case, up to a `://`."""
    return name.partition("://")[0].lower()


@dataclass(frozen=True, slots=True)
class OutputSection:
    """An output: its plugin, what it matches, and its other options. Fluent Bit's keys know no case."""

    plugin: str
    match: tuple[tuple[str, str], ...]
    """`Match` and `Match_Regex` entries, as they are written."""
    entries: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, lines: tuple[str, ...]) -> OutputSection:
        """Reads a section, its header included. Raises InputError for lines that Fluent Bit refuses."""
        return cls.of(line for line in read_file("\n".join(lines), "").lines if line.kind is Kind.ENTRY)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> OutputSection:
        """The section with those entries. Of several names Fluent Bit takes the first."""
        plugin, match, rest = "", [], []
        for line in lines:
            if line.key.lower() == "name":
                plugin = plugin or line.value
            elif line.key.lower() in ("match", "match_regex"):
                match.append((line.key, line.value))
            else:
                rest.append((line.key, line.value))
        return cls(plugin, tuple(match), tuple(rest))

    @property
    def kind(self) -> str:
        """The plugin by its own name."""
        return plugin_kind(self.plugin)

    def lines(self, indent: str = DEFAULT_INDENT) -> tuple[str, ...]:
        """The section as text."""
        entries = [("Name", self.plugin), *self.match, *self.entries]
        return ("[OUTPUT]", *(f"{indent}{key} {value}" for key, value in entries))
