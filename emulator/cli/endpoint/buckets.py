"""`copilot-local buckets`: the buckets and their objects."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.endpoint.asking import Endpoint, Limit

Bucket = Annotated[str, typer.Argument(metavar="BUCKET", help="SERVICE/LOGICAL_ID, LOGICAL_ID, or AWS's name.")]
_COLUMNS = {"name": "BUCKET", "objects": "OBJECTS", "bytes": "BYTES", "bucket": "NAME IN S3"}
_OBJECTS = {"key": "KEY", "bytes": "BYTES", "modified": "MODIFIED"}


def list_(at: Endpoint = Endpoint()) -> None:
    """List the buckets, with the number and size of their objects."""
    at.show(at.ask("buckets"), _COLUMNS, "there is no bucket")


def objects(
    bucket: Bucket,
    prefix: Annotated[str, typer.Option("--prefix", help="Only keys that begin with this.")] = "",
    limit: Limit = 100,
    at: Endpoint = Endpoint(),
) -> None:
    """List the first objects of a bucket by their keys."""
    at.show(at.ask("objects", bucket=bucket, limit=limit, prefix=prefix), _OBJECTS, f"{bucket}: no object")
