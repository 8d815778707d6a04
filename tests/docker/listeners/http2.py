"""HTTP/2 by hand over TLS: a client that can do right and, what libraries do not offer, wrong."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1

# Names of HPACK's static table as far as HAProxy refers to them.
_STATIC = {
    8: (":status", "200"),
    9: (":status", "204"),
    10: (":status", "206"),
    11: (":status", "304"),
    12: (":status", "400"),
    13: (":status", "404"),
    14: (":status", "500"),
    28: ("content-length", ""),
    31: ("content-type", ""),
    33: ("date", ""),
    34: ("etag", ""),
    44: ("last-modified", ""),
    46: ("location", ""),
    54: ("server", ""),
    55: ("set-cookie", ""),
}


@dataclass(frozen=True)
class Answer:
    """What came back on a stream."""

    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name: str, value: str) -> bytes:
    """A header as a literal without indexing."""
    return b"\0" + b"".join(_length(len(part), 7) + part for part in (name.encode(), value.encode()))


def request_block(method: str, authority: str, path: str, headers: dict[str, str] | None = None) -> bytes:
    pseudo = {":method": method, ":scheme": "https", ":authority": authority, ":path": path}
    return b"".join(field(name, value) for name, value in {**pseudo, **(headers or {})}.items())


class Client:
    """One connection. `raw` sends whatever a test wants."""

    def __init__(self, port: int, context: ssl.SSLContext, host: str = "localhost", timeout: float = 20) -> None:
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        self.authority = f"{host}:{port}"
        self._stream = 1
        assert self.socket.selected_alpn_protocol() == "h2"
        self.raw(PREFACE + frame(SETTINGS, 0, 0))

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        stream, self._stream = self._stream, self._stream + 2
        block = request_block(method, self.authority, path, headers)
        end = 0 if body else END_STREAM
        self.raw(frame(HEADERS, END_HEADERS | end, stream, block))
        if body:
            self.raw(frame(DATA, END_STREAM, stream, body))
        found: dict[str, str] = {}
        content = b""
        for kind, flags, number, payload in self.frames():
            if kind == GOAWAY or (kind == RST_STREAM and number == stream):
                raise ConnectionResetError(f"frame {kind}: {payload.hex()}")
            if number != stream:
                continue
            if kind == HEADERS:
                found |= dict(_decode(payload))
            elif kind == DATA:
                content += payload
            if flags & END_STREAM:
                return Answer(found, content)
        raise ConnectionResetError("the connection ended")

    def frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Frames as they come, until the connection ends."""
        while head := self._read(9):
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self._read(int.from_bytes(head[:3], "big"))
            if kind == SETTINGS and not flags & ACK:
                self.raw(frame(SETTINGS, ACK, 0))
            yield kind, flags, stream & 0x7FFFFFFF, payload

    def refused(self) -> bool:
        """Whether the front ends the stream or the connection; it answers nothing before."""
        try:
            for kind, *_ in self.frames():
                if kind in (GOAWAY, RST_STREAM):
                    return True
                if kind in (HEADERS, DATA):
                    return False
        except (ConnectionError, ssl.SSLError):
            pass
        return True

    def close(self) -> None:
        self.socket.close()

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                return b""
            data += more
        return data


def _length(number: int, bits: int) -> bytes:
    limit = (1 << bits) - 1
    if number < limit:
        return bytes([number])
    rest, out = number - limit, bytes([limit])
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest])


def _decode(block: bytes) -> Iterator[tuple[str, str]]:
    position = 0

    def number(bits: int) -> int:
        nonlocal position
        limit = (1 << bits) - 1
        value = block[position] & limit
        position += 1
        if value == limit:
            shift = 0
            while True:
                byte = block[position]
                position += 1
                value += (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        return value

    def text() -> str:
        nonlocal position
        assert block[position] < 128, "Huffman codes are not read here"
        length = number(7)
        position += length
        return block[position - length : position].decode("latin-1")

    while position < len(block):
        byte = block[position]
        if byte & 0x80:
            yield _STATIC[number(7)]
        elif byte & 0xE0 == 0x20:
            number(5)
        else:
            index = number(6 if byte & 0x40 else 4)
            name = _STATIC[index][0] if index else text()
            yield name, text()
