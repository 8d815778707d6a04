"""Who listens in the network namespace of this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from emulator.engine.sockets import TABLES, ListeningSocket, parse_listeners


def listeners(tables: Iterable[str] = TABLES) -> tuple[str, ...]:
    """`address:port` of every TCP listener that IPv4 reaches, by port; one on every address is `0.0.0.0:port`."""
    found: list[ListeningSocket] = []
    for table in tables:
        with contextlib.suppress(OSError):
            found += parse_listeners(Path(table).read_text(encoding="ascii"))
    return tuple(dict.fromkeys(f"{one.host}:{one.port}" for one in sorted(found)))
