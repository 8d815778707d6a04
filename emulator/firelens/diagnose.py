"""What a log router's own words say is wrong with its configuration, and which line of the manifest that is.

Source: the messages of Fluent Bit 1.8 to 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from emulator.errors import Position
from emulator.firelens.local_aws import CORE_PLUGINS
from emulator.firelens.output import plugin_kind
from emulator.firelens.placed import Placed

_CANNOT_LOAD = re.compile(r"(Output|Input|Custom) plugin '([^']+)' cannot be loaded|Invalid output type '([^']+)'")
_NO_FILTER = re.compile(r"Invalid configuration value at (\w+)\.Name", re.IGNORECASE)
_NO_PLUGIN = re.compile(r"section '(\w+)' tried to instance a plugin name that (?:doesn't|don't) exist")
_UNKNOWN_OPTION = re.compile(r"\[config\] ([\w.-]+): unknown configuration property '([^']+)'")
_OF_PLUGIN = re.compile(r"\[error\] \[(output|input|filter):([\w-]+):([^\]]*)\] (.+)")
_UNSET = re.compile(r"variable \$\{([^}]+)\} is used but not set")
_NO_PARSERS = re.compile(r"[Cc]ould not open parser configuration file|cannot open configuration file.*parser", re.I)
_NO_STREAMS = re.compile(r"\[sp\] (.+)")
_BROKEN_FILE = re.compile(r"[Cc]onfiguration file contains errors|could not open configuration file|cannot open file")
_ANY_ERROR = re.compile(r"\[\s*error\] (.+)|^(?:\x1b\[\d+m)*Error(?:\x1b\[\d+m)*: (.+)|^(Sections \[.+)")
_FOLLOWS = re.compile(
    r"Failed initialize|\[lib\] backend failed|filter cannot be loaded|could not initialize stream processor"
)
"""What Fluent Bit says after the error itself."""
_UNREACHABLE = (
    "no upstream connections available",
    "could not connect",
    "getaddrinfo",
    "connection refused",
    "timed out",
)
_FILTERS = frozenset(
    {
        "alter_size", "aws", "checklist", "ecs", "expect", "geoip2", "grep", "kubernetes", "log_to_metrics", "lookup",
        "lua", "modify", "multiline", "nest", "nightfall", "parser", "record_modifier", "rewrite_tag", "sampling",
        "stdout", "sysinfo", "tensorflow", "throttle", "throttle_size", "type_converter", "wasm",
    }
)  # fmt: skip
"""Filters of any version of Fluent Bit: one that refuses a filter does not say which."""

STARTED = ("stream processor started", "could not initialize stream processor")
"""Fluent Bit says one of them once every plugin took its options."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the router complains about. `stream` is the output's, empty where it is no output."""

    message: str
    stream: str = ""
    position: Position | None = None
    fatal: bool = True
    """Whether Fluent Bit ends over it, or goes on without what it is about."""
    general: bool = False
    """It is the router's own words, which nothing here knows."""
    follows: bool = False
    """It follows from an error that the router did not print."""

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


def find_problems(
    output: Iterable[str],
    outputs: Sequence[tuple[str, str]],
    positions: Mapping[str, Position],
    main: str,
    sections: Sequence[Placed] = (),
) -> list[Problem]:
    """The problems in what a router printed, each once.

    `outputs`: (stream, plugin) of each output; `positions`: manifest path to where it stands; `main`: the main
    container, whose destination is `logging.destination`; `sections`: those that the router has, in their order.
    """
    reader = _Reader(positions, main, sections or [Placed("output", plugin, stream) for stream, plugin in outputs])
    reasons: dict[str, Problem] = {}
    consequences: dict[str, Problem] = {}
    for line in output:
        problem = reader.problem(line)
        if problem is not None:
            follows = _FOLLOWS.search(line) is not None
            found = consequences if follows or _BROKEN_FILE.search(line) else reasons
            found.setdefault(problem.message, replace(problem, follows=follows))
    # Fluent Bit's lines come from two threads: what follows from an error is sometimes printed before it.
    unexplained = [] if any(problem.fatal for problem in reasons.values()) else [*consequences.values()][:1]
    return [*reasons.values(), *unexplained]


def explained(problems: Iterable[Problem]) -> bool:
    """Whether one of the problems is what a router ended over, and not what follows from that."""
    return any(problem.fatal and not problem.follows for problem in problems)


def option_path(stream: str, option: str, main: str) -> str:
    """The manifest path of a container's log option; for outputs of the user's file `logging.configFilePath`."""
    if stream.startswith("output-"):
        return "logging.configFilePath"
    block = "logging.destination" if stream == main else f"logging.sidecars.{stream}.destination"
    return f"{block}.{option}" if option else block


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads lines of a router's output, knowing what it was given."""

    positions: Mapping[str, Position]
    main: str
    sections: Sequence[Placed]

    def problem(self, line: str) -> Problem | None:
        if match := _CANNOT_LOAD.search(line):
            kind, name = (match[1] or "output").lower(), match[2] or match[3]
            return self._about(self._named(kind, name, "name"), "Name", f"the log router knows no {kind} plugin {name}")
        if match := _NO_PLUGIN.search(line) or _NO_FILTER.search(line):
            return self._unknown(match[1].lower())
        if match := _UNKNOWN_OPTION.search(line):
            section = self._named("", match[1], match[2].lower())
            kind = section.kind if section is not None else "output"
            return self._about(section, match[2], f"the {kind} plugin {match[1]} knows no option {match[2]}")
        if match := _UNSET.search(line):
            name = match[1].rpartition("_")[0] or match[1]
            position = nearest(f"logging.secretOptions.{name}", self.positions)
            return Problem(f"the log router has no variable {match[1]}", "", position, fatal=False)
        if match := _OF_PLUGIN.search(line):
            return self._of_plugin(match[1], match[2], match[3], match[4])
        if _NO_PARSERS.search(line):
            service = next((one for one in self.sections if "parsers_file" in one.keys), None)
            return self._about(service, "parsers_file", "the log router cannot open its parsers file (Parsers_File)")
        if match := _NO_STREAMS.search(line) if "[error]" in line else None:
            service = next((one for one in self.sections if "streams_file" in one.keys), None)
            return self._about(service, "streams_file", f"the stream processor: {match[1]}")
        if _BROKEN_FILE.search(line):
            return self._about(
                None, "", "the log router's configuration file has errors, or includes a file that is not there"
            )
        if match := _ANY_ERROR.search(line):
            message = (match[1] or match[2] or match[3]).strip()
            unreachable = any(sign in message.lower() for sign in _UNREACHABLE)
            position = self._file_position()
            return Problem(f"the log router: {message}", "", position, fatal=not unreachable, general=True)
        return None

    def _of_plugin(self, kind: str, plugin: str, instance: str, message: str) -> Problem:
        section = self._numbered(kind, plugin, instance)
        if kind == "output" and any(sign in message.lower() for sign in _UNREACHABLE):
            reason = f"the destination of {plugin} is not reachable: {message}"
            return self._about(section, "Host", reason, fatal=False)
        word = "output plugin" if kind == "output" else kind
        return self._about(section, "", f"the {word} {plugin}: {message}")

    def _unknown(self, kind: str) -> Problem:
        """Fluent Bit knows no plugin of that name, and does not say which it is."""
        some = [one for one in self.sections if one.kind == kind]
        section = next((one for one in some if not one.plugin), None)
        if section is not None:
            return self._about(section, "", f"a [{kind.upper()}] section has no Name")
        if kind == "filter":
            section = next((one for one in some if one.plugin.lower() not in _FILTERS), None)
        elif len(some) == 1:
            section = some[0]
        which = f" {section.plugin}" if section is not None else ""
        return self._about(section, "Name", f"the log router knows no {kind} plugin{which or ' that is configured'}")

    def _named(self, kind: str, plugin: str, key: str) -> Placed | None:
        """The section of a plugin, the one that has that key first. A Go plugin may run as Fluent Bit's own."""
        wanted = plugin_kind(plugin)
        some = [
            one
            for one in self.sections
            if (not kind or one.kind == kind) and wanted in (name := plugin_kind(one.plugin), CORE_PLUGINS.get(name))
        ]
        return next((one for one in some if key in one.keys), some[0] if some else None)

    def _numbered(self, kind: str, plugin: str, instance: str) -> Placed | None:
        """The section that Fluent Bit calls so: by its number, or by its alias."""
        some = [one for one in self.sections if one.kind == kind]
        by_alias = next((one for one in some if one.alias and one.alias == instance), None)
        number = instance.rpartition(".")[2]
        numbered = some[int(number)] if number.isdigit() and int(number) < len(some) else None
        if by_alias is None and numbered is not None and plugin_kind(numbered.plugin) == plugin and numbered.keys:
            return numbered
        return by_alias or self._named(kind, plugin, "")

    def _about(self, section: Placed | None, option: str, message: str, *, fatal: bool = True) -> Problem:
        """A problem of a section, with the line of the user's file and the manifest's."""
        if section is None:
            return Problem(message, "", self._file_position(), fatal)
        if section.file:
            line = section.keys.get(option.lower(), section.line)
            message = f"{message} ({section.file}:{line} in the log router's image)"
            return Problem(message, section.stream, self._file_position(), fatal)
        if not section.stream:
            return Problem(message, "", self._file_position(), fatal)
        if section.kind == "filter":
            option = "include-pattern" if "regex" in section.keys else "exclude-pattern"
        path = option_path(section.stream, option, self.main)
        return Problem(message, section.stream, nearest(path, self.positions), fatal)

    def _file_position(self) -> Position | None:
        return nearest("logging.configFilePath", self.positions)


def nearest(path: str, positions: Mapping[str, Position]) -> Position | None:
    """Where a manifest path stands, or the nearest one above it; option names know no case."""
    folded = {key.lower(): position for key, position in positions.items()}
    while path:
        if path.lower() in folded:
            return folded[path.lower()]
        path = path.rpartition(".")[0]
    return None
