"""A stand-in for Session Manager's plugin, which is on no package index. The bytes of messages are made here anew."""

import hashlib
import json
import os
import select
import socket
import struct
import sys
import tty
import uuid
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Request, TextMessage

HEADER = struct.Struct(">I32sIQqQ16s32sII")
session: dict[str, str] = json.loads(sys.argv[1]) if len(sys.argv) > 1 else sys.exit()
url = urlsplit(session["streamUrl"])
connection: Any = socket.create_connection((url.hostname or "", url.port or 0))
web, sequence, size, data = WSConnection(ConnectionType.CLIENT), 0, os.terminal_size((0, 0)), b""


def send(kind: str, payload: int, content: bytes, number: int) -> None:
    digest, id_ = hashlib.sha256(content).digest(), uuid.uuid4().bytes
    header = HEADER.pack(116, kind.encode().ljust(32), 1, 0, number, 0, id_, digest, payload, len(content))
    connection.sendall(web.send(BytesMessage(data=header + content)))


tty.setraw(0)
connection.sendall(web.send(Request(host=url.netloc, target=f"{url.path}?{url.query}")))
while ready := select.select([connection, 0], [], [], 0.1):
    said = [(1, os.read(0, 1024))] if 0 in ready[0] else []
    web.receive_data(connection.recv(65536) or None) if connection in ready[0] else None
    for event in web.events():
        if isinstance(event, AcceptConnection):
            opening = {"MessageSchemaVersion": "1.0", "TokenValue": session["tokenValue"]}
            connection.sendall(web.send(TextMessage(data=json.dumps(opening))))
            continue
        if not isinstance(event, BytesMessage):
            sys.exit(f"the channel ended: {event}")
        data += event.data
        if not event.message_finished:
            continue
        _, kind, _, _, number, _, id_, _, payload, _ = HEADER.unpack_from(data)
        content, data = data[HEADER.size :], b""
        if kind.startswith(b"channel_closed"):
            sys.exit(print(json.loads(content)["Output"] or "Exiting session.", end="\r\n"))
        told = {"AcknowledgedMessageType": kind.decode().strip(), "AcknowledgedMessageSequenceNumber": number}
        told |= {"AcknowledgedMessageId": str(uuid.UUID(bytes=id_[8:] + id_[:8])), "IsSequentialMessage": True}
        send("acknowledge", 0, json.dumps(told).encode(), 0)
        os.write(1, content if payload == 1 else b"")
        said += [(6, b'{"ClientVersion": "1.2.707.0", "ProcessedClientActions": []}')] if payload == 5 else []
    if (said or sequence) and (now := os.get_terminal_size(0)) != size:
        size, said = now, [*said, (3, json.dumps({"cols": now[0], "rows": now[1]}).encode())]
    for payload, content in said:
        send("input_stream_data", payload, content, sequence)
        sequence += 1
