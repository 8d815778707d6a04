"""Chapters of the reference that are read off the command line, the settings and the test API."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from emulator.cli.reference.verb_help import VerbHelp, verb_helps


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, whose cells may hold anything."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def commands() -> str:
    """Every verb with its arguments and options."""
    from emulator.cli.shell.app import command_line
    from emulator.errors import ExitCode

    parts = ["# Commands\n"]
    for verb in verb_helps(command_line()):
        parts.append(f"## `{verb.usage}`\n\n{verb_tables(verb)}")
    parts.append("## Exit codes\n\n" + table(("code", "name"), ((str(int(c)), f"`{c.name}`") for c in ExitCode)))
    return "\n".join(parts)


def verb_tables(verb: VerbHelp) -> str:
    """What a verb does, with its arguments and options."""
    parts = [f"{verb.text}\n"]
    for column, records in (("argument", verb.arguments), ("option", verb.options)):
        if records:
            parts.append(table((column, "meaning"), ((f"`{name}`", meaning) for name, meaning in records)))
    return "\n".join(parts)


def settings() -> str:
    """Every key of copilot-local.toml with its type, default and meaning."""
    from emulator.manifest.jsonschema import descriptions
    from emulator.settings import Settings

    parts = ["# Settings: `copilot-local.toml`\n"]
    meanings = descriptions(Settings)
    for name, section in Settings.model_fields.items():
        model = _model_in(section.annotation)
        parts.append(f"## `[{section.serialization_alias or name}]`\n")
        if model is None:
            parts.append(f"{_prose(meanings.get(name, ''))} Type: `{_type_name(section.annotation)}`.\n")
            continue
        parts.append(f"{_prose(meanings.get(name) or model.__doc__ or '')}\n")
        keys = descriptions(model)
        parts.append(
            table(
                ("key", "type", "default", "meaning"),
                (
                    (f"`{key}`", f"`{_type_name(one.annotation)}`", _default(one), keys.get(key, ""))
                    for key, one in model.model_fields.items()
                ),
            )
        )
    return "\n".join(parts)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section behind a field's type: itself, an item of its list, or a value of its map."""
    for kind in (annotation, *reversed(get_args(annotation))):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _type_name(annotation: Any) -> str:
    """A type as Python writes it, without modules and bounds: `int | None`."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(inner[0])
    if origin in (Union, UnionType):
        return " | ".join(map(_type_name, inner))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin is not None:
        return f"{annotation.__name__}[{', '.join(map(_type_name, inner))}]"
    return "None" if annotation is NoneType else "..." if annotation is ... else str(annotation.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default_factory is not None or field.default in (None, "", ()):
        return ""
    return f"`{field.default}`"


def testing() -> str:
    """The Python API for tests: what `Environment` takes and can do, and what a trace has."""
    from emulator.app.tracing.tracer import Traced
    from emulator.testing.environment import Environment
    from emulator.testing.service import ServiceHandle
    from emulator.trace.diagnosis.view import Diagnosis
    from emulator.trace.requests.hops import Hop

    parts = ["# Testing\n"]
    for kind in (Environment, ServiceHandle):
        takes = _signature(kind)
        parts.append(f"## `{kind.__name__}`\n\n```python\n{kind.__name__}{takes}\n```\n")
        parts.append(f"{_prose(kind.__doc__ or '')}\n")
        rows = [(f"`{name}{_call(member)}`", _meaning(member)) for name, member in _public(kind)]
        parts.append(table(("", "meaning"), rows))
    parts += [_record(kind) for kind in (Traced, Hop, Diagnosis)]
    return "\n".join(parts)


def _record(kind: type) -> str:
    """A dataclass that a verb returns: its fields and properties."""
    from emulator.manifest.jsonschema import descriptions

    types = {one.name: str(one.type) for one in fields(kind)}
    meanings = descriptions(kind)
    for name, member in _public(kind):
        if isinstance(member, property):
            types[name] = str(inspect.signature(member.fget).return_annotation) if member.fget is not None else ""
            meanings[name] = inspect.getdoc(member) or ""
    rows = [(f"`{name}`", f"`{type}`", meanings.get(name, "")) for name, type in types.items()]
    return f"## `{kind.__name__}`\n\n{_prose(kind.__doc__ or '')}\n\n{table(('', 'type', 'meaning'), rows)}"


def _public(kind: type) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in inspect.getmembers(kind) if not name.startswith("_")]


def _call(member: Any) -> str:
    if not callable(member):
        return ""
    return _signature(member).replace("(self, ", "(").replace("(self)", "()")


def _signature(member: Callable[..., object]) -> str:
    """What it takes. Annotations are text in our modules: without its quotes. A function goes by its name."""
    text = re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(inspect.signature(member)))
    return re.sub(r": '([^']+)'", r": \1", text.partition(" ->")[0])


def _meaning(member: Any) -> str:
    """The docstring of a member; where that refers to a verb of `Environment`, the docstring of the verb."""
    from emulator.testing.environment import Environment

    own = inspect.getdoc(member) or ""
    verb = re.fullmatch(r"As `Environment\.(\w+)`\.", own)
    return inspect.getdoc(getattr(Environment, verb[1])) or "" if verb else own


def _prose(text: str) -> str:
    return inspect.cleandoc(text).strip()
