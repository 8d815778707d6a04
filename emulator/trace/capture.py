"""The process in a capture's container, in the namespace of a task or of the front.

Prints one `Report` per line, as JSON, until it reads `end` or the end of its input, which also comes when the reader is
killed. Then it ends its container.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

from emulator.service_connect.ports import EGRESS_PORT, NETWORK_PREFIX
from emulator.trace.packets.connections import Connections
from emulator.trace.packets.listening import listeners
from emulator.trace.packets.packets import Segment, parse_ip, seen_twice
from emulator.trace.packets.ring import RETIRE, Ring
from emulator.trace.requests.exchange import Exchange, Finished, Report

BEGUN = Path("/run/capturing")
"""The container's main process goes on only if this is there."""
END = b"end\n"
LONGEST = 24 * 3600.0
"""Seconds after which a capture ends by itself."""
_BEAT = 0.1
"""Seconds after which it is told how far the capture has come, and what goes on: what that led to may be over."""
_LATE = 0.1
"""Seconds by which the kernel may hand over a block late."""


def main() -> None:
    """Captures until told to end, and ends the container then."""
    try:
        BEGUN.touch()
        try:
            ring = Ring()
        except OSError as error:
            _say(Report(fault=f"no packet socket: {error.strerror or error}"))
            return
        Capture(ring).run()
    finally:
        with contextlib.suppress(OSError):
            os.kill(1, signal.SIGTERM)


class Capture:
    """Reads a ring, prints what it means."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._connections = Connections(self._exchange, listeners)
        self._packets = 0
        self._lines: list[bytes] = []
        self._told = 0.0
        self._announced: set[tuple[str, str, int]] = set()

    def run(self) -> None:
        _say(Report(ready=True))
        polled = select.poll()
        polled.register(self._ring.socket, select.POLLIN)
        polled.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        os.set_blocking(sys.stdin.fileno(), False)
        until = time.monotonic() + LONGEST
        said = b""
        while time.monotonic() < until:
            ready = dict(polled.poll(_BEAT * 1000))
            now = time.time()
            self._read()
            if now - self._told >= _BEAT:
                self._progress(now)
            if sys.stdin.fileno() in ready:
                word = os.read(sys.stdin.fileno(), 64)
                said += word
                if not word or END in said:
                    break
        self._last()

    def _read(self) -> None:
        for packet in self._ring.packets():
            if seen_twice(packet.loopback, packet.kind):
                continue
            segment = parse_ip(packet.data, packet.time)
            if segment is not None and not to_proxy(segment):
                self._packets += 1
                self._connections.feed(segment)
        self._flush()

    def _progress(self, now: float) -> None:
        """What goes on, if it was not told before, and how far all has been read."""
        going_on = {(one.client, one.server, one.sequence): one for one in self._connections.unfinished(now)}
        self._announced &= going_on.keys()
        for key, one in going_on.items():
            if key not in self._announced:
                self._announced.add(key)
                self._exchange(one)
        self._lines.append(_line(Report(until=now - RETIRE - _LATE)))
        self._told = now
        self._flush()

    def _last(self) -> None:
        """What was on its way when the end was asked for is in the ring once its blocks are handed over."""
        now = time.time()
        until = time.monotonic() + 3 * RETIRE
        while time.monotonic() < until:
            time.sleep(RETIRE / 2)
            self._read()
        for exchange in self._connections.unfinished(now):
            self._exchange(exchange)
        finished = Finished(self._packets, self._ring.lost(), self._connections.missing, self._connections.unreadable)
        self._lines.append(_line(Report(finished=finished)))
        self._flush()

    def _exchange(self, exchange: Exchange) -> None:
        self._lines.append(_line(Report(exchange=exchange)))

    def _flush(self) -> None:
        if self._lines:
            _write(b"".join(self._lines))
            self._lines.clear()


def to_proxy(segment: Segment) -> bool:
    """Whether it is between a program and the proxy of Service Connect in its own task.

    The two directions have different addresses, since one is led elsewhere: they make no exchange. What the proxy sends
    on is seen by itself.
    """
    ends = (segment.source, segment.target)
    return any(one.port == EGRESS_PORT or one.host.startswith(NETWORK_PREFIX) for one in ends)


def _line(report: Report) -> bytes:
    return json.dumps(asdict(report), separators=(",", ":")).encode() + b"\n"


def _say(report: Report) -> None:
    _write(_line(report))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
