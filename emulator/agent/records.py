"""The records of the log store as the control API hands them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from emulator.logstore.records import KEPT, Record, RecordFile
from emulator.logstore.store import Follower

FOLLOW_INTERVAL = 0.2


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


def _as_json(file: RecordFile, record: Record) -> dict[str, Any]:
    return {
        "service": file.service,
        "task": file.task_id,
        "stream": file.stream,
        "tag": record.tag,
        "time": record.time.isoformat(timespec="milliseconds"),
        "record": record.fields,
    }
