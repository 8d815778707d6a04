"""The chapter about manifests: every key of every block, from the models that read them."""

from __future__ import annotations

from typing import Any

from emulator.cli.manifest.reference_chapters import table
from emulator.manifest.load.source import WORKLOAD_TYPES

Json = dict[str, Any]
_NAMES = {"object": "map", "array": "list", "integer": "whole number"}


def manifest() -> str:
    """A table for each block: its keys, what they take, and what they mean."""
    from emulator.manifest.jsonschema import json_schema

    definitions = json_schema()["$defs"]
    parts = ["# Manifest\n"]
    for name, block in definitions.items():
        if _base(name) != name:
            continue
        parts.append(f"## {name}\n")
        if "description" in block:
            parts.append(f"{block['description']}\n")
        rows = [(f"`{key}`", _takes(value), value.get("description", "")) for key, value in block["properties"].items()]
        parts.append(table(("key", "takes", "meaning"), rows))
    return "\n".join(parts)


def _base(name: str) -> str:
    """A workload stands a second time in the schema, for what an environment may change of it: the same keys."""
    base = name.removesuffix("Override")
    return base if base in {model for _, model in WORKLOAD_TYPES.values()} else name


def _takes(schema: Json) -> str:
    """What a key takes, in words; blocks by their names."""
    if "$ref" in schema:
        name = _base(str(schema["$ref"]).rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        found = dict.fromkeys(_takes(one) for one in schema["anyOf"])
        return ", or ".join(one for one in found if one)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if {"string", "number", "boolean"} <= set(kinds):
        return "text"
    words = [_one(kind, schema) for kind in kinds if kind != "null"]
    return ", or ".join(words)


def _one(kind: str, schema: Json) -> str:
    if kind == "array":
        return f"list of {_takes(schema.get('items', {})) or 'anything'}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_takes(schema['additionalProperties']) or 'anything'}"
    return _NAMES.get(kind, "text" if kind == "string" else kind)
