"""The records of the log store as the control API hands them out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from emulator.logstore.records import KEPT, Record, RecordFile
from emulator.logstore.store import Follower, bound

log = logging.getLogger(__name__)

FOLLOW_INTERVAL = 0.2
BOUND_INTERVAL = 5.0
"""Seconds between two looks at the log store's size: at full speed a router writes about 50 MB in them."""


def follow_records(
    folder: Path, services: Sequence[str], ended: Callable[[], bool] | None = None, *, kept: bool = False
) -> Iterator[dict[str, Any]]:
    """The records of these services (none: all), oldest first; with `ended`, then those that come until it says so.

    `kept`: instead of what log routers delivered, what containers printed that log to CloudWatch by themselves.
    """
    follower = Follower(
        folder,
        lambda file: (not services or file.service in services) and file.stream.startswith(KEPT) is kept,
    )
    try:
        while True:
            for file, record in follower.read():
                yield _as_json(file, record)
            if ended is None or ended():
                for file, record in follower.close():
                    yield _as_json(file, record)
                return
            time.sleep(FOLLOW_INTERVAL)
    finally:
        follower.close()


def keep_bounded(folder: Path, max_bytes: int) -> None:
    """Holds the log store below a size, without end."""
    while True:
        try:
            for path in bound(folder, max_bytes):
                log.info("the log store is full: %s is removed", path.name)
        except OSError as error:
            log.warning("the log store cannot be kept below its limit: %s", error)
        time.sleep(BOUND_INTERVAL)


def _as_json(file: RecordFile, record: Record) -> dict[str, Any]:
    return {
        "service": file.service,
        "task": file.task_id,
        "stream": file.stream,
        "tag": record.tag,
        "time": record.time.isoformat(timespec="milliseconds"),
        "record": record.fields,
    }
