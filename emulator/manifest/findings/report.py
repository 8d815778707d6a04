"""Collects the findings of one file, each at its place."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from emulator.errors import Finding, Position, Severity
from emulator.manifest.yaml.nodes import Node

if TYPE_CHECKING:
    from emulator.manifest.findings.codes import Code

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def child(path: str, key: str | int) -> str:
    """The path of a key or an index below `path`: `sidecars.nginx`, `topics[0]`, `labels["a.b"]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


_STEP = re.compile(r'\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')


def split_path(path: str) -> list[str | int]:
    """The steps of a path. Raises ValueError where it is none."""
    steps: list[str | int] = []
    end = 0
    while end < len(path):
        found = _STEP.match(path, end)
        if found is None:
            raise ValueError(f"{path!r} is not a path in a manifest")
        name, index, quoted = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        end = found.end()
    return steps


class Report:
    """The findings of one pass. The same finding at the same place counts once, however often a node is visited.

    With `copilot`, what works here and not in the Copilot binary is an error too.
    """

    def __init__(self, file: str, *, copilot: bool = False) -> None:
        self.file = file
        self.copilot = copilot
        self.findings: list[Finding] = []
        self._seen: set[tuple[str, int, int, str]] = set()
        self._changed: set[tuple[int, int]] = set()
        self._undefined: set[tuple[int, int]] = set()
        self.gaps: set[tuple[int, int]] = set()
        """Places of values with an undefined variable that the caller asks for: what follows from them is not said."""
        self.followed: set[tuple[int, int]] = set()
        """Those of the gaps of which something followed."""

    def add(
        self,
        code: Code,
        node: Node | None,
        path: str,
        message: str,
        *,
        hint: str = "",
        warning: bool = False,
        copilot_accepts: bool = False,
        copilot_refuses: bool = False,
        certain: bool = False,
    ) -> None:
        """Adds one finding. `warning` is for what is worth saying and works here; `copilot_accepts` for what Copilot
        goes on with, which lenient callers turn into a warning; `copilot_refuses` for a warning about what does not
        work with the Copilot binary, or means something else there. `certain`: whatever value an undefined variable
        gets, it is wrong."""
        line, column = (node.line, node.column) if node is not None else (1, 0)
        if (line, column) in self.gaps and not certain:
            self.followed.add((line, column))
            return
        mark = (code, line, column, message)
        if mark in self._seen or (code != "CL104" and (line, column) in self._changed):
            return  # what follows from a value that Copilot changed is not said again
        if code != "CL110" and (line, column) in self._undefined:
            return  # nor is what follows from a variable that is not defined
        if code == "CL104":
            self._changed.add((line, column))
        if code == "CL110":
            self._undefined.add((line, column))
        self._seen.add(mark)
        position = Position(self.file, line, column)
        severity = Severity.WARNING if warning and not (copilot_refuses and self.copilot) else Severity.ERROR
        self.findings.append(Finding(code, message, position, path, hint, severity, copilot_accepts))

    def is_undefined(self, node: Node | None) -> bool:
        """Whether a value names a variable that is not defined."""
        place = (node.line, node.column) if node is not None else None
        return place in self.gaps or place in self._undefined

    def drop(self, code: Code, paths: Collection[str]) -> None:
        """Takes back findings of a code at paths of which more was said elsewhere."""
        self.findings = [it for it in self.findings if it.code != code or it.path not in paths]
