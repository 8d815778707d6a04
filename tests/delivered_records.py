"""Reads the records of the log store's files, as destinations get them, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from emulator.logstore.deliveries import Deliveries
from emulator.logstore.records import Joiner, Record


def read_records(source: Path | Iterable[str], *, join: bool = True) -> Iterator[Record]:
    """The records of a file, or of one stream's lines, in order; `join` puts together what Docker split at 16 KiB."""
    deliveries, joiner = Deliveries(), Joiner()
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8", errors="replace").split("\n")
    for line in source:
        record = deliveries.record(line)
        whole = joiner.add(record) if record and join else record
        if whole is not None:
            yield whole
    yield from joiner.rest()
