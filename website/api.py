"""The pytest API with its signatures and types, read off the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from emulator import testing
from emulator.testing import plugin

FILE = "reference/testing-api.md"
SHOWN = (testing.Environment, testing.ServiceHandle, testing.AsyncEnvironment)
"""Classes with methods; the others of the package are records."""


def write_api(pages: Path) -> None:
    """Writes the page of fixtures, classes and records."""
    parts = [
        "# The pytest API\n",
        "Signatures and types, as the code of this version has them. [Testing](testing.md) says how they are used.\n",
        "## Fixtures\n",
    ]
    for name, function in _fixtures():
        returned = inspect.signature(function).return_annotation
        parts.append(f"### `{name}`\n\n```python\n{name}: {_plain(returned)}\n```\n\n{inspect.getdoc(function)}\n")
    records = [getattr(testing, name) for name in testing.__all__]
    for kind in [*SHOWN, *(kind for kind in records if kind not in SHOWN)]:
        parts += _class(kind)
    (pages / FILE).write_text("\n".join(parts), encoding="utf-8")


def _fixtures() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(plugin).items():
        function = getattr(member, "__wrapped__", None) or getattr(member, "_fixture_function", None)
        if name.startswith("copilot_") and function is not None:
            yield name, function


def _class(kind: type) -> Iterator[str]:
    yield f"## `{kind.__name__}`\n\n```python\n{signature(kind.__name__, kind)}\n```\n"
    yield f"{inspect.getdoc(kind) or ''}\n"
    for name, member in inspect.getmembers(kind):
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        shown = getattr(member, "fget", None) or getattr(member, "func", None) or member
        if isinstance(member, property) or hasattr(member, "func"):
            line = f"{name}: {_plain(inspect.signature(shown).return_annotation)}"
        elif callable(member):
            line = signature(name, shown)
        else:
            continue
        yield f"### `{kind.__name__}.{name}`\n\n```python\n{line}\n```\n\n{inspect.getdoc(shown)}\n"


def signature(name: str, function: Callable[..., Any]) -> str:
    """A definition as Python writes it; a parameter a line where it is long."""
    found = inspect.signature(function)
    parameters = [_parameter(one) for key, one in found.parameters.items() if key != "self"]
    marks = [one.kind for key, one in found.parameters.items() if key != "self"]
    if inspect.Parameter.KEYWORD_ONLY in marks and inspect.Parameter.VAR_POSITIONAL not in marks:
        parameters.insert(marks.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = found.return_annotation
    end = "" if returned is inspect.Signature.empty or inspect.isclass(function) else f" -> {_plain(returned)}"
    line = f"{name}({', '.join(parameters)}){end}"
    return line if len(line) <= 90 else f"{name}(\n    " + ",\n    ".join(parameters) + f",\n){end}"


def _parameter(one: inspect.Parameter) -> str:
    stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
    kind = "" if one.annotation is one.empty else f": {_plain(one.annotation)}"
    value = "" if one.default is one.empty else f" = {getattr(one.default, '__name__', repr(one.default))}"
    return f"{stars}{one.name}{kind}{value}"


def _plain(annotation: Any) -> str:
    """A type as it is written; annotations of our modules are text. A fixture gives what its iterator yields."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = text.strip("'").replace("typing.", "")
    return text[len("Iterator[") : -1] if text.startswith("Iterator[") else text
