"""Prints what the log groups of the endpoint hold, in every region: `python3 -m emulator.aws.read FOLLOW`, JSON lines.

`FOLLOW` is `follow` or `once`. A line has `group`, `stream`, `time` (ISO 8601) and `record`: the message as JSON, or
`{"log": message}`. Lines that Docker split are joined.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from emulator.aws.client import client
from emulator.aws.ports import LOG_REGIONS, PLAIN_PORT
from emulator.aws.stacks.values import json_object
from emulator.logstore.records import Joiner, Record
from emulator.logstore.tail import last_of_each

INTERVAL = 0.3

Key = tuple[str, str, str]
"""Region, group and stream."""


class LogReader:
    """Gives the events of every stream of every region, each once."""

    def __init__(self, *, join: bool = False) -> None:
        self._join = join
        self._seen: dict[Key, int] = {}
        self._joiners: dict[Key, Joiner] = {}

    def read(self, *, last: bool) -> list[tuple[Key, Record]]:
        """The events that came since the last call, by time; with `last`, what is left of lines without an end too."""
        found: list[tuple[Key, Record]] = []
        for key in self._streams():
            joiner = self._joiners.setdefault(key, Joiner())
            for event in self._events(key):
                record = _record(key[2], event)
                whole = joiner.add(record) if self._join else record
                if whole is not None:
                    found.append((key, whole))
            if last:
                found += [(key, record) for record in joiner.rest()]
        return sorted(found, key=lambda item: item[1].time_ns)

    def _streams(self) -> Iterator[Key]:
        for region in _regions():
            logs = client("logs", region)
            for page in logs.get_paginator("describe_log_groups").paginate():
                for group in page["logGroups"]:
                    streams = logs.get_paginator("describe_log_streams").paginate(logGroupName=group["logGroupName"])
                    for more in streams:
                        yield from ((region, group["logGroupName"], s["logStreamName"]) for s in more["logStreams"])

    def _events(self, key: Key) -> list[dict[str, Any]]:
        region, group, stream = key
        logs = client("logs", region)
        token: dict[str, str] = {}
        events: list[dict[str, Any]] = []
        while True:
            page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
            events += page["events"]
            if not page["events"] or page["nextForwardToken"] == token.get("nextToken"):
                break
            token = {"nextToken": page["nextForwardToken"]}
        new = events[self._seen.get(key, 0) :]
        self._seen[key] = len(events)
        return new


def _regions() -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{PLAIN_PORT}{LOG_REGIONS}", timeout=10) as answer:
        regions: list[str] = json.load(answer)
    return regions


def _record(stream: str, event: dict[str, Any]) -> Record:
    fields = json_object(event["message"])
    return Record(stream, event["timestamp"] * 1_000_000, {"log": event["message"]} if fields is None else fields)


def main(follow: bool, join: bool, tail: int | None) -> None:
    reader = LogReader(join=join)
    while True:
        found: Iterable[tuple[Key, Record]] = reader.read(last=not follow)
        if tail is not None:
            found, tail = last_of_each(found, tail, lambda item: item[0]), None
        for (_, group, stream), record in found:
            moment = datetime.fromtimestamp(record.time_ns / 1_000_000_000, UTC).isoformat(timespec="milliseconds")
            line = {"group": group, "stream": stream, "time": moment, "record": record.fields}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        if not follow:
            return
        time.sleep(INTERVAL)


if __name__ == "__main__":
    last = next((word.removeprefix("tail=") for word in sys.argv[1:] if word.startswith("tail=")), None)
    main("follow" in sys.argv[1:], "join" in sys.argv[1:], int(last) if last else None)
