"""What a log router delivered, each record once, although it may have died in the middle.

Fluent Bit delivers again what it had not noted as delivered: the same lines a second time. And the last line that it
wrote may lack its end; the next one then follows on the same line.
"""

from __future__ import annotations

from emulator.logstore.records import Record, parse_record

MILLISECOND = 1_000_000
GENERATION = 1 << 17
"""Lines that are remembered at least: more than Fluent Bit delivers in one go, a second's worth."""
MOST_TAGS = 256
"""Tags of one stream that are known: a torn line before a record of another tag stays part of it."""


class Deliveries:
    """Reads the lines of one stream in order; leaves out what no record can be read from.

    A record that was there before, to the letter and the nanosecond, is a second delivery. Where the time is not that
    precise, two that look alike may be two: they stay, unless the one before is a second delivery and was followed by
    such a record the first time too. By chance a precise time may end in as many zeros.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._older: set[int] = set()
        self._tags: set[str] = set()
        self._before = 0
        """What the record before looked like."""
        self._repeats = False
        """Whether it was a second delivery."""

    def record(self, line: str) -> Record | None:
        """The record of a line; None if there is none, or none that is new."""
        record = parse_record(line)
        if record is None or record.tag not in self._tags:
            for tag in self._tags:
                # With a record's torn beginning before it, its tag is no more than the end of what looks like one.
                if record is None or record.tag.endswith(tag):
                    rest = line[line.rfind(f"{tag}: [") :]
                    if whole := parse_record(rest):
                        record, line = whole, rest
                        break
        if record is None:
            return None
        if len(self._tags) < MOST_TAGS:
            self._tags.add(record.tag)
        before, self._before = self._before, hash(line.rstrip("\n"))
        if record.time_ns % MILLISECOND:
            self._repeats = self._seen(self._before)
        elif self._recent:  # else no time is precise so far
            self._repeats = self._seen(hash((before, self._before))) and self._repeats
        return None if self._repeats else record

    def _seen(self, key: int) -> bool:
        if key in self._recent or key in self._older:
            return True
        if len(self._recent) >= GENERATION:
            self._older, self._recent = self._recent, set()
        self._recent.add(key)
        return False
