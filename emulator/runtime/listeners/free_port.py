"""Which port of this machine a listener is published on."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Collection
from itertools import chain
from typing import Self

from emulator.errors import PortInUse

DEFAULT_PORT = 8080


class Reservation:
    """Ports that this command has chosen and Docker does not publish yet. Other commands pass them by.

    Each is the name of an abstract Unix socket, which exists on Linux, belongs to the network namespace as ports do,
    and goes with its process. Elsewhere nothing is reserved: who comes second finds the port taken and takes the next.
    """

    def __init__(self) -> None:
        self._held: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held.values():
            held.close()
        self._held.clear()

    def take(self, port: int, *, udp: bool = False) -> bool:
        """Reserves a port until the block ends; whether no other command has."""
        name = f"\0copilot-local/port/{port}/{'udp' if udp else 'tcp'}"
        if not sys.platform.startswith("linux") or name in self._held:
            return True
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(name)
        except OSError as error:
            held.close()
            return error.errno != errno.EADDRINUSE
        self._held[name] = held
        return True


def choose_port(
    asked: int | None,
    current: int | None,
    taken: Collection[int] = (),
    first: int = DEFAULT_PORT,
    option: str = "--port",
    *,
    udp: bool = False,
    reservation: Reservation | None = None,
) -> int:
    """The asked-for port; else the one that is published now; else `first` or the next one that is free, after the last
    port from `DEFAULT_PORT` on.

    `taken` are ports that turned out to be taken although they looked free; `option` is how one is asked for. A port
    that was not asked for is reserved. Raises `PortInUse` for an asked-for port that another program has.
    """
    if asked is not None:
        if asked != current and not is_free(asked, udp=udp):
            from emulator.runtime.listeners.port_owner import program_on

            raise PortInUse(
                f"port {asked} on 127.0.0.1 is taken by {program_on(asked) or 'another program'}",
                hint=f"give another one with {option}, or leave it out: then the next free one is taken",
            )
        return asked
    if current is not None:
        return current
    return next(
        port
        for port in chain(range(first, 65536), range(DEFAULT_PORT, first))
        if port not in taken
        # Reserved first: what was free before that may be published by now.
        and (reservation is None or reservation.take(port, udp=udp))
        and is_free(port, udp=udp)
    )


def is_free(port: int, *, udp: bool = False) -> bool:
    """Whether nothing listens on a port of 127.0.0.1."""
    with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:  # two sockets could have one UDP port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
