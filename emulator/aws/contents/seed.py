"""What the endpoint holds from the start: put in once, and again after a reset.

`seed.json` in `FOLDER` is `{"targets": [...]}`, each with `kind` (`table`, `queue`, `bucket`, `parameters`, `secret`),
`name` (as `names` has it; of a secret its own), `position` (where the settings name it), and `entries`: each with its
`position`, and an `item` in DynamoDB's JSON, a `body`, or a `parameter` with its `value`; of a bucket `objects`, each a
`key` and a `file` in `FOLDER`; of a secret its `value`.

All or nothing: where an entry is refused, whatever this run has put in is taken out again. What was seeded is noted on
the volume that holds the data, after the data itself is there; a run that was cut off is begun anew.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emulator.aws.client import write_down
from emulator.aws.contents import buckets, queues, tables
from emulator.aws.contents.empty import batches, empty, empty_bucket, empty_queue, empty_table, write
from emulator.aws.contents.names import Unknown, World
from emulator.aws.contents.seed_notes import NOTES, notes_of
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers.secretsmanager import ensure_secret, read_secret
from emulator.aws.stacks.providers.ssm import PLAIN, ensure_parameter, read_parameter

FOLDER = Path("/copilot-local/own/seed")
Target = dict[str, Any]


class Misplaced(Exception):
    """What is wrong with a seed, and where it stands."""

    def __init__(self, message: str, position: str) -> None:
        super().__init__(message)
        self.message, self.position = message, position


def seed(world: World, folder: Path = FOLDER, file: Path = NOTES) -> dict[str, list[str]]:
    """Seeds what was not seeded yet. Returns the names of what was, and of what held something else already and is
    `left` as it is. Raises Misplaced."""
    targets = _targets(folder)
    notes = notes_of(world, file)
    noted = notes.read()
    for target in targets:
        _locate(world, target)
    cut_off = [target for target in targets if _id(target) in noted["doing"]]
    _empty(world, cut_off)
    todo = [target for target in targets if _id(target) not in noted["done"]]
    left = [target for target in todo if _holds_something(world, target)]
    todo = [target for target in todo if target not in left]
    notes.write(noted["done"], [_id(target) for target in todo])
    _put_all(world, todo, folder)
    write_down(world.url)  # what is noted as seeded survives a sudden end
    notes.write([*noted["done"], *map(_id, todo), *map(_id, left)], [])
    return {"seeded": [target["name"] for target in todo], "left": [target["name"] for target in left]}


def reset(world: World, folder: Path = FOLDER) -> dict[str, int]:
    """Empties queues, tables and buckets, and puts the whole seed in but for secrets, which stay as they are. Raises
    Misplaced."""
    targets = [target for target in _targets(folder) if target["kind"] != "secret"]
    for target in targets:
        _locate(world, target)
    found = empty(world)
    _put_all(world, targets, folder)
    return found


def _targets(folder: Path) -> list[Target]:
    file = folder / "seed.json"
    found: list[Target] = json.loads(file.read_text(encoding="utf-8"))["targets"] if file.exists() else []
    return found


def _locate(world: World, target: Target) -> None:
    """Adds AWS's name, `real`: of a queue its URL."""
    present: dict[str, str]
    match target["kind"]:
        case "table":
            present = {name: name for name in tables.names(world)}
        case "bucket":
            present = {name: name for name in buckets.names(world)}
        case "queue":
            present = queues.urls_of(world)
        case _:
            return
    try:
        target["real"] = present[world.find(f"{target['kind']}s", target["name"], present)]
    except Unknown as unknown:
        listed = ", ".join(unknown.known) or "none"
        message = f"there is no {target['kind']} {unknown.word} for this seed; {unknown.what}: {listed}"
        raise Misplaced(message, target["position"]) from None


def _holds_something(world: World, target: Target) -> bool:
    match target["kind"]:
        case "table":
            return next(tables.scan(world, target["real"]), None) is not None
        case "bucket":
            return next(buckets.contents(world, target["real"]), None) is not None
        case "queue":
            return queues.depth(queues.attributes_of(world, target["real"])) > 0
        case "secret":
            return read_secret(world.clients, target["name"]) is not None
    return any(read_parameter(world.clients, one["parameter"]) is not None for one in target["entries"])


def _put_all(world: World, targets: list[Target], folder: Path) -> None:
    try:
        for target in targets:
            _put(world, target, folder)
    except Misplaced:
        _empty(world, targets)
        raise


def _put(world: World, target: Target, folder: Path) -> None:
    match target["kind"]:
        case "table":
            for batch in batches(target["entries"], 25):
                _put_items(world, target["real"], batch)
        case "bucket":
            for one in target["objects"]:
                kind = mimetypes.guess_type(one["key"])[0] or "binary/octet-stream"
                body = (folder / one["file"]).read_bytes()
                arguments = {"Bucket": target["real"], "Key": one["key"], "Body": body, "ContentType": kind}
                _call(world, target["position"], "s3", "PutObject", arguments)
        case "queue":
            name = target["real"].rpartition("/")[2]
            for one in target["entries"]:
                arguments = {"QueueUrl": target["real"], "MessageBody": one["body"]}
                _call(world, one["position"], "sqs", "SendMessage", arguments | queues.fifo_arguments(name, None))
        case "secret":
            try:
                ensure_secret(world.clients, target["name"], target["value"])
            except Problem as problem:
                raise Misplaced(str(problem), target["position"]) from None
        case _:
            for one in target["entries"]:
                try:
                    ensure_parameter(world.clients, one["parameter"], one["value"], PLAIN)
                except Problem as problem:
                    raise Misplaced(str(problem), one["position"]) from None


def _put_items(world: World, table: str, entries: list[Any]) -> None:
    """All at once; where that is refused, one after another, so that the one that is refused is known."""
    for one in entries:
        one["item"] = {name: _with_bytes(value) for name, value in one["item"].items()}
    try:
        write(world, table, [{"PutRequest": {"Item": one["item"]}} for one in entries])
    except Problem:
        for one in entries:
            _call(world, one["position"], "dynamodb", "PutItem", {"TableName": table, "Item": one["item"]})


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute as botocore takes it: bytes as such, where JSON has them in Base64."""
    [(kind, content)] = value.items()
    if kind == "B" and isinstance(content, str):
        return {kind: base64.b64decode(content)}
    if kind == "BS":
        return {kind: [base64.b64decode(one) if isinstance(one, str) else one for one in content]}
    if kind == "L":
        return {kind: [_with_bytes(one) for one in content]}
    if kind == "M":
        return {kind: {name: _with_bytes(one) for name, one in content.items()}}
    return value


def _call(world: World, position: str, service: str, operation: str, arguments: dict[str, Any]) -> None:
    try:
        world.clients.call(service, operation, **arguments)
    except Problem as problem:
        raise Misplaced(problem.message, position) from None


def _empty(world: World, targets: Iterable[Target]) -> None:
    for target in targets:
        match target["kind"]:
            case "table":
                empty_table(world, target["real"])
            case "bucket":
                empty_bucket(world, target["real"])
            case "queue":
                empty_queue(world, target["real"])
            case "secret":
                if read_secret(world.clients, target["name"]) is not None:
                    at_once = {"SecretId": target["name"], "ForceDeleteWithoutRecovery": True}
                    world.clients.call("secretsmanager", "DeleteSecret", **at_once)
            case _:
                names = [one["parameter"] for one in target["entries"]]
                for batch in batches(names, 10):
                    world.clients.call("ssm", "DeleteParameters", Names=batch)


def _id(target: Target) -> str:
    return f"{target['kind']} {target['name']}"
