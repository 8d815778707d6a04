"""What a log router's own words say is wrong with its configuration, and which line of the manifest that is.

Source: the messages of Fluent Bit 1.8 to 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emulator.errors import Position
from emulator.firelens.local_aws import CORE_PLUGINS

_UNKNOWN_PLUGIN = re.compile(r"Output plugin '([^']+)' cannot be loaded|Invalid output type '([^']+)'")
_UNKNOWN_OPTION = re.compile(r"\[config\] ([\w.-]+): unknown configuration property '([^']+)'")
_OUTPUT_ERROR = re.compile(r"\[error\] \[output:([\w-]+):[^\]]+\] (.+)")
_OTHER_ERROR = re.compile(r"\[error\] \[(filter|input|parser|sp)[:\]]([\w-]*)[^\]]*\]? ?(.+)")
_UNSET = re.compile(r"variable \$\{([^}]+)\} is used but not set")
_BROKEN_FILE = re.compile(r"[Cc]onfiguration file contains errors|could not open configuration file|cannot open file")
_UNREACHABLE = (
    "no upstream connections available",
    "could not connect",
    "getaddrinfo",
    "connection refused",
    "timed out",
)

STARTED = "stream processor started"
"""Fluent Bit says so once every plugin took its options."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the router complains about. `stream` is the output's, empty where it is no output."""

    message: str
    stream: str = ""
    position: Position | None = None
    fatal: bool = True
    """Whether Fluent Bit ends over it."""

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


def find_problems(
    output: Iterable[str], outputs: Sequence[tuple[str, str]], positions: Mapping[str, Position], main: str
) -> list[Problem]:
    """The problems in what a router printed, each once.

    `outputs`: (stream, plugin) of each output; `positions`: manifest path to where it stands; `main`: the main
    container, whose destination is `logging.destination`.
    """
    found: dict[str, Problem] = {}
    for line in output:
        problem = _problem(line, outputs, positions, main)
        if problem is not None:
            found.setdefault(problem.message, problem)
    return list(found.values())


def option_path(stream: str, option: str, main: str) -> str:
    """The manifest path of a container's log option; for outputs of the user's file `logging.configFilePath`."""
    if stream.startswith("output-"):
        return "logging.configFilePath"
    block = "logging.destination" if stream == main else f"logging.sidecars.{stream}.destination"
    return f"{block}.{option}" if option else block


def _problem(
    line: str, outputs: Sequence[tuple[str, str]], positions: Mapping[str, Position], main: str
) -> Problem | None:
    def at(plugin: str, option: str) -> tuple[str, Position | None]:
        stream = next((s for s, name in outputs if plugin in (name, CORE_PLUGINS.get(name))), "")
        path = option_path(stream, option, main) if stream else "logging"
        return stream, nearest(path, positions)

    if match := _UNKNOWN_PLUGIN.search(line):
        name = match[1] or match[2]
        stream, position = at(name, "Name")
        return Problem(f"the log router knows no output plugin {name}", stream, position)
    if match := _UNKNOWN_OPTION.search(line):
        stream, position = at(match[1], match[2])
        return Problem(f"the output plugin {match[1]} knows no option {match[2]}", stream, position)
    if match := _UNSET.search(line):
        name = match[1].rpartition("_")[0] or match[1]
        position = nearest(f"logging.secretOptions.{name}", positions)
        return Problem(f"the log router has no variable {match[1]}", "", position, fatal=False)
    if match := _OUTPUT_ERROR.search(line):
        stream, position = at(match[1], "")
        if any(sign in match[2].lower() for sign in _UNREACHABLE):
            host = nearest(option_path(stream, "Host", main), positions) if stream else None
            return Problem(f"the destination of {match[1]} is not reachable: {match[2]}", stream, host, fatal=False)
        return Problem(f"the output plugin {match[1]}: {match[2]}", stream, position)
    if match := _OTHER_ERROR.search(line):
        position = nearest("logging.configFilePath", positions)
        return Problem(f"the {match[1]} {match[2]}: {match[3]}".replace(" :", ":"), "", position)
    if _BROKEN_FILE.search(line):
        position = nearest("logging.configFilePath", positions)
        return Problem(
            "the log router's configuration file has errors, or includes a file that is not there", "", position
        )
    return None


def nearest(path: str, positions: Mapping[str, Position]) -> Position | None:
    """Where a manifest path stands, or the nearest one above it; option names know no case."""
    folded = {key.lower(): position for key, position in positions.items()}
    while path:
        if path.lower() in folded:
            return folded[path.lower()]
        path = path.rpartition(".")[0]
    return None
