"""The store: one SQLite file, a row a span, which the agent alone writes.

A span that is complete replaces one in progress of the same id, never the other way round. The newest 10,000 traces are
kept, or 64 MB of them; whole traces go, the oldest first.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from emulator.traces.spans import Span

MOST_TRACES = 10_000
MOST_BYTES = 64 << 20
_BETWEEN_LOOKS = 2_000
"""Spans between two looks at the limits."""
_COLUMNS = tuple(one.name for one in fields(Span))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS span (
    trace TEXT NOT NULL, span TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL,
    kind TEXT NOT NULL, root INTEGER NOT NULL, start REAL NOT NULL, "end" REAL, status INTEGER,
    error INTEGER NOT NULL, fault INTEGER NOT NULL, throttle INTEGER NOT NULL, source TEXT NOT NULL,
    raw_id TEXT NOT NULL, peer_port INTEGER NOT NULL, detail TEXT NOT NULL, task TEXT NOT NULL,
    workload TEXT NOT NULL, address TEXT NOT NULL, lost TEXT NOT NULL, PRIMARY KEY (trace, span)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_start ON span (start);
CREATE TABLE IF NOT EXISTS note (
    workload TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL, first REAL NOT NULL,
    last REAL NOT NULL, PRIMARY KEY (workload, code)
);
"""
_names = ", ".join(f'"{name}"' for name in _COLUMNS)
_changes = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in ("trace", "span"))
_INSERT = (
    f"INSERT INTO span ({_names}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (trace, span) "
    f'DO UPDATE SET {_changes} WHERE excluded."end" IS NOT NULL OR span."end" IS NULL'
)
_NOTE = (
    "INSERT INTO note VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workload, code) "
    "DO UPDATE SET text = excluded.text, count = count + excluded.count, last = excluded.last"
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something about traces that a user should know, of one workload: how often, when first and last."""

    workload: str
    code: str
    text: str
    count: int
    first: float
    last: float


class TraceStore:
    """The file. Any thread may use it; one at a time writes. A file that is damaged is begun anew."""

    def __init__(self, path: Path, *, most_traces: int = MOST_TRACES, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_traces = most_traces
        self._most_bytes = most_bytes
        self._writing = threading.Lock()
        self._added = 0
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError:
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_SCHEMA}")
        return connection

    def add(self, spans: Sequence[Span], notes: Iterable[Note] = ()) -> None:
        """Keeps spans and notes, in one transaction."""
        rows = [tuple(map(_stored, (getattr(span, name) for name in _COLUMNS))) for span in spans]
        with self._writing:
            with self._transaction():
                self._connection.executemany(_INSERT, rows)
                self._connection.executemany(_NOTE, map(astuple, notes))
            self._added += len(rows)
            if self._added >= min(_BETWEEN_LOOKS, self._most_traces):
                self._added = 0
                self._bound()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _bound(self) -> None:
        """Removes the oldest traces: those past the limit, or a fifth where the file has grown too large."""
        number = self._one("SELECT count(DISTINCT trace) FROM span")
        too_many = max(0, number - self._most_traces)
        if self.size() > self._most_bytes:
            too_many = max(too_many, number // 5)
        if too_many:
            with self._transaction():
                self._connection.execute(
                    "DELETE FROM span WHERE trace IN "
                    "(SELECT trace FROM span GROUP BY trace ORDER BY max(start) LIMIT ?)",
                    (too_many,),
                )

    def size(self) -> int:
        """Bytes that hold something."""
        pages = self._one("PRAGMA page_count") - self._one("PRAGMA freelist_count")
        return pages * self._one("PRAGMA page_size")

    def _one(self, query: str) -> int:
        [value] = self._connection.execute(query).fetchone()
        return int(value)

    def spans(self, *, traces: Sequence[str]) -> list[Span]:
        """The spans of these traces, by their start."""
        with self._reading() as connection:
            marks = ", ".join("?" * len(traces))
            rows = connection.execute(f"SELECT {_names} FROM span WHERE trace IN ({marks}) ORDER BY start", traces)
            return [_span(row) for row in rows]

    def latest(self, number: int, *, since: float = 0.0) -> list[Span]:
        """The spans of the traces that began last."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT trace FROM span WHERE start >= ? GROUP BY trace ORDER BY min(start) DESC LIMIT ?",
                (since, number),
            )
            traces = [trace for (trace,) in found]
        return [span for at in range(0, len(traces), 500) for span in self.spans(traces=traces[at : at + 500])]

    def matching(self, prefix: str) -> list[str]:
        """The ids of the traces that begin so, at most ten."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT trace FROM span WHERE trace >= ? AND trace < ? LIMIT 10", (prefix, prefix + "g")
            )
            return [trace for (trace,) in rows]

    def notes(self) -> list[Note]:
        """What a user should know, by workload."""
        with self._reading() as connection:
            return [Note(*row) for row in connection.execute("SELECT * FROM note ORDER BY workload, first")]

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            yield connection
        finally:
            connection.close()


def note(workload: str, code: str, text: str, count: int = 1) -> Note:
    """A note of now."""
    now = time.time()
    return Note(workload, code, text, count, now, now)


def _stored(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return value


def _span(row: Sequence[Any]) -> Span:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("root", "error", "fault", "throttle"):
        values[name] = bool(values[name])
    values["detail"] = json.loads(values["detail"])
    return Span(**values)
