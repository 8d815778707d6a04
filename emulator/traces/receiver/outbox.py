"""What waits to be handed to the agent, and the thread that hands it on."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, deque

import h11

from emulator.traces.wire import PATH, Payload, Protocol, Report, encode

HELD = 4 << 20
"""Bytes that wait while the agent is away; then the oldest are dropped and counted."""
BATCH = 1 << 20
"""Bytes that go at once."""
LINGER = 0.02
"""Seconds in which payloads gather."""
AGAIN = 0.25
"""Seconds until the next try."""
TIMEOUT = 10.0
REPORTS = 5.0
"""Seconds between reports of counts alone."""


class Outbox:
    """Payloads in the order in which they came. Any thread may add to it."""

    def __init__(self, container: str) -> None:
        self._container = container
        self._changed = threading.Condition()
        self._waiting: deque[Payload] = deque()
        self._bytes = 0
        self._out = False
        self._dropped = 0
        self._refused = 0
        self._others: Counter[str] = Counter()
        self.taken: tuple[int, ...] = ()
        self.closed = False

    def add(self, protocol: Protocol, data: bytes) -> None:
        """Keeps a payload; drops the oldest where there are too many."""
        with self._changed:
            self._waiting.append(Payload(protocol, time.time(), data))
            self._bytes += len(data)
            while self._bytes > HELD and len(self._waiting) > 1:
                self._bytes -= len(self._waiting.popleft().data)
                self._dropped += 1
            self._changed.notify()

    @property
    def full(self) -> bool:
        """Whether something will be dropped soon: those that can wait, wait."""
        return self._bytes > HELD // 2

    @property
    def empty(self) -> bool:
        """Whether the agent has everything."""
        with self._changed:
            return not self._waiting and not self._out

    def done(self) -> None:
        """The agent has what `next` returned."""
        with self._changed:
            self._out = False

    def close(self) -> None:
        """Ends what waits for more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def refuse(self) -> None:
        """Counts a request that cannot be read."""
        with self._changed:
            self._refused += 1

    def throw_away(self, what: str) -> None:
        """Counts an export of metrics or logs."""
        with self._changed:
            self._others[what] += 1

    def next(self, timeout: float | None = None) -> tuple[Report, list[Payload]]:
        """What goes next, once there is something, or the time is over. What is returned is out of the outbox."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.closed, timeout)
            found: list[Payload] = []
            size = 0
            while self._waiting and (not found or size + len(self._waiting[0].data) <= BATCH):
                found.append(self._waiting.popleft())
                size += len(found[-1].data)
            self._bytes -= size
            self._out = bool(found)
            report = Report(self._container, self._dropped, self._refused, dict(self._others), self.taken)
            self._dropped = self._refused = 0
            self._others.clear()
            return report, found


class Courier:
    """Hands on what an outbox holds, in a thread of its own, without end."""

    def __init__(self, outbox: Outbox, address: tuple[str, int]) -> None:
        self._outbox = outbox
        self._address = address
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="courier")

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def join(self) -> None:
        """Waits for its end, after the outbox was closed."""
        self._thread.join()

    def _run(self) -> None:
        while not self._outbox.closed:
            report, payloads = self._outbox.next(REPORTS)
            if not payloads and not (report.dropped or report.refused or report.others):
                continue
            body = encode(report, payloads)
            while not self._hand_over(body):
                time.sleep(AGAIN)
            self._outbox.done()
            time.sleep(LINGER)
        self._forget()

    def _hand_over(self, body: bytes) -> bool:
        """Whether the agent has it now. One that it will never read is given up."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, TIMEOUT)
            status = post(self._socket, body)
        except (OSError, h11.RemoteProtocolError):
            self._forget()
            return False
        return status < 500 and status != 404  # 404: the agent does not know the task yet

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def post(connection: socket.socket, body: bytes) -> int:
    """One request over an open connection; returns its status. Raises OSError, h11.RemoteProtocolError."""
    client = h11.Connection(h11.CLIENT)
    headers = [("Host", "169.254.170.2"), ("Content-Length", str(len(body)))]
    request = client.send(h11.Request(method="POST", target=PATH, headers=headers)) or b""
    connection.sendall(request + body)
    client.send(h11.Data(body))
    client.send(h11.EndOfMessage())
    status = 0
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(connection.recv(65536))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.EndOfMessage):
            return status
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the agent has gone")
