"""Who listens in a network namespace, from the kernel's own tables. Pure. Source: proc(5), /proc/net/tcp."""

from __future__ import annotations

import socket
from dataclasses import dataclass

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
EVERYWHERE = "0.0.0.0"
_LISTEN = "0A"


@dataclass(frozen=True, slots=True, order=True)
class ListeningSocket:
    """A TCP listener that IPv4 reaches. `host` is `0.0.0.0` for one on every address."""

    port: int
    host: str
    inode: int = 0
    """By which the processes that have it open are found; 0 where the table does not say."""

    @property
    def loopback(self) -> bool:
        """Nothing outside its network namespace reaches it."""
        return self.host.startswith("127.")


def parse_listeners(text: str) -> list[ListeningSocket]:
    """The listeners in tables of /proc, one table or several. Those that IPv6 alone reaches are left out."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].rpartition(":")
            host = _host(address)
            if host is not None:
                inode = int(fields[9]) if len(fields) > 9 and fields[9].isdecimal() else 0
                found.append(ListeningSocket(int(port, 16), host, inode))
    return found


def _host(address: str) -> str | None:
    """The kernel prints words of 32 bits in the machine's own order; Linux runs containers on little-endian ones."""
    raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    if len(raw) == 4:
        return socket.inet_ntoa(raw)
    if raw == bytes(16):
        return EVERYWHERE
    if raw[:12] == bytes(10) + b"\xff\xff":
        return socket.inet_ntoa(raw[12:])
    return None
