"""Reads the seeds that the settings name, and checks what can be checked without the endpoint: every file is read
before anything is started."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from pathlib import Path
from typing import Any

from emulator.engine.interface import File
from emulator.errors import InputError, Position
from emulator.files import MAX_SYNCED_BYTES, lines_of, read_bytes, read_text
from emulator.runtime.specs.aws.seed import SEED_DOCUMENT, Seed, SqlSeed
from emulator.settings import setting_position
from emulator.settings_services import SeedSettings
from emulator.spelling import did_you_mean

Json = Any
_TYPES = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}
_BLANKS = re.compile(r"[\s,]*")
_SECRET_NAME = re.compile(r"[\w/+=.@-]{1,512}", re.ASCII)
_PARAMETER = re.compile(r"\s*([^=\s#][^=]*?)\s*=\s*(.*?)\s*")


def read_seed(root: Path, settings: SeedSettings, services: Set[str], known: Set[str]) -> Seed | None:
    """The seed of what these `services` of the `known` ones have; None where they have none.

    Raises InputError, with file and line, for a name of no service, a file that cannot be read, and content that is
    neither an item, a message nor a parameter.
    """
    targets: list[Json] = []
    others: list[str] = []
    files: list[File] = []
    for kind, table in (("table", settings.tables), ("queue", settings.queues), ("bucket", settings.buckets)):
        for name, path in table.items():
            where = setting_position(root, "seed", f"{kind}s", name)
            if not _is_meant(kind, name, services, known, where):
                others.append(f"{kind} {name}")
                continue
            target: dict[str, Json] = {"kind": kind, "name": name, "position": str(where or "")}
            if kind == "bucket":
                # Of one bucket alone, whichever services are brought up.
                stored = list(_objects(Path(path), where, hashlib.sha256(name.encode()).hexdigest()[:12]))
                files += [File(place, content) for _, place, content in stored]
                target["objects"] = [{"key": key, "file": place} for key, place, _ in stored]
            else:
                read = _items if kind == "table" else _messages
                target["entries"] = list(read(Path(path), _text(Path(path), where)))
            targets.append(target)
    if settings.parameters:
        where = setting_position(root, "seed", "parameters")
        file = Path(settings.parameters)
        entries = list(_parameters(file, _text(file, where)))
        targets.append({"kind": "parameters", "name": "parameters", "position": str(where or ""), "entries": entries})
    targets += _secrets(root, settings)
    databases = tuple(_sql(root, settings, services, known))
    document = File(SEED_DOCUMENT, json.dumps({"targets": targets}).encode(), 0o600)
    names = tuple(f"{target['kind']} {target['name']}" for target in targets)
    return Seed((document, *files), names, databases, tuple(others)) if targets or databases else None


def _secrets(root: Path, settings: SeedSettings) -> Iterator[dict[str, Json]]:
    for name, path in settings.secrets.items():
        where = setting_position(root, "seed", "secrets", name)
        if not _SECRET_NAME.fullmatch(name):
            hint = "1 to 512 letters, digits and any of /_+=.@-"
            raise InputError(f"Secrets Manager takes no secret of the name {name!r}", position=where, hint=hint)
        text = _text(Path(path), where)
        if path.endswith(".json"):
            try:
                json.loads(text)
            except ValueError as error:
                line = getattr(error, "lineno", 1)
                raise InputError("the seed of a secret is no JSON", position=Position(path, line)) from None
        yield {"kind": "secret", "name": name, "position": str(where or ""), "value": text}


def _sql(root: Path, settings: SeedSettings, services: Set[str], known: Set[str]) -> Iterator[SqlSeed]:
    for name, paths in settings.databases.items():
        where = setting_position(root, "seed", "databases", name)
        if _is_meant("database", name, services, known, where):
            yield SqlSeed(name, where, tuple((path, _text(Path(path), where).encode()) for path in paths))


def _is_meant(kind: str, name: str, services: Set[str], known: Set[str], where: Position | None) -> bool:
    """Whether the service that a seed is for is brought up. Raises InputError where there is no such service."""
    service = name.partition("/")[0]
    if (kind != "queue" and "/" not in name) or service in services:
        return True
    if service in known:
        return False
    raise InputError(
        f"the seed of the {kind} {name} is for no service of this workspace",
        position=where,
        hint=did_you_mean(service, known, "services"),
    )


def _text(path: Path, where: Position | None) -> str:
    if path.suffix == ".sh":
        hint = "run it after `up`, with `copilot-local aws` or the variables of `copilot-local env`"
        raise InputError(f"the seed {path} is a script, which nothing here runs", position=where, hint=hint)
    try:
        return read_text(path, most=MAX_SYNCED_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the seed {path} cannot be read: {error}", position=where) from None


def _items(path: Path, text: str) -> Iterator[Json]:
    """The items of a JSON list, or of JSON objects one after another, each with its place."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    at = _BLANKS.match(text, 0)
    end = at.end() if at else 0
    listed = text[end : end + 1] == "["
    end += listed
    line, counted = 1, 0
    while True:
        end = _BLANKS.match(text, end).end()  # type: ignore[union-attr] # it matches nothing too
        line, counted = line + text.count("\n", counted, end), end
        if end == len(text) or (listed and text[end] == "]"):
            if listed and end == len(text):
                raise InputError("the list of items does not end", position=Position(str(path), line))
            return
        try:
            item, end = decoder.raw_decode(text, end)
        except ValueError as error:
            at_line = line + text.count("\n", counted, getattr(error, "pos", end))
            raise InputError(f"no JSON: {error}", position=Position(str(path), at_line)) from None
        if not isinstance(item, dict) or not item:
            raise InputError("an item is a JSON object", position=Position(str(path), line))
        typed = _is_typed(item)
        for name, value in item.items() if typed else ():
            if not _is_own(value):
                hint = 'there {"N": "1.5"} is a number, {"S": "a"} a text, and L and M hold such values'
                message = f"{name} is no value of DynamoDB's own JSON"
                raise InputError(message, position=Position(str(path), line), hint=hint)
        yield {"position": f"{path}:{line}", "item": item if typed else _typed(item)["M"]}


def _no_number(constant: str) -> Json:
    raise ValueError(f"{constant} is no number of JSON")


def _is_typed(item: Mapping[str, Json]) -> bool:
    """Whether every attribute is in DynamoDB's own JSON: `{"S": "text"}`."""
    return all(isinstance(value, dict) and len(value) == 1 and _TYPES.issuperset(value) for value in item.values())


def _is_own(value: Json) -> bool:
    """Whether a value is one in DynamoDB's own JSON, which has numbers as texts."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    if kind == "M":
        return isinstance(content, dict) and all(_is_own(one) for one in content.values())
    if kind == "L":
        return isinstance(content, list) and all(_is_own(one) for one in content)
    if kind in ("SS", "NS", "BS"):
        return isinstance(content, list) and all(isinstance(one, str) for one in content)
    return isinstance(content, bool if kind in ("BOOL", "NULL") else str) and kind in _TYPES


def _typed(value: Json) -> dict[str, Json]:
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, Decimal):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_typed(one) for one in value]}
    if isinstance(value, dict):
        return {"M": {key: _typed(one) for key, one in value.items()}}
    return {"S": value}


def _messages(path: Path, text: str) -> Iterator[Json]:
    """The lines that are not empty."""
    for number, line in enumerate(lines_of(text), start=1):
        if line.strip():
            yield {"position": f"{path}:{number}", "body": line}


def _parameters(path: Path, text: str) -> Iterator[Json]:
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _PARAMETER.fullmatch(line)
        if found is None:
            raise InputError("no NAME=VALUE line", position=Position(str(path), number))
        yield {"position": f"{path}:{number}", "parameter": found[1], "value": found[2]}


def _objects(folder: Path, where: Position | None, prefix: str) -> Iterator[tuple[str, str, bytes]]:
    """Key, place in the endpoint's container and content of each file below a folder."""
    if not folder.is_dir():
        raise InputError(f"the seed {folder} is no folder", position=where)
    root = folder.resolve()
    number = 0
    for current, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(current) / name
            if not file.resolve().is_relative_to(root):
                raise InputError(f"the seed {file} is a link that leads out of {folder}", position=where)
            try:
                content = read_bytes(file, most=MAX_SYNCED_BYTES)
            except OSError as error:
                raise InputError(f"the seed {file} cannot be read: {error}", position=where) from None
            yield file.relative_to(folder).as_posix(), f"{prefix}/{number}", content
            number += 1
