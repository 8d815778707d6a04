"""Bytes of packets and of /proc: what the kernel writes is read as it means it."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.sockets import parse_listeners
from emulator.trace.packets.listening import listeners
from emulator.trace.packets.packets import PACKET_OUTGOING, Address, parse_ip, seen_twice


def packet(
    data: bytes, *, options: bytes = b"", flags: int = 0x18, total: int | None = None, protocol: int = 6
) -> bytes:
    """An IPv4 packet with a TCP segment in it."""
    tcp = struct.pack("!HHIIBBHHH", 40000, 80, 7, 9, (20 + len(options)) // 4 << 4, flags, 100, 0, 0) + options + data
    length = 20 + len(tcp) if total is None else total
    addresses = socket.inet_aton("172.30.0.2") + socket.inet_aton("172.30.0.3")
    return struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0x4000, 64, protocol, 0) + addresses + tcp


def test_a_segment_is_read_with_its_options_left_out() -> None:
    found = parse_ip(packet(b"hello", options=bytes(12)), 1.5)
    assert found is not None
    assert (found.source, found.target) == (Address("172.30.0.2", 40000), Address("172.30.0.3", 80))
    assert (found.sequence, found.acknowledged, found.data, found.time) == (7, 9, b"hello", 1.5)
    assert (found.syn, found.ack, found.fin, found.reset) == (False, True, False, False)


def test_padding_behind_a_short_packet_is_no_data() -> None:
    found = parse_ip(packet(b"", total=40) + bytes(6), 0)
    assert found is not None
    assert found.data == b""


def test_a_joined_packet_may_be_longer_than_its_length_can_say() -> None:
    found = parse_ip(packet(b"x" * 70_000, total=0), 0)
    assert found is not None
    assert len(found.data) == 70_000


def test_what_was_cut_off_is_counted() -> None:
    found = parse_ip(packet(b"abc", total=20 + 20 + 10), 0)
    assert found is not None
    assert (found.data, found.cut) == (b"abc", 7)


def test_what_is_no_tcp_over_ipv4_is_passed_over() -> None:
    assert parse_ip(packet(b"", protocol=17), 0) is None
    assert parse_ip(b"\x60" + bytes(60), 0) is None
    assert parse_ip(b"", 0) is None


@given(st.binary(max_size=80))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    parse_ip(data, 0)
    parse_ip(b"\x45\0\0\0\0\0\0\0\0\x06" + data, 0)


def test_loopback_shows_each_packet_twice_and_the_first_is_left_out() -> None:
    assert seen_twice(True, PACKET_OUTGOING)
    assert not seen_twice(True, 0)
    assert not seen_twice(False, PACKET_OUTGOING)


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0000000000000000
   2: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0000000000000000
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   2: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
"""


def test_listeners_come_from_the_kernel_s_table() -> None:
    assert [(one.port, one.host) for one in parse_listeners(TCP)] == [(3000, "127.0.0.1"), (80, "0.0.0.0")]


def test_a_listener_of_ipv6_counts_where_ipv4_reaches_it() -> None:
    assert [(one.port, one.host) for one in parse_listeners(TCP6)] == [(8080, "0.0.0.0"), (8082, "127.0.0.1")]


def test_our_own_listener_is_among_them(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert f"127.0.0.1:{server.getsockname()[1]}" in listeners()
    assert listeners([str(tmp_path / "missing")]) == ()
