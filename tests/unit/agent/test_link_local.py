"""The bytes that the kernel and the neighbours see; tests/docker/agent sees what they do with them."""

from __future__ import annotations

import socket

from emulator.agent.metadata.link_local import announcements, interface_request, open_listener

HARDWARE = bytes.fromhex("0242ac1e0003")


def test_an_announcement_says_at_which_hardware_address_the_ip_address_is() -> None:
    request, reply = announcements(HARDWARE, "169.254.170.2")
    for frame, operation in ((request, 1), (reply, 2)):
        assert len(frame) == 42
        assert frame[:6] == b"\xff" * 6  # to everybody
        assert frame[6:12] == HARDWARE
        assert frame[12:14] == b"\x08\x06"  # ARP
        assert frame[14:20] == bytes.fromhex("000108000604")  # Ethernet and IPv4, 6 and 4 bytes long
        assert int.from_bytes(frame[20:22], "big") == operation
        assert frame[22:28] == HARDWARE
        # sender and target are the same address: that is what makes it gratuitous
        assert frame[28:32] == frame[38:42] == bytes([169, 254, 170, 2])


def test_the_kernels_request_has_its_size_and_fields() -> None:
    request = interface_request(b"lo:ecs", "169.254.170.2")
    assert len(request) == 32
    assert request[:16].rstrip(b"\0") == b"lo:ecs"
    assert int.from_bytes(request[16:18], "little") == socket.AF_INET
    assert request[20:24] == bytes([169, 254, 170, 2])


def test_a_listener_is_there_before_its_address() -> None:
    with open_listener("203.0.113.77", 0) as listener:
        assert listener.getsockname()[0] == "203.0.113.77"
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
