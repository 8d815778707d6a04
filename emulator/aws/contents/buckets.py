"""Buckets: how many objects they hold, and which."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from emulator.aws.contents.names import World


def listed(world: World) -> list[dict[str, Any]]:
    """Every bucket, with the number of its objects and their size in bytes."""
    rows = []
    for name in sorted(names(world)):
        sizes = [one["Size"] for one in contents(world, name)]
        label = world.label("buckets", name)
        rows.append({"name": label, "bucket": name, "objects": len(sizes), "bytes": sum(sizes)})
    return rows


def objects(world: World, bucket: str, limit: int, prefix: str = "") -> list[dict[str, Any]]:
    """The first objects of a bucket by their keys, those that begin with `prefix`."""
    name = world.find("buckets", bucket, names(world))
    return [
        {"key": one["Key"], "bytes": one["Size"], "modified": one["LastModified"].isoformat()}
        for one in islice(contents(world, name, prefix), limit)
    ]


def names(world: World) -> list[str]:
    """The names of the buckets."""
    return [one["Name"] for one in world.clients.call("s3", "ListBuckets").get("Buckets", [])]


def contents(world: World, name: str, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The objects of a bucket, in the order of their keys."""
    return world.clients.listed("s3", "ListObjectsV2", "Contents", Bucket=name, Prefix=prefix)
