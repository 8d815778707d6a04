"""Writes to the log store what no router takes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from emulator.agent.log_relay.drain import salvage, unsaved, write_lines
from emulator.agent.log_relay.flow import Flow
from emulator.agent.log_relay.forward import Batch
from emulator.agent.log_relay.own_log import say
from emulator.logstore.delivered import Delivered

AGAIN = 1.0
"""Seconds until a log store that could not be written is tried again."""
LONG = 2.0
"""Seconds of failure after which who settles is told what is lost: the agent may just be making room."""
BETWEEN_LOSSES = 30.0
"""Seconds between two lines that tell of losses."""


class StoreWriter:
    """Takes the place of a router that does not come back: writes to `file` in the log store, with `metadata`, the
    fields that the router would have added.

    What cannot be written stays with its flow, and is tried again.
    """

    def __init__(self, file: Path, metadata: dict[str, str]) -> None:
        self._file = file
        self._metadata = metadata
        self._delivered = Delivered(file)
        self._written = 0
        self._lost = 0
        self._told = 0
        """How many of the lost ones the log tells of."""
        self._tell_at = 0.0
        self._failed_since: float | None = None
        self._again_at = 0.0

    def is_needed(self) -> None:
        """The router has gone: what it had delivered is looked at anew."""
        self._delivered = Delivered(self._file)

    def is_spared(self) -> None:
        """A router is there again."""
        self._failed_since, self._again_at = None, 0.0
        self._tell_losses()

    @property
    def fails(self) -> bool:
        """Whether the log store could not be written the last time."""
        return self._failed_since is not None

    def has_failed_for_long(self) -> bool:
        """Whether it is hardly going to be written."""
        return self._failed_since is not None and time.monotonic() - self._failed_since >= LONG

    def take(self, flows: Iterable[Flow], buffer: Path | None) -> None:
        """Writes what a dead router left in its buffer, if that is given, and then what is waiting."""
        if time.monotonic() < self._again_at:
            return
        before = self._written
        try:
            if buffer is not None:
                self._salvage(buffer)
            for flow in flows:
                while flow.waiting:  # one after the other: as text they are far bigger
                    self._write(flow.waiting[0])
                    flow.drop()
        except OSError as error:
            self._again_at = time.monotonic() + AGAIN
            if not self.fails:
                self._failed_since = time.monotonic()
                say(f"the log store cannot be written: {error}; what is held is tried again")
        else:
            self._failed_since = None
            self._tell_losses()
        if written := self._written - before:
            say(f"the log router is gone: {written} records were written to the log store")

    def lose(self, flow: Flow) -> None:
        """Gives up what a flow has held for longest."""
        self._lost += len(self._lines(flow.drop()))
        if time.monotonic() >= self._tell_at:
            self._tell_losses()

    def balance(self, held: Iterable[Batch], buffer: Path) -> str:
        """How many records were written; behind it, if any, how many were not: those that are held still, and those in
        the router's buffer, are as good as lost."""
        lost = self._lost
        if self.fails:
            lost += sum(len(self._lines(batch)) for batch in held) + unsaved(buffer)
        self._tell_losses()
        return f"{self._written} {lost}" if lost else str(self._written)

    def _salvage(self, buffer: Path) -> None:
        self._written += salvage(buffer, self._file)
        if left := unsaved(buffer):
            raise OSError(f"{left} records stay in the log router's buffer")

    def _write(self, batch: Batch) -> None:
        lines = self._lines(batch)
        write_lines(self._file, lines)
        self._written += len(lines)

    def _lines(self, batch: Batch) -> list[str]:
        return self._delivered.others(batch.lines(self._metadata))

    def _tell_losses(self) -> None:
        if self._lost > self._told:
            say(f"{self._lost - self._told} records are lost: the log store cannot be written")
            self._told, self._tell_at = self._lost, time.monotonic() + BETWEEN_LOSSES
