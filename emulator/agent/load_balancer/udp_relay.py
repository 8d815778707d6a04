"""Balances datagrams: `python3 -m emulator.agent.load_balancer.udp_relay SOCKET PORT…`, in a container of its own.

HAProxy does not forward UDP. As a Network Load Balancer does, this picks a target for each flow by a hash of its
addresses and ports (of the client's address alone with stickiness) and keeps to it until the flow is idle or the target
is gone. Which targets there are comes from the agent over the unix socket, a line of JSON each time they change; so
does which of them are healthy, which HAProxy checks.

Source: the user guide for Network Load Balancers (flow hash, idle timeout of 120 s, fail open).
"""

from __future__ import annotations

import json
import logging
import selectors
import signal
import socket
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

IDLE = 120.0
"""Seconds after which a flow without a datagram is over."""
MOST_FLOWS = 4000
"""At once, a file each; then the one that is idle for longest goes."""
SWEEP = 10.0
DATAGRAM = 65535

Address = tuple[str, int]


@dataclass(frozen=True)
class Route:
    """Where datagrams of one port go. Empty `targets`: nowhere."""

    targets: tuple[Address, ...] = ()
    sticky: bool = False

    def target(self, client: Address, port: int) -> Address | None:
        """The target of a new flow."""
        if not self.targets:
            return None
        key = client[0] if self.sticky else f"{client[0]}:{client[1]}:{port}"
        return self.targets[zlib.crc32(key.encode()) % len(self.targets)]


@dataclass
class _Flow:
    """Datagrams of one client at one port, on a socket that is connected to their target."""

    port: int
    client: Address
    target: Address
    socket: socket.socket
    last: float


class Relay:
    """Takes datagrams at these ports, and routes from a unix socket. `clock` gives seconds."""

    def __init__(
        self, control: Path, ports: Sequence[int], host: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._routes: dict[int, Route] = {}
        self._flows: dict[tuple[int, Address], _Flow] = {}
        self._selector = selectors.DefaultSelector()
        self._listeners = {port: self._listen(host, port) for port in ports}
        control.unlink(missing_ok=True)
        self._agents: set[socket.socket] = set()
        """Connections over which routes come."""
        self._control = socket.socket(socket.AF_UNIX)
        self._control.bind(str(control))
        self._control.listen(4)
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ, self._accept)
        self._next_sweep = clock() + SWEEP

    @property
    def flows(self) -> int:
        """How many there are."""
        return len(self._flows)

    def run(self) -> None:
        """Relays until the process ends."""
        while True:
            self.turn(SWEEP)

    def turn(self, timeout: float) -> None:
        """Handles what is there, waiting for it this many seconds at most."""
        for key, _ in self._selector.select(timeout):
            # What came before it may have ended it, and its number may be another socket's by now.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        if self._clock() >= self._next_sweep:
            self._next_sweep = self._clock() + SWEEP
            self._end_flows(lambda flow: self._clock() - flow.last > IDLE)

    def close(self) -> None:
        """Ends all flows and listens no more."""
        self._end_flows(lambda _: True)
        for one in (*self._listeners.values(), *self._agents, self._control):
            self._selector.unregister(one)
            one.close()
        self._selector.close()

    def _listen(self, host: str, port: int) -> socket.socket:
        listener = socket.socket(type=socket.SOCK_DGRAM)
        listener.bind((host, port))
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._from_client(port, listener))
        return listener

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._control.accept()
            connection.setblocking(False)
            self._agents.add(connection)
            buffer = bytearray()
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._told(connection, buffer))

    def _told(self, connection: socket.socket, buffer: bytearray) -> None:
        try:
            block = connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._selector.unregister(connection)
            self._agents.remove(connection)
            connection.close()
            return
        buffer += block
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        for line in lines:
            self.use(read_routes(line))

    def use(self, routes: dict[int, Route]) -> None:
        """Routes from now on. A flow whose target is not among them any more is over."""
        self._routes = routes
        self._end_flows(lambda flow: flow.target not in routes.get(flow.port, Route()).targets)

    def _from_client(self, port: int, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data, client = listener.recvfrom(DATAGRAM)
                flow = self._flows.get((port, client)) or self._new_flow(port, client)
                if flow is not None:
                    flow.last = self._clock()
                    with suppress(OSError):  # nothing listens there, or its queue is full: a datagram may be lost
                        flow.socket.send(data)

    def _new_flow(self, port: int, client: Address) -> _Flow | None:
        target = self._routes.get(port, Route()).target(client, port)
        if target is None:
            return None
        if len(self._flows) >= MOST_FLOWS:
            oldest = min(self._flows.values(), key=lambda flow: flow.last)
            self._end_flows(lambda flow: flow is oldest)
        try:
            upstream = _connected(target)
        except OSError as error:
            log.warning("no way to %s: %s", target, error)
            return None
        flow = self._flows[port, client] = _Flow(port, client, target, upstream, self._clock())
        self._selector.register(upstream, selectors.EVENT_READ, lambda: self._from_target(flow))
        return flow

    def _from_target(self, flow: _Flow) -> None:
        with suppress(OSError):  # nothing more, or the target does not listen or is not reached; it may be later
            while True:
                data = flow.socket.recv(DATAGRAM)
                flow.last = self._clock()
                with suppress(OSError):
                    self._listeners[flow.port].sendto(data, flow.client)

    def _end_flows(self, over: Callable[[_Flow], bool]) -> None:
        for key, flow in [item for item in self._flows.items() if over(item[1])]:
            self._selector.unregister(flow.socket)
            flow.socket.close()
            del self._flows[key]


def _connected(target: Address) -> socket.socket:
    """A socket for the datagrams of one flow. Raises OSError."""
    made = socket.socket(type=socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.connect(target)
    except OSError:
        made.close()
        raise
    return made


def read_routes(line: bytes) -> dict[int, Route]:
    """The routes in a line that `write_routes` wrote, by port."""
    return {
        int(port): Route(tuple((str(host), int(number)) for host, number in route["targets"]), bool(route["sticky"]))
        for port, route in json.loads(line).items()
    }


def write_routes(routes: dict[int, Route]) -> bytes:
    """Routes as a line."""
    content = {port: {"targets": route.targets, "sticky": route.sticky} for port, route in routes.items()}
    return json.dumps(content).encode() + b"\n"


def main(control: Path, ports: Sequence[int]) -> None:
    """Relays until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Relay(control, ports).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
