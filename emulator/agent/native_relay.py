"""Leads connections between a task and a program of this machine, which runs in its main container's place.

Two processes share a folder: `python3 -m emulator.agent.native_relay inside JSON` in the task's network, and `outside
JSON` where the program's port is reached, in the network of this machine. For each of the task's ports there is a
socket in the folder, which exists while something listens on the program's port. The port is open in the task as long:
to the load balancer, and to everything else, the program listens in the task.

The other way, `inside` leads ports that Docker publishes on this machine's 127.0.0.1 to what only a task reaches: its
sidecars, and other services by their names.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypedDict

from emulator.agent.streams import Ends, join

POLL = 0.2
"""Seconds between two looks whether the program listens."""
ANSWERS = 5.0
"""Seconds that a connection may take to be made."""
ROUTES = Path("/proc/net/route")


class Outlet(TypedDict):
    """A port of the task that is published, and where it leads."""

    inside: int
    host: str
    port: int


class Inside(TypedDict):
    """What the process in the task is asked for. `ports` are those of the main container."""

    folder: str
    ports: list[int]
    outlets: list[Outlet]


class Outside(TypedDict):
    """What the other process is asked for. `ports` has the program's port by that of the task; `hosts` are tried one
    after another."""

    folder: str
    hosts: list[str]
    ports: dict[str, int]


class Program:
    """A port of the program: while something listens there, a socket leads to it."""

    def __init__(self, path: Path, hosts: Sequence[str], port: int, said: Callable[[str], None]) -> None:
        self._path = path
        self._hosts = hosts
        self._port = port
        self._said = said
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Follows the port until it is cancelled."""
        self._path.unlink(missing_ok=True)
        self._said(f"nothing listens on 127.0.0.1:{self._port} of this machine yet")
        while True:
            await self._until_it_listens()
            self._gone.clear()
            server = await asyncio.start_unix_server(self._serve, self._path, backlog=512)
            self._said(f"the program on 127.0.0.1:{self._port} of this machine answers for this container")
            try:
                await self._gone.wait()
            finally:
                self._path.unlink(missing_ok=True)
                server.close()
            self._said(f"nothing listens on 127.0.0.1:{self._port} of this machine any more")

    async def _until_it_listens(self) -> None:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                (await self._connect())[1].close()
                return
            await asyncio.sleep(POLL)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await _lead_on((reader, writer), self._connect()):
            self._gone.set()

    async def _connect(self) -> Ends:
        """A connection to the program. Raises ConnectionRefusedError where it does not listen."""
        for host in self._hosts:
            with contextlib.suppress(OSError, TimeoutError):
                return await _connection(asyncio.open_connection(host, self._port))
        raise ConnectionRefusedError


async def _connection(made: Coroutine[Any, Any, Ends]) -> Ends:
    """A connection. Raises OSError and TimeoutError where nothing answers.

    The kernel may choose the very port that is asked for as the one to ask from, and connect it to itself: what
    asks a port again and again finds something listening there at last, and has the port of the program.
    """
    async with asyncio.timeout(ANSWERS):  # `wait_for` of Python 3.11 loses a cancellation that comes with the answer
        ends = await made
    own, other = (ends[1].get_extra_info(name) for name in ("sockname", "peername"))
    if own and own == other:
        ends[1].transport.abort()
        raise ConnectionRefusedError
    return ends


async def _lead_on(client: Ends, made: Coroutine[Any, Any, Ends]) -> bool:
    """Leads a client's connection to the one that is made for it; returns whether there is one. Where there is none,
    or this is cancelled before, the client's ends."""
    found = None
    try:
        with contextlib.suppress(OSError, TimeoutError):
            found = await made
    finally:
        if found is None:
            client[1].transport.abort()
    if found is not None:
        await join(client, found)
    return found is not None


async def follow(path: Path, port: int, host: str = "0.0.0.0") -> None:
    """Opens a port of the task while the socket is there, until it is cancelled."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _lead_on((reader, writer), _connection(asyncio.open_unix_connection(path)))

    while True:
        while not path.exists():
            await asyncio.sleep(POLL)
        try:
            server = await asyncio.start_server(serve, host, port, backlog=512)
        except OSError as error:  # a sidecar may have the port
            sys.stderr.write(f"port {port} cannot be opened in the task: {error}\n")
            await asyncio.sleep(1)
            continue
        try:
            while path.exists():
                await asyncio.sleep(POLL)
        finally:
            server.close()


async def lead(outlet: Outlet, neighbours: Callable[[str], bool]) -> None:
    """Leads a published port to where it belongs, until it is cancelled. What comes from a `neighbour`, by its
    address, is refused: the port is this machine's alone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if neighbours(writer.get_extra_info("peername")[0]):
            writer.transport.abort()
            return
        await _lead_on((reader, writer), _connection(asyncio.open_connection(outlet["host"], outlet["port"])))

    server = await asyncio.start_server(serve, "0.0.0.0", outlet["inside"], backlog=512)
    async with server:
        await server.serve_forever()


def neighbours(routes: str) -> Callable[[str], bool]:
    """Whether an address is another container's on a network of the task, by the text of /proc/net/route: the gateway,
    from where connections of this machine come, is none."""
    gateways, networks = set(), []
    for line in routes.splitlines()[1:]:
        words = line.split()
        destination, gateway, mask = (_address(words[index]) for index in (1, 2, 7))
        if gateway != "0.0.0.0":
            gateways.add(gateway)
        elif mask != "255.255.255.255":
            networks.append(ipaddress.ip_network(f"{destination}/{mask}"))

    def is_neighbour(address: str) -> bool:
        return address not in gateways and any(ipaddress.ip_address(address) in network for network in networks)

    return is_neighbour


def _address(word: str) -> str:
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))


def socket_path(folder: str, port: int | str) -> Path:
    """The socket for a port of the task."""
    return Path(folder) / f"{port}.sock"


async def run_inside(asked: Inside) -> None:
    """Runs until it is cancelled."""
    is_neighbour = neighbours(ROUTES.read_text(encoding="ascii"))
    ports = (follow(socket_path(asked["folder"], port), port) for port in asked["ports"])
    outlets = (lead(outlet, is_neighbour) for outlet in asked["outlets"])
    await asyncio.gather(*ports, *outlets)


async def run_outside(asked: Outside) -> None:
    """Runs until it is cancelled."""

    def said(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    folder, hosts = asked["folder"], asked["hosts"]
    programs = (Program(socket_path(folder, inside), hosts, port, said) for inside, port in asked["ports"].items())
    await asyncio.gather(*(program.run() for program in programs), asyncio.Event().wait())


if __name__ == "__main__":
    asked = json.loads(sys.argv[2])
    asyncio.run(run_inside(asked) if sys.argv[1] == "inside" else run_outside(asked))
