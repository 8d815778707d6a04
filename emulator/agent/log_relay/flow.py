"""What one container prints, on its way from Docker's log driver to the log router."""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass, field

import msgpack

from emulator.agent.log_relay.forward import Batch, Splitter

READ = 1 << 18
"""Bytes of one read, and about the size of a batch."""


@dataclass(slots=True, eq=False)
class Flow:
    """What one container prints: from a connection of Docker's to one of the router's."""

    driver: socket.socket
    splitter: Splitter = field(default_factory=Splitter)
    ended: bool = False
    reading: bool = True
    router: socket.socket | None = None
    answers: msgpack.Unpacker = field(default_factory=msgpack.Unpacker)
    waiting: deque[Batch] = field(default_factory=deque)
    in_flight: dict[str, Batch] = field(default_factory=dict)
    """By chunk, in the order they were sent."""
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))

    resend_at: float | None = None
    """When to send again what was not acknowledged over a connection that ended alone."""
    held: int = 0
    """Bytes of what is waiting or in flight."""

    def take(self, batch: Batch) -> None:
        """Puts what came with what is waiting: messages that come one by one go on in one write."""
        self.held += batch.size
        last = self.waiting[-1] if self.waiting else None
        if last is not None and last.size + batch.size <= READ:
            last.add(batch)
        else:
            self.waiting.append(batch)

    def drop(self) -> Batch:
        """Takes out what has been waiting for longest."""
        batch = self.waiting.popleft()
        self.held -= batch.size
        return batch
