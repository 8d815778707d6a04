"""The JSON Schema of workload manifests, for editors. Made from the models and their docstrings."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from importlib import import_module
from typing import Any, Final

from emulator.manifest.load.source import WORKLOAD_TYPES
from emulator.manifest.schema import shapes
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.logs import LoggingSidecars, SidecarLogging

Json = dict[str, Any]
_TEXT: Final[Json] = {"type": ["string", "number", "boolean"]}
_DURATION: Final = (
    r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$"
)
_CIDR: Final = r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"


def json_schema() -> Json:
    """A JSON Schema (draft 2020-12) that holds for the four workload types. It is about keys, types and forms; what
    depends on other values is for `validate`."""
    definitions: dict[str, Json] = {}
    choices: list[Json] = []
    for kind, (module, name) in WORKLOAD_TYPES.items():
        model: type[Block] = getattr(import_module(f"emulator.manifest.schema.{module}"), name)
        reference = _define(model, definitions, complete=False)
        whole = definitions[name]
        own = {key: value for key, value in whole["properties"].items() if key not in ("name", "type")}
        override = {key: value for key, value in whole.items() if key != "required"}
        definitions[f"{name}Override"] = override | {"properties": own}
        properties = {
            **whole["properties"],
            "type": {"const": kind},
            "environments": {
                "description": "What differs in each environment.",
                "type": ["object", "null"],
                "additionalProperties": {"anyOf": [{"$ref": f"#/$defs/{name}Override"}, {"type": "null"}]},
            },
        }
        definitions[name] = {**whole, "properties": properties, "required": ["name", "type"]}
        choices.append({"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": reference})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AWS Copilot manifest of a service or a job",
        "type": "object",
        "required": ["name", "type"],
        "properties": {"name": {"type": "string"}, "type": {"enum": list(WORKLOAD_TYPES)}},
        "allOf": choices,
        "$defs": definitions,
    }


def _define(block: type[Block], definitions: dict[str, Json], *, complete: bool) -> Json:
    """A reference to the block's map form, which is put into `definitions`. `complete`: what is required is there,
    as in lists, which an environment replaces whole."""
    reference = {"$ref": f"#/$defs/{block.__name__}"}
    if block.__name__ in definitions:
        return reference
    definition: Json = {"type": "object"}
    definitions[block.__name__] = definition
    docs = descriptions(block)
    if summary := _summary(block.__doc__ or ""):
        definition["description"] = summary
    properties: dict[str, Json] = {}
    required: list[str] = []
    for name, field in shapes.keys_of(block).items():
        schema = _nullable(_schema(field.shape, definitions))
        if text := docs.get(field.attribute):
            schema["description"] = text + (f" Default: {field.default}." if field.default else "")
        properties[name] = schema
        if field.required:
            required.append(name)
        for old in field.legacy:
            properties[old] = {**schema, "deprecated": True, "description": f"Older spelling of {name}."}
    definition["properties"] = properties
    definition["additionalProperties"] = False
    if complete and required:
        definition["required"] = required
    return reference


def _nullable(schema: Json) -> Json:
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*kinds, "null"]}
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _schema(shape: shapes.Shape, definitions: dict[str, Json], *, in_list: bool = False) -> Json:
    match shape:
        case shapes.Model():
            return _forms(shape.block, definitions, in_list=in_list)
        case shapes.ListOf():
            item = _schema(shape.item, definitions, in_list=True)
            listed: Json = {"type": "array", "items": item}
            if shape.shell_words:
                return {"anyOf": [{"type": "string"}, listed]}
            return {"anyOf": [listed, item]} if shape.one_or_many else listed
        case shapes.MapOf():
            item = _schema(shape.item, definitions)
            return {"type": "object", "additionalProperties": _nullable(item)}
        case shapes.Integer():
            return {"type": "integer", "minimum": shape.bits.lowest, "maximum": shape.bits.highest}
        case shapes.Number():
            return {"type": "number"}
        case shapes.Boolean():
            return {"type": "boolean"}
        case shapes.Duration():
            return {"type": "string", "pattern": _DURATION}
        case shapes.Choice():
            words = "|".join(value.value for value in shape.values)
            return {"type": "string", "pattern": f"^(?:{words}|{words.lower()})$"}
        case shapes.Parsed():
            return {"type": "string", "pattern": _CIDR} if "CIDR" in shape.what else {"type": "string"}
        case shapes.Untyped():
            return {}
    return dict(_TEXT)


def _forms(block: type[Block], definitions: dict[str, Json], *, in_list: bool) -> Json:
    if block is LoggingSidecars:
        named = {"type": "object", "additionalProperties": _forms(SidecarLogging, definitions, in_list=False)}
        return {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}, named]}
    forms: list[Json] = []
    if any(not field.hidden for field in shapes.fields_of(block).values()) and not block.parsed_only:
        forms.append(_define(block, definitions, complete=in_list))
    if block.switch:
        forms.append({"type": "boolean"})
    if block.parsed:
        forms.append({"type": ["string", "integer"]})
    if block.short:
        forms.append(_schema(shapes.fields_of(block)[block.short].shape, definitions))
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _summary(docstring: str) -> str:
    return re.sub(r"\s+", " ", docstring.strip().split("\n\n")[0])


@cache
def descriptions(model: type) -> dict[str, str]:
    """The docstrings of a model's attributes, by attribute, from its source and its bases'."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.startswith("emulator."):
            found.update(_descriptions_in(kind.__module__).get(kind.__name__, {}))
    return found


@cache
def _descriptions_in(module: str) -> dict[str, dict[str, str]]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, KeyError):
        return {}  # no source at hand: the schema is the same without descriptions
    classes: dict[str, dict[str, str]] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.ClassDef):
            continue
        for before, after in zip(statement.body, statement.body[1:], strict=False):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                text = re.sub(r"\s+", " ", after.value.value.strip())
                classes.setdefault(statement.name, {})[before.target.id] = text
    return classes
