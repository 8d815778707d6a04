"""Reads configuration of Fluent Bit in its classic format as Fluent Bit reads it.

What decides where a line belongs is not obvious: a header ends at the first `]`, whatever follows; a file's indentation
is what its first indented line has; key and value are parted by a blank, never by a tab; `@` commands begin their line.
Where versions differ, what one of them takes is taken here: the router itself is the judge in the end.

Source: `mk_rconf.c` of Fluent Bit 1.8 and `flb_cf_fluentbit.c` of 1.9 to 4.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.errors import InputError

_BLANKS = " \t"
_SPACE = " \t\n\v\f\r"
"""What C's `isspace` knows; Python's `strip` alone would take more."""
INCLUDE = "@INCLUDE "
DEFAULT_INDENT = "    "


class Kind(enum.Enum):
    """What a line is."""

    NOTHING = enum.auto()  # blank, or a comment
    HEADER = enum.auto()
    ENTRY = enum.auto()
    INCLUDE = enum.auto()
    COMMAND = enum.auto()  # `@SET`


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file. `number` counts from 1."""

    kind: Kind
    text: str
    number: int
    key: str = ""
    """An entry's key, a header's name, a command's name, or the path of an include as it is written."""
    value: str = ""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file. `indent`: what each of its entries begins with."""

    path: str
    lines: tuple[Line, ...]
    indent: str


@dataclass(slots=True)
class ReadSection:
    """A section as Fluent Bit has it after reading: all entries, whichever file they stand in."""

    name: str
    file: str
    number: int
    entries: list[Line] = field(default_factory=list)

    def first(self, key: str) -> str:
        """The value of a key, of which Fluent Bit takes the first; empty where it is not there."""
        return next((line.value for line in self.entries if line.key.lower() == key), "")


def section_kind(name: str) -> str:
    """`output`, `input`, `filter`, `service` or `custom` for a section's name, else the name in lower case.

    Fluent Bit from 1.9 on compares only as many letters as the name has: `[OUT]` is an output.
    """
    lower = name.lower()
    for kind in ("service", "customs", "inputs", "filters", "outputs"):
        if lower and kind.startswith(lower):
            return kind if kind == "service" else kind.removesuffix("s")
    return lower


def split_entry(text: str) -> tuple[str, str]:
    """Key and value of an entry without its indentation; the value is empty where there is no blank."""
    key, _, value = text.partition(" ")
    return key.strip(_SPACE), value.strip(_SPACE)


def read_file(text: str, path: str) -> ReadFile:
    """A file taken apart. Raises InputError, with the file's line, for what no version of Fluent Bit takes."""
    lines: list[Line] = []
    indent: str | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r")
        if "\0" in line:
            raise refused(path, number, "a zero byte")
        if not line or line.startswith("#"):
            lines.append(Line(Kind.NOTHING, line, number))
        elif len(line) > len(INCLUDE) and line[: len(INCLUDE)].upper() == INCLUDE:
            lines.append(Line(Kind.INCLUDE, line, number, line[len(INCLUDE) :]))
        elif line.startswith("@") and len(line) > 3:
            command, blank, rest = line[1:].partition(" ")
            if not blank:
                raise refused(path, number, f"@{command} has no value, parted by a blank")
            lines.append(Line(Kind.COMMAND, line, number, command.strip(_SPACE), rest.strip(_SPACE)))
        elif line.startswith("["):
            end = line.find("]")
            if end < 1:
                raise refused(path, number, "Bad header definition")
            lines.append(Line(Kind.HEADER, line, number, line[1:end]))
        else:
            if indent is None:
                indent = _indent(line, path, number)
                if indent == line:
                    lines.append(Line(Kind.NOTHING, line, number))
                    continue
            lines.append(_entry(line, indent, path, number))
    if lines and not lines[-1].text:
        lines.pop()  # the file ends with a line end
    return ReadFile(path, tuple(lines), DEFAULT_INDENT if indent is None else indent)


def read_sections(text: str, path: str, included: Callable[[str], str | None]) -> list[ReadSection]:
    """The sections of a main file and of all that it includes, in the order of reading; `included` gives the text of a
    file by its absolute path.

    Entries that stand after an include, or before any header of their file, count for the section that was read last,
    as in Fluent Bit 1.8; later versions refuse the second and go on with the section at the first.
    """
    sections: list[ReadSection] = []

    def read(content: str, file: str, above: tuple[str, ...]) -> None:
        for line in read_file(content, file).lines:
            if line.kind is Kind.HEADER:
                sections.append(ReadSection(line.key, file, line.number))
            elif line.kind is Kind.ENTRY and sections:
                sections[-1].entries.append(line)
            elif line.kind is Kind.INCLUDE:
                nested = included(line.key) if line.key not in above else None
                if nested is None:
                    raise refused(file, line.number, f"includes {line.key}, which is not there")
                read(nested, line.key, (*above, line.key))

    read(text, path, (path,))
    return sections


def _indent(line: str, path: str, number: int) -> str:
    """A file's indentation by its first line that needs one: one character, whichever, and the blanks after it."""
    end = 1
    while end < len(line) and line[end] in _BLANKS:
        end += 1
    if not line[0].isascii():
        raise refused(path, number, "Invalid indentation level")
    return line[:end]


def _entry(line: str, indent: str, path: str, number: int) -> Line:
    if not line.startswith(indent):
        raise refused(path, number, "Invalid indentation level")
    rest = line[len(indent) :]
    deeper = len(rest) - len(rest.lstrip(_BLANKS))
    if deeper and deeper != len(indent):  # later versions take twice the indentation
        raise refused(path, number, "Invalid indentation level")
    rest = rest[deeper:]
    if not rest or rest.startswith("#"):
        return Line(Kind.NOTHING, line, number)
    if " " not in rest:
        raise refused(path, number, "Each key must have a value, parted by a blank")
    key, value = split_entry(rest)
    if not value:
        raise refused(path, number, "Key has an empty value")
    return Line(Kind.ENTRY, line, number, key, value)


def refused(path: str, number: int, message: str) -> InputError:
    """The error for a line of a configuration file that Fluent Bit refuses."""
    hint = "Fluent Bit ends over it, on ECS too"
    if path.endswith((".yaml", ".yml")):
        hint = (
            "ECS includes this file in one of the classic format, which takes no YAML: write it as `[FILTER]` sections"
        )
    return InputError(f"{path}:{number} in the log router's image: {message}", hint=hint)
