"""Who listens in a network namespace, from the kernel's own table. Source: proc(5), /proc/net/tcp."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from pathlib import Path

_LISTEN = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def listeners(tables: Iterable[str] = _TABLES) -> tuple[str, ...]:
    """`address:port` of every TCP listener that IPv4 reaches, by port; one on every address is `0.0.0.0:port`."""
    found: set[tuple[int, str]] = set()
    for table in tables:
        with contextlib.suppress(OSError):
            found.update(parse_table(Path(table).read_text(encoding="ascii")))
    return tuple(f"{address}:{port}" for port, address in sorted(found))


def parse_table(text: str) -> list[tuple[int, str]]:
    """(port, address) of the listeners in a table of /proc. Those that IPv6 alone reaches are left out."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].rpartition(":")
            host = _host(address)
            if host is not None:
                found.append((int(port, 16), host))
    return found


def _host(address: str) -> str | None:
    """The kernel prints words of 32 bits in the machine's own order; Linux runs containers on little-endian ones."""
    raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    if len(raw) == 4:
        return socket.inet_ntoa(raw)
    if raw == bytes(16):
        return "0.0.0.0"
    if raw[:12] == bytes(10) + b"\xff\xff":
        return socket.inet_ntoa(raw[12:])
    return None
