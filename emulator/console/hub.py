"""What happened, kept encoded and within bounds, and what each reader has not had of it.

A reader has a place in each ring and no queue of its own: one that reads slowly costs nothing, and is told how much it
missed. Thread-safe.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

LIMITS: Final[Mapping[str, int]] = {"events": 1000, "access": 5000, "lines": 10_000, "traces": 500, "metrics": 300}
"""By kind, how many of the last are kept. Kinds that are not here have a last value alone."""
FIRST: Final[Mapping[str, int]] = {"events": 300, "access": 1000, "lines": 2000, "traces": 200, "metrics": 300}
"""How many of those a new reader gets at first."""
MOST_BYTES: Final = 8 << 20
"""Of each ring."""
AT_ONCE: Final = 2000
"""Items of one message."""


@dataclass(slots=True)
class _Ring:
    items: deque[bytes]
    count: int = 0
    """How many there were ever: the number of the last one."""
    size: int = 0

    def add(self, item: bytes) -> None:
        if len(self.items) == self.items.maxlen:
            self.size -= len(self.items[0])
        self.items.append(item)
        self.count += 1
        self.size += len(item)
        while self.size > MOST_BYTES:
            self.size -= len(self.items.popleft())


@dataclass(slots=True)
class Cursor:
    """How far a reader is, by kind."""

    kinds: frozenset[str]
    seen: dict[str, int] = field(default_factory=dict)


class Hub:
    """The last value of some kinds, the last items of others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[int, bytes]] = {}
        """Each with its version."""
        self._rings = {kind: _Ring(deque(maxlen=most)) for kind, most in LIMITS.items()}

    def set(self, kind: str, value: object) -> None:
        """The value of a kind from now on; the same one again is no news."""
        content = _encoded(value)
        with self._lock:
            version, before = self._values.get(kind, (0, b""))
            if content != before:
                self._values[kind] = (version + 1, content)

    def add(self, kind: str, items: Iterable[object], *, known: Collection[bytes] = ()) -> None:
        """Appends to a ring, except what is `known`."""
        encoded = [_encoded(item) for item in items]
        with self._lock:
            for item in encoded:
                if item not in known:
                    self._rings[kind].add(item)

    def known(self, kind: str) -> frozenset[bytes]:
        """What a ring holds, for a source that begins anew and tells some of it a second time."""
        with self._lock:
            return frozenset(self._rings[kind].items)

    def cursor(self, kinds: Collection[str], after: Mapping[str, int] | None = None) -> Cursor:
        """Where a reader of these kinds begins: `after` what it has had, otherwise at the last of what is there."""
        cursor = Cursor(frozenset(kinds), dict(after or {}))
        with self._lock:
            for kind, first in FIRST.items():
                ring = self._rings[kind]
                if not 0 <= cursor.seen.get(kind, -1) <= ring.count:
                    cursor.seen[kind] = max(ring.count - first, ring.count - len(ring.items), 0)
        return cursor

    def news(self, cursor: Cursor) -> list[bytes]:
        """Lines of what a reader has not had; moves its cursor on."""
        lines: list[bytes] = []
        skipped: dict[str, int] = {}
        with self._lock:
            for kind, (version, content) in self._values.items():
                if kind in cursor.kinds and cursor.seen.get(kind) != version:
                    cursor.seen[kind] = version
                    lines.append(b'{"k":"%b","v":%b}\n' % (kind.encode(), content))
            for kind, ring in self._rings.items():
                if kind not in cursor.kinds or ring.count == cursor.seen[kind]:
                    continue
                oldest = ring.count - len(ring.items)
                begin = max(oldest, ring.count - AT_ONCE, cursor.seen[kind])
                if begin > cursor.seen[kind]:
                    skipped[kind] = begin - cursor.seen[kind]
                items = islice(ring.items, begin - oldest, None)
                cursor.seen[kind] = ring.count
                lines.append(b'{"k":"%b","n":%d,"v":[%b]}\n' % (kind.encode(), ring.count, b",".join(items)))
        if skipped:
            lines.insert(0, b'{"k":"skipped","v":%b}\n' % _encoded(skipped))
        return lines


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode(errors="replace")
