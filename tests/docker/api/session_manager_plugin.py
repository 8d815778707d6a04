"""A stand-in for Session Manager's plugin, which is on no package index, with its arguments and its protocol.

The bytes of messages are made here anew, so that a mistake of the server's own code shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import socket
import struct
import sys
import termios
import tty
import uuid
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Request, TextMessage

HEADER = struct.Struct(">I32sIQqQ16s32sII")


class Plugin:
    def __init__(self, session: dict[str, str]) -> None:
        url = urlsplit(session["streamUrl"])
        self.socket = socket.create_connection((url.hostname or "", url.port or 0))
        self.web, self.sequence, self.parts = WSConnection(ConnectionType.CLIENT), 0, bytearray()
        self.size = os.terminal_size((0, 0))
        self.send(Request(host=url.netloc, target=f"{url.path}?{url.query}"))
        opening = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": session["tokenValue"]}
        self.opening = json.dumps({**opening, "ClientId": str(uuid.uuid4()), "ClientVersion": "1.2.707.0"})

    def send(self, event: Any) -> None:
        self.socket.sendall(self.web.send(event))

    def message(self, kind: str, payload_type: int, content: bytes, sequence: int = 0) -> None:
        digest, id_ = hashlib.sha256(content).digest(), uuid.uuid4().bytes
        header = HEADER.pack(116, kind.encode().ljust(32), 1, 0, sequence, 0, id_, digest, payload_type, len(content))
        self.send(BytesMessage(data=header + content))

    def input(self, payload_type: int, content: bytes) -> None:
        self.message("input_stream_data", payload_type, content, self.sequence)
        self.sequence += 1

    def take(self, data: bytes) -> bool:
        _, kind, _, _, sequence, _, id_, _, payload_type, length = HEADER.unpack_from(data)
        content, name = data[HEADER.size :], kind.decode().strip()
        assert len(content) == length
        if name == "channel_closed":
            print(json.loads(content)["Output"] or "Exiting session.", end="\r\n", flush=True)
            return False
        if name == "output_stream_data":
            told = {"AcknowledgedMessageType": name, "AcknowledgedMessageId": str(uuid.UUID(bytes=id_[8:] + id_[:8]))}
            sent = {**told, "AcknowledgedMessageSequenceNumber": sequence, "IsSequentialMessage": True}
            self.message("acknowledge", 0, json.dumps(sent).encode())
            if payload_type == 5:
                answers = [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None}]
                self.input(6, json.dumps({"ClientVersion": "1.2.707.0", "ProcessedClientActions": answers}).encode())
            elif payload_type == 1:
                os.write(1, content)
        return True

    def run(self) -> None:
        while True:
            ready, _, _ = select.select([self.socket.fileno(), 0], [], [], 0.1)
            if self.socket.fileno() in ready:
                self.web.receive_data(self.socket.recv(65536) or None)
                for event in self.web.events():
                    if type(event).__name__ == "AcceptConnection":
                        self.send(TextMessage(data=self.opening))
                    elif isinstance(event, BytesMessage):
                        self.parts += event.data
                        if event.message_finished and not self.take(bytes(self.parts)):
                            return
                        self.parts.clear() if event.message_finished else None
                    elif not isinstance(event, TextMessage):
                        sys.exit(f"the channel ended: {event}")
            if 0 in ready and (keys := os.read(0, 1024)):
                self.input(1, keys)
            if self.sequence and (size := os.get_terminal_size(0)) != self.size:
                self.size = size
                self.input(3, json.dumps({"cols": size[0], "rows": size[1]}).encode())


if __name__ == "__main__" and len(sys.argv) > 1:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        Plugin(json.loads(sys.argv[1])).run()
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, before)
