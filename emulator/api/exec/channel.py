"""A data channel: a WebSocket on one side, a terminal in a container on the other.

One thread reads the client, a second one the terminal. The connection is local and keeps the order, so output is sent
once; input is acknowledged, since the client sends it again otherwise, and what comes again is dropped.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from typing import Final

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from emulator.api.exec.messages import (
    INPUT,
    OUTPUT,
    BadMessage,
    ChannelMessage,
    Payload,
    acknowledgement,
    channel_closed,
    decoded,
    handshake_complete,
    handshake_request,
    terminal_size,
)
from emulator.api.exec.sessions import PATH, Session, Sessions
from emulator.engine.interface import ExecSetting, Terminal
from emulator.errors import CopilotLocalError

LARGEST: Final = 1 << 20
"""Bytes of a client's message."""
_CHUNK: Final = 65536
_PIECE: Final = 4096
_LAST_WORDS: Final = 5.0
"""Seconds that a client has to end its side after a command has ended."""
_TERMINATE: Final = 2
"""The flag of a client that ends the session."""
_POLICY: Final = 1008
_MARK: Final = "COPILOT_LOCAL_EXEC"
_HANG_UP: Final = 'for p in /proc/[0-9]*; do grep -qs "{mark}" $p/environ && kill -HUP ${{p#/proc/}}; done; exit 0'
"""Ends what a client left behind that went away: Docker itself lets the command go on for ever."""


class Wire:
    """The connection, after the headers of the request."""

    def __init__(self, reader: BufferedIOBase, connection: socket.socket) -> None:
        self._reader, self._socket = reader, connection

    def receive(self) -> bytes:
        """What comes next; nothing at the end."""
        return self._reader.read1(_CHUNK)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def opened(self) -> None:
        """From now on the client may be silent for as long as it wants."""
        self._socket.settimeout(None)

    def finish(self) -> None:
        """Nothing more is sent; what the client sends is still received, until it ends too."""
        self._shut(socket.SHUT_WR)

    def close(self) -> None:
        """Ends both directions, also for a thread that receives."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, directions: int) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(directions)


class Channel:
    """One client's connection."""

    def __init__(self, sessions: Sessions, wire: Wire) -> None:
        self._sessions = sessions
        self._wire = wire
        self._web = WSConnection(ConnectionType.SERVER)
        self._sending = threading.Lock()
        self._sequence = 0
        self._expected = 0
        self._begun = 0.0
        self._session: Session | None = None
        self._terminal: Terminal | None = None

    def run(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Serves the client until one side ends."""
        id_ = path.partition("?")[0].removeprefix(PATH)
        try:
            with self._sessions.serving(self._wire.close):
                self._serve(id_, path, headers)
        except (BadMessage, LocalProtocolError, RemoteProtocolError, OSError):
            pass  # the client is gone, or none of ours: the connection ends

    def _serve(self, id_: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        try:
            self._web.initiate_upgrade_connection(list(headers), path)
            for message in self._messages():
                if self._session is None:
                    self._open(id_, message)
                elif isinstance(message, bytes):
                    self._take(decoded(message))
        finally:
            self._end()

    def _messages(self) -> Iterator[str | bytes]:
        """The client's messages, whole."""
        parts: list[str | bytes] = []
        data: bytes | None = b""
        while data is not None:
            for event in self._web.events():
                match event:
                    case Request():
                        self._send(AcceptConnection())
                    case Ping():
                        self._send(event.response())
                    case CloseConnection():
                        self._send(event.response())
                        return
                    case TextMessage() | BytesMessage():
                        parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
                        if sum(map(len, parts)) > LARGEST:
                            raise BadMessage("a message is too long")
                        if event.message_finished:
                            yield _joined(parts)
                            parts = []
            data = self._wire.receive() or None
            self._web.receive_data(data)

    def _open(self, id_: str, message: str | bytes) -> None:
        """The first message holds the token; everything else is refused."""
        try:
            token = json.loads(message)["TokenValue"] if isinstance(message, str) else None
        except (ValueError, KeyError, TypeError):
            token = None
        session = self._sessions.take(id_, token) if isinstance(token, str) else None
        if session is None:
            self._send(CloseConnection(_POLICY, "the session is unknown, or its token is another one"))
            raise BadMessage("no session")
        self._session, self._begun = session, time.monotonic()
        self._wire.opened()
        self._stream(Payload.HANDSHAKE_REQUEST, handshake_request(" ".join(session.words)))

    def _take(self, message: ChannelMessage) -> None:
        if message.kind != INPUT or message.sequence > self._expected:
            return
        self._message(acknowledgement(message))
        if message.sequence < self._expected:
            return
        self._expected += 1
        match message.payload_type:
            case Payload.HANDSHAKE_RESPONSE if self._terminal is None:
                self._stream(Payload.HANDSHAKE_COMPLETE, handshake_complete(time.monotonic() - self._begun))
                self._start()
            case Payload.OUTPUT if self._terminal is not None:
                with contextlib.suppress(CopilotLocalError):  # of a command that has just ended
                    self._terminal.write(message.payload)
            case Payload.SIZE if self._terminal is not None:
                self._terminal.resize(*terminal_size(message.payload))
            case Payload.FLAG if int.from_bytes(message.payload[-4:], "big") == _TERMINATE:
                raise BadMessage("the client ends the session")
            case _:
                pass

    def _start(self) -> None:
        session = self._session
        assert session is not None
        # As root whatever the container's user is, and with the variables of Session Manager's agent.
        setting = ExecSetting("0", "", ("TERM=xterm-256color", "LANG=C.UTF-8", f"{_MARK}={session.id}"))
        try:
            self._terminal = session.engine.exec_terminal(session.container, session.words, setting)
        except CopilotLocalError as error:
            self._finish(f"Unable to start command: {error.message}")
            return
        threading.Thread(target=self._pump, args=(self._terminal,), daemon=True, name="terminal").start()

    def _pump(self, terminal: Terminal) -> None:
        """What the command prints, to the client, until it ends."""
        with contextlib.suppress(OSError, LocalProtocolError):
            for chunk in terminal.chunks():
                for start in range(0, len(chunk), _PIECE):
                    self._stream(Payload.OUTPUT, chunk[start : start + _PIECE])
            self._finish("")

    def _finish(self, output: str) -> None:
        """The command has ended."""
        assert self._session is not None
        self._message(channel_closed(self._session.id, output))
        with contextlib.suppress(LocalProtocolError):
            self._send(CloseConnection(1000))
        # Not closed at once: what the client still sends would reset the connection, and with it lose the last words.
        self._wire.finish()
        ended = threading.Timer(_LAST_WORDS, self._wire.close)
        ended.daemon = True
        ended.start()

    def _end(self) -> None:
        """The connection ends: nothing of it stays, in the container neither."""
        self._wire.close()
        terminal, session = self._terminal, self._session
        if terminal is None or session is None:
            return
        with contextlib.closing(terminal), contextlib.suppress(CopilotLocalError):  # of a container without a shell
            if terminal.exit_code() is None:
                hang_up = _HANG_UP.format(mark=f"{_MARK}={session.id}")
                session.engine.exec(session.container, ("sh", "-c", hang_up), user="0")

    def _stream(self, kind: Payload, payload: bytes) -> None:
        with self._sending:
            message = ChannelMessage(OUTPUT, payload, self._sequence, kind)
            self._sequence += 1
            self._wire.send(self._web.send(BytesMessage(data=message.encoded())))

    def _message(self, message: ChannelMessage) -> None:
        self._send(BytesMessage(data=message.encoded()))

    def _send(self, event: Event) -> None:
        with self._sending:
            self._wire.send(self._web.send(event))


def _joined(parts: list[str | bytes]) -> str | bytes:
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts else b"".join(part for part in parts if isinstance(part, bytes))
