"""Which port of this machine the front is published on."""

from __future__ import annotations

import socket
from collections.abc import Collection

from emulator.errors import PortInUse

DEFAULT_PORT = 8080


def choose_port(asked: int | None, current: int | None, taken: Collection[int] = ()) -> int:
    """The asked-for port; else the one the running front has; else 8080 or the next one that is free.

    `taken` are ports that turned out to be taken although they looked free. Raises `PortInUse` for an asked-for port
    that another program has.
    """
    if asked is not None:
        if asked != current and not is_free(asked):
            raise PortInUse(
                f"port {asked} on 127.0.0.1 is taken by another program",
                hint="give another one: --port 8081 (without --port the next free one is taken)",
            )
        return asked
    if current is not None:
        return current
    return next(port for port in range(DEFAULT_PORT, 65536) if port not in taken and is_free(port))


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
