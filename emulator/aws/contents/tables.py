"""Tables: how many items they have, and the items as plain JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from emulator.aws.contents.names import World

_SETS = ("SS", "NS", "BS")


def listed(world: World) -> list[dict[str, Any]]:
    """Every table, with its key and the number of its items."""
    return [_row(world, name) for name in sorted(names(world))]


def items(world: World, table: str, limit: int) -> list[dict[str, Any]]:
    """The first items of a table, in the order of a scan."""
    name = world.find("tables", table, names(world))
    return [{key: plain(value) for key, value in item.items()} for item in islice(scan(world, name), limit)]


def names(world: World) -> list[str]:
    """AWS's names of the tables."""
    return list(world.clients.listed("dynamodb", "ListTables", "TableNames"))


def key_of(world: World, name: str) -> list[str]:
    """The attributes of a table's key, the partition key first."""
    schema = world.clients.call("dynamodb", "DescribeTable", TableName=name)["Table"]["KeySchema"]
    return [one["AttributeName"] for one in sorted(schema, key=lambda one: str(one["KeyType"]) != "HASH")]


def scan(world: World, name: str, **options: Any) -> Iterator[dict[str, Any]]:
    """The items of a table, as DynamoDB has them."""
    return world.clients.listed("dynamodb", "Scan", "Items", TableName=name, **options)


def plain(value: dict[str, Any]) -> Any:
    """An attribute as JSON has it: numbers as numbers, sets as lists, bytes in Base64."""
    [(kind, content)] = value.items()
    if kind == "N":
        return _number(content)
    if kind == "B":
        return base64.b64encode(content).decode()
    if kind == "NULL":
        return None
    if kind == "L":
        return [plain(one) for one in content]
    if kind == "M":
        return {key: plain(one) for key, one in content.items()}
    if kind in _SETS:
        return [plain({kind[0]: one}) for one in content]
    return content


def _number(digits: str) -> int | float | str:
    """A number; text where it has more digits than those who read JSON keep.

    Source: RFC 7493, 2.2: such numbers are best given as text.
    """
    kept = Decimal(digits) == Decimal(repr(float(digits)))
    found: int | float | str = json.loads(digits) if kept else digits
    return found


def _row(world: World, name: str) -> dict[str, Any]:
    count = sum(1 for _ in scan(world, name))
    return {"name": world.label("tables", name), "table": name, "key": key_of(world, name), "items": count}
