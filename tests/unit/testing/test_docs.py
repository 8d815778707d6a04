"""docs/reference/testing.md names everything that the API and the plugin have."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import testing
from emulator.app.tracing.tracer import Traced
from emulator.testing import plugin
from emulator.testing.environment import Environment

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")


def named(word: str) -> bool:
    """Whether the word stands in code in the document, alone or with what follows it in brackets or an argument."""
    return re.search(rf"`(?:[^`\n]*\W)?{re.escape(word)}(?:\W[^`\n]*)?`", TEXT) is not None


def dir_of(kind: type) -> list[str]:
    """The public fields and properties of a dataclass."""
    members = [name for name in dir(kind) if not name.startswith("_")]
    return sorted({*(one.name for one in dataclasses.fields(kind)), *members})


@pytest.mark.parametrize("verb", [name for name in dir(Environment) if not name.startswith("_")])
def test_every_verb_is_documented(verb: str) -> None:
    assert named(verb)


@pytest.mark.parametrize("name", [*dir_of(Traced), "certain", "message", "hint", "position"])
def test_what_a_trace_has_is_documented(name: str) -> None:
    assert named(name)


@pytest.mark.parametrize("argument", list(inspect.signature(Environment).parameters))
def test_every_argument_is_documented(argument: str) -> None:
    assert named(argument)


@pytest.mark.parametrize("name", [name for name in dir(plugin) if name.startswith("copilot_")])
def test_every_fixture_is_documented(name: str) -> None:
    assert named(name)


@pytest.mark.parametrize(
    "option", ["--copilot-workspace", "--copilot-scope", "--copilot-reuse", "--copilot-reuse-update"]
)
def test_every_option_is_documented_and_there(option: str, pytestconfig: pytest.Config) -> None:
    assert named(option)
    pytestconfig.getoption(option)


@pytest.mark.parametrize("name", testing.__all__)
def test_the_package_has_what_it_says(name: str) -> None:
    assert inspect.isclass(getattr(testing, name))


def test_what_the_package_does_not_have() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Enviroment'"):
        testing.Enviroment  # noqa: B018 - the access is what is tried


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def public_definitions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Functions, classes and methods of emulator/testing whose names do not begin with `_`."""
    for file in sorted((ROOT / "emulator" / "testing").rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            for one in (node, *(node.body if isinstance(node, ast.ClassDef) else ())):
                if isinstance(one, DEFINITIONS) and not one.name.startswith("_"):
                    yield f"{file.name}:{one.name}", one


def test_everything_public_has_a_docstring() -> None:
    assert [name for name, node in public_definitions() if not ast.get_docstring(node)] == []
