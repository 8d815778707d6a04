"""Reads and writes the files of records that log routers leave in the log store.

One file a task and destination, named `<service>.<task id>.<stream>`; rotated files end in `.1`, `.2`, … (older). What
a task writes lies in a folder of its own, `<service>.<task id>`, which is all that its containers see of the log store.
A line is what Fluent Bit's `file` output writes: `<tag>: [<seconds>.<nanoseconds>, {<record>}]`. Names and lines are
what a log router chose: nothing that has an unusual form is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

Fields = Mapping[str, object]
"""A record's fields, as JSON has them."""

KEPT = "@"
"""Starts the stream of a container that logs to CloudWatch by itself, not through a log router."""

_LINE = re.compile(
    r"(?P<tag>.*?): \[(?P<seconds>\d{1,11})(?:\.(?P<fraction>\d{1,9}))?, (?P<fields>\{.*\})\]", re.DOTALL | re.ASCII
)
_LATEST = 253_402_300_799
"""Seconds since 1970 of the last moment that a date can name."""
_NAME = re.compile(r"@?[A-Za-z0-9_-]{1,255}|@[A-Za-z0-9_-]{1,255}@[0-9a-f]{8}")
_ROTATION = re.compile(r"[1-9][0-9]{0,3}")
_MOST_PARTS = 4096
"""Parts of one line that are kept until its end comes: 64 MiB of output."""
_MOST_OPEN = 256
"""Lines of one stream whose end is waited for at the same time."""
_PARTIAL_FIELDS = ("partial_message", "partial_id", "partial_ordinal", "partial_last")


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `time_ns` is when the line was printed, in nanoseconds since 1970."""

    tag: str
    time_ns: int
    fields: Fields

    @property
    def time(self) -> datetime:
        """When the line was printed, in UTC, to the microsecond."""
        seconds, nanoseconds = divmod(self.time_ns, 1_000_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


@dataclass(frozen=True, slots=True)
class RecordFile:
    """What the name of a file of records says. `rotation` 0 is the file that is being written, 1 the one before."""

    service: str
    task_id: str
    stream: str
    """A container's name; `output-<n>` for an output of the user's own configuration; `@<container>@<end of its id in
    Docker>` for a container that does not log through the router: a task may have had several of that name; `drained`
    for what a drain took in place of a dead router."""
    rotation: int = 0

    @property
    def name(self) -> str:
        suffix = f".{self.rotation}" if self.rotation else ""
        return f"{self.service}.{self.task_id}.{self.stream}{suffix}"

    @classmethod
    def parse(cls, name: str) -> RecordFile | None:
        """Reads a file's name; None if it is not one of ours."""
        parts = name.split(".")
        if not all(_NAME.fullmatch(part) for part in parts[:3]):
            return None
        if len(parts) == 4 and _ROTATION.fullmatch(parts[3]):
            return cls(parts[0], parts[1], parts[2], int(parts[3]))
        return cls(parts[0], parts[1], parts[2]) if len(parts) == 3 else None

    @property
    def shown_stream(self) -> str:
        """The stream as users see it: `@<container>` without the id."""
        return "@".join(self.stream.split("@")[:2])

    @property
    def folder(self) -> str:
        """The name of the task's folder in the log store."""
        return task_folder(self.service, self.task_id)


def task_folder(service: str, task_id: str) -> str:
    """The name of a task's folder in the log store."""
    return f"{service}.{task_id}"


def kept_stream(container: str, docker_id: str) -> str:
    """The stream of the log store that holds what a container printed that does not log through the router. Of its name
    there may have been others in the task before: those that were replaced alone."""
    return f"{KEPT}{container}{KEPT}{docker_id[-8:]}"


ACCESS = RecordFile("@front", "0", "@access")
"""The load balancer's access log. No service has such a name."""


def parse_record(line: str) -> Record | None:
    """A line of a file as a record; None if it is damaged, as by a full disk."""
    line = line.rstrip()
    # Looked at first: of a long line that ends otherwise, the pattern would try every part.
    match = _LINE.fullmatch(line) if line.endswith("}]") else None
    if match is None or int(match["seconds"]) > _LATEST:
        return None
    try:
        fields = json.loads(match["fields"])
    except (ValueError, RecursionError):
        return None
    nanoseconds = int((match["fraction"] or "").ljust(9, "0"))
    return Record(match["tag"], int(match["seconds"]) * 1_000_000_000 + nanoseconds, fields)


def format_record(record: Record) -> str:
    """The line, with its end, that `parse_record` reads."""
    seconds, nanoseconds = divmod(record.time_ns, 1_000_000_000)
    fields = json.dumps(record.fields, separators=(",", ":"), ensure_ascii=False, default=_as_text)
    return f"{record.tag}: [{seconds}.{nanoseconds:09d}, {fields}]\n"


@dataclass(slots=True)
class Joiner:
    """Puts together the parts that Docker makes of a line longer than 16 KiB.

    A part carries `partial_message`, the line's `partial_id`, its place `partial_ordinal` (from 1) and `partial_last`.
    """

    _parts: dict[str, list[Record]] = field(default_factory=dict)

    def add(self, record: Record) -> Record | None:
        """The record itself if it is whole, the joined one if it completes a line, None if parts are missing."""
        identifier = record.fields.get("partial_id")
        if not isinstance(identifier, str) or not isinstance(record.fields.get("log"), str):
            return record
        parts = self._parts.setdefault(identifier, [])
        parts.append(record)
        if record.fields.get("partial_last") == "true" or len(parts) >= _MOST_PARTS:
            return _join(self._parts.pop(identifier))
        if len(self._parts) > _MOST_OPEN:
            return _join(self._parts.pop(next(iter(self._parts))))
        return None

    def rest(self) -> Iterator[Record]:
        """What is left of lines whose end never came, such as a last line without a line end."""
        for parts in self._parts.values():
            yield _join(parts)
        self._parts.clear()


def _join(parts: list[Record]) -> Record:
    ordered = sorted(parts, key=lambda part: _ordinal(part.fields.get("partial_ordinal")))
    text = "".join(str(part.fields["log"]) for part in ordered)
    first = ordered[0]
    fields = {key: value for key, value in first.fields.items() if key not in _PARTIAL_FIELDS}
    return Record(first.tag, first.time_ns, {**fields, "log": text})


def _as_text(value: object) -> str:
    """What JSON has no form for."""
    return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)


def _ordinal(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 10 else 0
