"""What TLS shows without its keys: the name that the client asks for. Pure. Source: RFC 8446 §4.1.2, RFC 6066 §3."""

from __future__ import annotations

import struct

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_RECORD = 5
MOST_BYTES = 16 * 1024
"""A ClientHello that is longer is not looked into."""


def looks_like_tls(data: bytes) -> bool:
    """Whether a connection that begins so is TLS 1.0 to 1.3."""
    return len(data) >= 3 and data[0] == _HANDSHAKE and data[1] == 3 and data[2] <= 4


def server_name(data: bytes) -> str | None:
    """The name in a ClientHello; empty where it has none, None where more bytes are needed."""
    handshake = b""
    position = 0
    while True:
        if len(data) - position < _RECORD:
            return None
        size = int.from_bytes(data[position + 3 : position + 5], "big")
        if data[position] != _HANDSHAKE:
            return ""
        handshake += data[position + _RECORD : position + _RECORD + size]
        position += _RECORD + size
        if len(handshake) >= 4:
            length = int.from_bytes(handshake[1:4], "big")
            if handshake[0] != _CLIENT_HELLO or length > MOST_BYTES:
                return ""
            if len(handshake) >= 4 + length:
                break
        if position > len(data):
            return None
    try:
        return _name(handshake[4 : 4 + length])
    except (IndexError, struct.error, UnicodeDecodeError):
        return ""


def _name(hello: bytes) -> str:
    position = 2 + 32
    position += 1 + hello[position]
    position += 2 + struct.unpack_from("!H", hello, position)[0]
    position += 1 + hello[position]
    end = position + 2 + struct.unpack_from("!H", hello, position)[0]
    position += 2
    while position + 4 <= min(end, len(hello)):
        kind, size = struct.unpack_from("!HH", hello, position)
        position += 4
        if kind == _SERVER_NAME:
            # A list's length, a kind of name, then the name with its length.
            length = struct.unpack_from("!H", hello, position + 3)[0]
            return hello[position + 5 : position + 5 + length].decode("ascii")
        position += size
    return ""
