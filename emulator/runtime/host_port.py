"""Which port of this machine a listener is published on."""

from __future__ import annotations

import socket
from collections.abc import Collection

from emulator.errors import PortInUse

DEFAULT_PORT = 8080


def choose_port(
    asked: int | None,
    current: int | None,
    taken: Collection[int] = (),
    first: int = DEFAULT_PORT,
    option: str = "--port",
    *,
    udp: bool = False,
) -> int:
    """The asked-for port; else the one that is published now; else `first` or the next one that is free.

    `taken` are ports that turned out to be taken although they looked free; `option` is how one is asked for. Raises
    `PortInUse` for an asked-for port that another program has.
    """
    if asked is not None:
        if asked != current and not is_free(asked, udp=udp):
            raise PortInUse(
                f"port {asked} on 127.0.0.1 is taken by another program",
                hint=f"give another one with {option}, or leave it out: then the next free one is taken",
            )
        return asked
    if current is not None:
        return current
    return next(port for port in range(first, 65536) if port not in taken and is_free(port, udp=udp))


def is_free(port: int, *, udp: bool = False) -> bool:
    """Whether nobody listens on a port of 127.0.0.1."""
    with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:  # two sockets could have one UDP port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
