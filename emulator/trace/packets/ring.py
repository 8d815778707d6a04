"""Packets out of a ring that the kernel writes and this process reads: bursts wait there instead of being dropped.

Needs the capability NET_RAW. Source: packet(7), and the kernel's documentation of `packet_mmap`, version 3 of the ring.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_TPACKET_V3 = 2
_ETH_P_ALL = 3
"""Every protocol: a socket for IPv4 alone is not shown what leaves."""
_SO_ATTACH_FILTER = 26

BLOCK = 1 << 17
"""Bytes of a block, which holds the longest IP packet."""
_BLOCKS = (256, 64, 16)
"""How many blocks the ring has: the first that the kernel has memory for. A block is handed over after `RETIRE` with
whatever is in it, so their number is the time that a burst of small packets may wait: 7 s, as a rule."""
_FRAME = 1 << 11
RETIRE = 0.03
"""Seconds until a block that is not full is handed over."""

_BLOCK_HEADER = struct.Struct("=8xIII")  # status, packets, offset of the first
_PACKET_HEADER = struct.Struct("=IIIIIIHH")  # next, seconds, nanoseconds, kept, length, status, mac, net
_ADDRESS = struct.Struct("=HHiHB")  # `sockaddr_ll` up to the kind of packet
_ADDRESS_AT = 48
_STATUS_AT = 8
_USER, _KERNEL = 1, 0
_LOOPBACK_INDEX = 1

_AUXILIARY = 0xFFFFF000
_FILTER = (
    # Classic BPF: loopback's outgoing copies and everything but TCP over IPv4 is left out in the kernel.
    (0x20, 0, 0, _AUXILIARY + 8),  # interface
    (0x15, 0, 2, _LOOPBACK_INDEX),
    (0x20, 0, 0, _AUXILIARY + 4),  # kind of packet
    (0x15, 5, 0, 4),  # outgoing
    (0x30, 0, 0, 0),  # IP version and header length
    (0x74, 0, 0, 4),
    (0x15, 0, 2, 4),
    (0x30, 0, 0, 9),  # protocol
    (0x15, 1, 0, 6),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0x40000),
)


@dataclass(frozen=True, slots=True)
class Packet:
    """An IP packet as it passed an interface. `kind`: as packet(7) counts them."""

    time: float
    loopback: bool
    kind: int
    data: bytes


class Ring:
    """A ring for all interfaces of the network namespace. Raises PermissionError without NET_RAW, OSError without
    memory."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        try:
            self._attach_filter()
            self.socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
            self._blocks = self._allocate()
            self._memory = mmap.mmap(self.socket.fileno(), BLOCK * self._blocks)
        except BaseException:
            self.socket.close()
            raise
        self._next = 0
        self._lost = 0

    def packets(self) -> Iterator[Packet]:
        """What has come since, without waiting."""
        while True:
            start = self._next * BLOCK
            status, count, offset = _BLOCK_HEADER.unpack_from(self._memory, start)
            if not status & _USER:
                return
            at = start + offset
            for _ in range(count):
                following, seconds, nanoseconds, kept, _, _, _, net = _PACKET_HEADER.unpack_from(self._memory, at)
                _, _, index, _, kind = _ADDRESS.unpack_from(self._memory, at + _ADDRESS_AT)
                data = self._memory[at + net : at + net + kept]
                yield Packet(seconds + nanoseconds / 1e9, index == _LOOPBACK_INDEX, kind, data)
                at += following
            struct.pack_into("=I", self._memory, start + _STATUS_AT, _KERNEL)
            self._next = (self._next + 1) % self._blocks

    def lost(self) -> int:
        """Packets that found the ring full, so far."""
        _, drops, _ = struct.unpack("=III", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12))
        self._lost += drops  # the kernel counts from zero after each question
        return self._lost

    def close(self) -> None:
        self._memory.close()
        self.socket.close()

    def _allocate(self) -> int:
        for blocks in _BLOCKS:
            request = (BLOCK, blocks, _FRAME, BLOCK // _FRAME * blocks, int(RETIRE * 1000), 0, 0)
            try:
                self.socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack("=7I", *request))
            except OSError:
                if blocks == _BLOCKS[-1]:
                    raise
            else:
                return blocks
        raise AssertionError("unreachable")

    def _attach_filter(self) -> None:
        code = b"".join(struct.pack("=HBBI", *line) for line in _FILTER)
        # `struct sock_fprog` has a pointer to the code, which has to live until the call returns.
        kept = mmap.mmap(-1, len(code))
        kept.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(kept))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(_FILTER), address))
