"""The rooms of the house: docs/understand/architecture.md lists them, lowest first, with what each may import."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "emulator"
PARTED = ("manifest", "runtime", "agent", "cli")
"""Rooms whose packages are rooms of their own."""
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]*) \| ([^|]*) \| [^|]+ \|$", re.MULTILINE)
EVERYWHERE = re.compile(r"^Every room may import (.+)\.$", re.MULTILINE)


@cache
def architecture() -> str:
    return (ROOT / "docs" / "understand" / "architecture.md").read_text(encoding="utf-8")


@cache
def everywhere() -> frozenset[str]:
    [names] = EVERYWHERE.findall(architecture())
    return frozenset(re.findall(r"`(\w+)`", names))


@cache
def rows() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By room: what it may import, and what it starts as a process of its own (`python3 -m …`)."""
    return {
        room: (frozenset(re.findall(r"`([\w.]+)`", imports)), frozenset(re.findall(r"`([\w.]+)`", starts)))
        for room, imports, starts in ROW.findall(architecture())
    }


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    return {module_of(file): file for file in PACKAGE.rglob("*.py")}


def room_of(module: str) -> str:
    """`runtime.state` for emulator.runtime.state.names; "" for the package itself."""
    parts = module.split(".")[1:]
    if not parts:
        return ""
    inside = parts[0] in PARTED and len(parts) > 1 and (PACKAGE / parts[0] / parts[1]).is_dir()
    return ".".join(parts[:2]) if inside else parts[0]


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Every module of ours that a file imports anywhere, inside functions too."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("emulator"))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports say the whole name"
            if node.module and node.module.split(".")[0] == "emulator":
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    yield whole if whole in modules() else node.module


def started(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Modules that are named by a string, as `python3 -m` is given them."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules():
            yield node.value


class Named(NamedTuple):
    """What the text of a module names: reading it takes longer than all that is asked of it."""

    imports: frozenset[str]
    starts: frozenset[str]
    packages: frozenset[str]
    """The first names of all that it imports, ours or not."""


@cache
def named(file: Path) -> Named:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    whole = [
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    packages = frozenset(name.split(".")[0] for name in whole)
    return Named(frozenset(imported(nodes)), frozenset(started(nodes)), packages)


@cache
def edges() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What each room imports, and what it starts."""
    imports: dict[str, set[str]] = defaultdict(set)
    starts: dict[str, set[str]] = defaultdict(set)
    for module, file in modules().items():
        room = room_of(module)
        imports[room] |= {room_of(other) for other in named(file).imports} - {room, ""}
        starts[room] |= {room_of(other) for other in named(file).starts} - {room, ""}
    return imports, starts


def test_every_room_has_its_row_and_every_row_its_room() -> None:
    assert set(rows()) | everywhere() == {room_of(module) for module in modules()} - {""}


@pytest.mark.parametrize("room", sorted({room_of(module) for module in modules()} - {""}))
def test_a_room_imports_and_starts_exactly_what_its_row_names(room: str) -> None:
    """A permission that is not used is as wrong as one that is missing: the table is the map."""
    imports, starts = edges()
    if room in everywhere():
        assert imports[room] <= everywhere(), "what every room may import needs no other room"
        return
    may_import, may_start = rows()[room]
    assert imports[room] - everywhere() == may_import
    assert starts[room] == may_start


def test_rooms_import_lower_ones_only() -> None:
    order = list(rows())
    upwards = [(room, other) for room in order for other in rows()[room][0] if order.index(other) > order.index(room)]
    assert upwards == []


CIRCLES = {
    "emulator.testing.live": {"emulator.testing.lifecycle"},
    "emulator.testing.service": {"emulator.testing.environment"},
}
"""For types alone, or only once something is wrong."""


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count: they delay a circle, they do not break it."""
    graph = {module: set(named(file).imports) - {module} for module, file in modules().items()}
    done: set[str] = set()
    while left := {module: others - done for module, others in graph.items() if module not in done}:
        leaves = {module for module, others in left.items() if not others - CIRCLES.get(module, set())}
        assert leaves, f"these import each other: {sorted(left)}"
        done |= leaves


def test_only_the_engine_knows_the_docker_sdk() -> None:
    others = {module: file for module, file in modules().items() if room_of(module) != "engine"}
    assert [module for module, file in others.items() if "docker" in named(file).packages] == []
