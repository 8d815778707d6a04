"""The records of the log store as the control API hands them out."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.agent.load_balancer.access_log import access_follower
from emulator.frontdoor.access_log import LoadBalancerName, alb_line, as_json, record_of
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.options import FrontOptions
from emulator.logstore.records import ACCESS, KEPT, Record, RecordFile
from emulator.logstore.store import Follower, bound
from emulator.logstore.tail import last_of_each
from emulator.runtime.specs.load_balancer import all_options
from emulator.runtime.state.desired import DesiredState

log = logging.getLogger(__name__)

FOLLOW_INTERVAL = 0.2
BOUND_INTERVAL = 5.0
"""Seconds between two looks at the log store's size: at full speed a router writes about 50 MB in them."""
LEAST_ROOM = 1 << 20
"""Bytes: what a router writes at once."""


def follow_records(
    folder: Path,
    services: Sequence[str],
    ended: Callable[[], bool] | None = None,
    *,
    kept: bool = False,
    join: bool = False,
    tail: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The records of these services (none: all), oldest first; with `ended`, then those that come until it says so.

    `kept`: instead of what log routers delivered, what containers printed that log to CloudWatch by themselves. `join`
    puts together the lines that Docker split at 16 KiB, which destinations get in parts. `tail`: of those that are
    there already, only the last ones of each stream.
    """

    def chosen(file: RecordFile) -> bool:
        wanted = not services or file.service in services
        return wanted and file.service != ACCESS.service and file.stream.startswith(KEPT) is kept

    return _follow(
        Follower(folder, chosen, join=join),
        ended,
        lambda batch: (_as_json(file, record) for file, record in batch),
        tail,
        lambda it: (it["service"], it["task"], it["stream"]),
    )


def follow_access(
    folder: Path,
    services: Sequence[str],
    ended: Callable[[], bool] | None,
    name: LoadBalancerName,
    options: Mapping[Balancer, FrontOptions],
    tail: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The requests that the load balancer logged, as `follow_records` gives records; those of these services (none:
    all, and those that no rule took). `tail`: of those that are there already, only the last ones."""

    def requests(batch: Iterable[tuple[RecordFile, Record]]) -> Iterator[dict[str, Any]]:
        for _, record in batch:
            try:
                request = record_of(record.fields)
            except (ValueError, KeyError, TypeError):
                log.warning("an access record cannot be read: %s", record.fields)
                continue
            if not services or request.service in services:
                yield {
                    "time": record.time.isoformat(timespec="microseconds"),
                    "service": request.service,
                    "line": alb_line(request, name, options[request.balancer]),
                    "fields": as_json(request, name, options[request.balancer]),
                }

    return _follow(access_follower(folder), ended, requests, tail, lambda _: "")


def _follow(
    follower: Follower,
    ended: Callable[[], bool] | None,
    told: Callable[[Iterable[tuple[RecordFile, Record]]], Iterator[dict[str, Any]]],
    tail: int | None,
    stream: Callable[[dict[str, Any]], Hashable],
) -> Iterator[dict[str, Any]]:
    """What is told of what is there, of each stream the last `tail` ones; with `ended`, then of what comes until it
    says so."""
    try:
        while True:
            last = ended is None or ended()
            found = told(_to_the_end(follower) if last else follower.records())
            yield from found if tail is None else last_of_each(found, tail, stream)
            if last:
                return
            tail = None
            time.sleep(FOLLOW_INTERVAL)
    finally:
        follower.close()


def _to_the_end(follower: Follower) -> Iterator[tuple[RecordFile, Record]]:
    yield from follower.records()
    yield from follower.close()


def keep_bounded(folder: Path, limit: Callable[[], int], *others: Path) -> None:
    """Holds the log store, `others` included, below its limit, without end. `limit`: MiB, 0 where it is not known."""
    while True:
        keep_below(folder, limit() << 20, *others)
        time.sleep(BOUND_INTERVAL)


def keep_below(folder: Path, max_bytes: int, *others: Path) -> None:
    """Removes what the log store, `others` included, has beyond a size; nothing where that is 0."""
    try:
        for path in bound(folder, max_bytes, *others) if max_bytes else ():
            log.info("the log store is full: %s is removed", path.name)
    except OSError as error:
        log.warning("the log store cannot be kept below its limit: %s", error)


def is_full(folder: Path) -> bool:
    """Whether the disk below the log store has no room left: Fluent Bit's `file` output loses records then, and counts
    them as delivered."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < LEAST_ROOM


def _as_json(file: RecordFile, record: Record) -> dict[str, Any]:
    return {
        "service": file.service,
        "task": file.task_id,
        "stream": file.shown_stream,
        "tag": record.tag,
        "time": record.time.isoformat(timespec="milliseconds"),
        "record": record.fields,
    }


def load_balancer_of(state: DesiredState) -> tuple[LoadBalancerName, dict[Balancer, FrontOptions]]:
    """What lines of the access log say of the load balancers themselves."""
    options = (desired.options for desired in state.services.values())
    where: tuple[str, ...] = next(((one.region, one.account) for one in options), ())
    return LoadBalancerName(state.app, state.environment, *where), all_options(state)
