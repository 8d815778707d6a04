"""No room, file or function is too large to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "emulator"
MOST_FILES = 20
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
"""From its docstring on: the parameters of a verb are its options, one each."""
LONGER = {
    "compiler/service.py:compile_service": "one keyword a field of the service, and nothing else",
    "manifest/yaml/reader.py:_root": "the loop over the parser's events: a call an event would cost a fifth of reading",
}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_package_has_more_files_than_can_be_looked_over() -> None:
    folders = {file.parent for file in files()}
    assert [str(folder) for folder in folders if len(list(folder.glob("*.py"))) > MOST_FILES] == []


def test_no_file_is_longer_than_two_things() -> None:
    assert [str(file) for file in files() if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []


@pytest.mark.parametrize("room", sorted(path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"))
def test_no_function_is_longer_than_a_screen(room: str) -> None:
    path = PACKAGE / room
    long = {
        f"{file.relative_to(PACKAGE)}:{node.name}"
        for file in ([path] if path.is_file() else path.rglob("*.py"))
        if file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno >= MOST_LINES_OF_A_FUNCTION
    }
    assert long == {name for name in LONGER if name.startswith(f"{room}/")}
