"""An [OUTPUT] section of a Fluent Bit configuration file, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

Entries = list[tuple[str, str]]
"""Keys and values of a section, in order; a key may come twice."""


def parse_entries(lines: tuple[str, ...]) -> Entries:
    """The keys and values of a section's lines, comments left out."""
    entries: Entries = []
    for line in lines:
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            key, *value = stripped.split(None, 1)
            entries.append((key, "".join(value)))
    return entries


@dataclass(frozen=True, slots=True)
class OutputSection:
    """An output: its plugin, what it matches, and its other options. Fluent Bit's keys know no case."""

    plugin: str
    match: tuple[tuple[str, str], ...]
    """`Match` and `Match_Regex` entries, as they are written."""
    entries: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, lines: tuple[str, ...]) -> OutputSection:
        """Reads a section, its header included."""
        plugin, match, rest = "", [], []
        for key, value in parse_entries(lines[1:]):
            if key.lower() == "name":
                plugin = value
            elif key.lower() in ("match", "match_regex"):
                match.append((key, value))
            else:
                rest.append((key, value))
        return cls(plugin, tuple(match), tuple(rest))

    def lines(self) -> tuple[str, ...]:
        """The section as text, four spaces deep."""
        entries = [("Name", self.plugin), *self.match, *self.entries]
        return ("[OUTPUT]", *(f"    {key} {value}" for key, value in entries))
