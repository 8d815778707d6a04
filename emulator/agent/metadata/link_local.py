"""169.254.170.2 in the agent's own network namespace: listening on it, having it, telling the neighbours.

A task's namespace has a route that says the address is on the environment's network, and Linux answers for every
address of its own on every interface: so an address on the agent's loopback device is all it takes. Needs the
capabilities NET_ADMIN (the address) and NET_RAW (the announcement).
"""

from __future__ import annotations

import fcntl
import logging
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from emulator.ecs.endpoints import ADDRESS

log = logging.getLogger(__name__)

_ALIAS = b"lo:ecs"
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IP_FREEBIND = 15
_INTERFACE_ADDRESS = struct.Struct("16sHH4s8x")
"""`struct ifreq` with an IPv4 `sockaddr_in`."""
_ETHERTYPE_ARP = 0x0806
_BROADCAST = b"\xff" * 6
_ETHERNET = 1
_IPV4 = 0x0800
_ARP_REQUEST, _ARP_REPLY = 1, 2
_BACKLOG = 128


def open_listener(address: str = ADDRESS, port: int = 80) -> socket.socket:
    """A listening TCP socket on an address that need not be there yet: once the address is there, the port is open."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    listener.bind((address, port))
    listener.listen(_BACKLOG)
    return listener


def take_address() -> None:
    """Adds the address to the loopback device (again is fine) and announces it. Raises OSError without NET_ADMIN."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((_SIOCSIFADDR, ADDRESS), (_SIOCSIFNETMASK, "255.255.255.255")):
            fcntl.ioctl(control, request, interface_request(_ALIAS, value))
    _announce()


def _announce() -> None:
    """Tells all neighbours that the address is ours now.

    Without it those that knew a former agent go on asking its hardware address for over ten seconds.
    """
    for interface, hardware in _interfaces():
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind((interface, 0))
                for frame in announcements(hardware, ADDRESS):
                    raw.send(frame)
        except OSError as error:
            log.warning("%s could not be announced on %s: %s", ADDRESS, interface, error)


def interface_request(alias: bytes, address: str) -> bytes:
    """The kernel's request to give a device that address or netmask."""
    return _INTERFACE_ADDRESS.pack(alias, socket.AF_INET, 0, socket.inet_aton(address))


def announcements(hardware: bytes, address: str) -> tuple[bytes, bytes]:
    """Two Ethernet frames of gratuitous ARP, a request and a reply: systems differ in which of them they heed."""
    ethernet = _BROADCAST + hardware + struct.pack("!H", _ETHERTYPE_ARP)
    ip = socket.inet_aton(address)

    def arp(operation: int) -> bytes:
        return struct.pack("!HHBBH", _ETHERNET, _IPV4, 6, 4, operation) + hardware + ip + _BROADCAST + ip

    return ethernet + arp(_ARP_REQUEST), ethernet + arp(_ARP_REPLY)


def _interfaces() -> Iterator[tuple[str, bytes]]:
    """Names and hardware addresses of all Ethernet devices."""
    for _, name in socket.if_nameindex():
        folder = Path("/sys/class/net") / name
        try:
            if int((folder / "type").read_text()) == _ETHERNET:
                yield name, bytes.fromhex((folder / "address").read_text().strip().replace(":", ""))
        except (OSError, ValueError):
            continue
