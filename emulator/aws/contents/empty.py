"""Takes everything out of queues, tables and buckets; they themselves stay, and so do subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from emulator.aws.contents import buckets, queues, tables
from emulator.aws.contents.names import World

T = TypeVar("T")
_WRITES, _OBJECTS = 25, 1000
"""What BatchWriteItem and DeleteObjects take at once."""


def empty(world: World) -> dict[str, int]:
    """Empties all that are this environment's; returns how many messages, items and objects there were."""
    urls = [url for name, url in queues.urls_of(world).items() if world.is_own("queues", name)]
    return {
        "messages": sum(empty_queue(world, url) for url in urls),
        "items": sum(empty_table(world, name) for name in tables.names(world) if world.is_own("tables", name)),
        "objects": sum(empty_bucket(world, name) for name in buckets.names(world) if world.is_own("buckets", name)),
    }


def empty_queue(world: World, url: str) -> int:
    """Removes the messages of a queue, also those in flight; returns how many there were."""
    count = queues.depth(queues.attributes_of(world, url))
    queues.remove_all(world, url)
    return count


def empty_table(world: World, name: str) -> int:
    """Deletes the items of a table; returns how many there were."""
    key = tables.key_of(world, name)
    names = {f"#{index}": attribute for index, attribute in enumerate(key)}
    found = list(tables.scan(world, name, ProjectionExpression=", ".join(names), ExpressionAttributeNames=names))
    for batch in batches(found, _WRITES):
        write(world, name, [{"DeleteRequest": {"Key": item}} for item in batch])
    return len(found)


def empty_bucket(world: World, name: str) -> int:
    """Deletes the objects of a bucket, older versions too; returns how many objects and versions there were."""
    found = [
        {"Key": one["Key"], "VersionId": one["VersionId"]}
        for kind in ("Versions", "DeleteMarkers")
        for one in world.clients.listed("s3", "ListObjectVersions", kind, Bucket=name)
    ]
    for batch in batches(found, _OBJECTS):
        world.clients.call("s3", "DeleteObjects", Bucket=name, Delete={"Objects": batch, "Quiet": True})
    return len(found)


def write(world: World, table: str, requests: list[dict[str, Any]]) -> None:
    """Writes or deletes at most 25 items, again what was not taken."""
    left = {table: requests}
    while left:
        left = world.clients.call("dynamodb", "BatchWriteItem", RequestItems=left).get("UnprocessedItems", {})


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
