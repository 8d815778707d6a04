"""Which configuration file a log router's command gives Fluent Bit, as far as can be seen without running it.

An image may name another file than the one that FireLens puts into its place: by its command, its entry point, or a
script that either of them runs. What cannot be seen here shows when the router has started: it tells its outputs.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.firelens.placed import expand

_SHELLS = ("sh", "bash", "ash", "dash", "busybox")
_PROGRAMS = ("fluent-bit", "td-agent-bit")
_BEFORE = ("env", "exec", "tini", "dumb-init", "--")
"""Words before a program that leave it what it is."""
_MOST_SCRIPTS = 4


@dataclass(frozen=True, slots=True)
class RouterCommand:
    """What a command tells Fluent Bit. `config`: its main file; empty where it names none, None where that depends."""

    config: str | None
    outputs: tuple[str, ...] = ()
    """Outputs that the command line itself adds."""


def router_commands(
    argv: Sequence[str], read: Callable[[str], str | None], variables: Mapping[str, str]
) -> list[RouterCommand]:
    """The commands that start Fluent Bit, in a container's command (entry point first) and the scripts that it runs.

    `read` gives a file of its image, `variables` are the container's. Empty where none is seen.
    """
    found: list[RouterCommand] = []
    queue = [list(argv)]
    scripts = 0
    while queue:
        words = queue.pop(0)
        while words and (posixpath.basename(words[0]) in _BEFORE or re.match(r"\w+=", words[0])):
            words = words[1:]
        if not words:
            continue
        name = posixpath.basename(words[0])
        if name in _PROGRAMS:
            found.append(_of(words[1:], variables))
            continue
        if name in _SHELLS:
            script = _shell_script(words[1:])
            if script is not None:
                queue += _commands(script)
                continue
            words = [word for word in words[1:] if not word.startswith("-")]
        if words and scripts < _MOST_SCRIPTS:
            scripts += 1
            text = read(posixpath.join("/", words[0]))
            queue += _commands(text) if text is not None and text.startswith("#!") else []
    return found


def _of(words: Sequence[str], variables: Mapping[str, str]) -> RouterCommand:
    config: str | None = ""
    outputs = []
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if value := _value(word, following, "-c", "--config"):
            config = value
        for short, long in (("-o", "--output"), ("-C", "--custom")):
            if value := _value(word, following, short, long):
                outputs.append(value)
    config = expand(re.sub(r"\$(\w+)", r"${\1}", config or ""), variables)
    return RouterCommand(None if "$" in config else config, tuple(outputs))


def _value(word: str, following: str, short: str, long: str) -> str:
    """An option's value, empty where the word is not that option."""
    if word in (short, long):
        return following
    if word.startswith(f"{long}="):
        return word.removeprefix(f"{long}=")
    return word.removeprefix(short) if word.startswith(short) else ""


def _shell_script(words: Sequence[str]) -> str | None:
    """The script in `sh -c '…'`."""
    for number, word in enumerate(words):
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            return words[number + 1] if number + 1 < len(words) else ""
        if not word.startswith("-"):
            return None
    return None


def _commands(script: str) -> list[list[str]]:
    """The commands of a shell script that may lead to Fluent Bit."""
    found: list[list[str]] = []
    for line in re.split(r"[\n;&|]+", script.replace("\\\n", " ")):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        if words and words[0] in (".", "source"):
            words = words[1:]
        program = next((n for n, word in enumerate(words) if posixpath.basename(word) in _PROGRAMS), None)
        if program is not None and not line.lstrip().startswith("#"):
            found.append(words[program:])
        elif words and (words[0] == "exec" or "/" in words[0]):
            found.append(words)
    return found
