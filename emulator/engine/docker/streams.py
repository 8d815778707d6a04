"""Answers that keep coming: logs, events, and a command's attached streams.

A reader may wait in one thread while another one closes the stream, so closing shuts the socket down: that wakes the
reader, which then ends as at the end of the data.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Generic, TypeVar

from emulator.engine.docker.client import Answer, Client, Json
from emulator.engine.docker.transport import CALL_TIMEOUT
from emulator.engine.interface import EngineEvent, LogLine
from emulator.engine.labels import present_labels
from emulator.errors import CopilotLocalError, EngineError, EngineTimeout, Unsupported

STDOUT = 1
STDERR = 2

_HEADER = struct.Struct(">BxxxL")
REPORT_TIMEOUT = 5.0
"""Seconds that a command may still run after it closed its output."""

_CHUNK = 64 * 1024

T = TypeVar("T")


class _Stream:
    """An answer that streams, and what ends it from any thread."""

    def __init__(self, client: Client, answer: Answer) -> None:
        self._client = client
        self._answer = answer
        self._closed = threading.Event()
        self._reading = threading.RLock()
        self._forgotten = weakref.finalize(self, answer.close)
        self._forgotten.atexit = False  # a thread may wait in it for ever, and the end of the process closes it

    def close(self) -> None:
        """Ends the connection; also while another thread waits in it. A command sees its standard input end."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError):
            self._answer.socket.shutdown(socket.SHUT_RDWR)
        with self._reading:  # the reader has woken up and left
            self._forgotten()


class HttpStream(_Stream, Generic[T]):
    """A streamed answer as an iterator: `decode` makes items out of its chunks."""

    def __init__(
        self,
        client: Client,
        path: str,
        doing: str,
        decode: Callable[[Iterator[bytes]], Iterator[T]],
        params: Mapping[str, str],
        *,
        timeout: float = CALL_TIMEOUT,
        idle_timeout: float | None = None,
        endless: bool = False,
    ) -> None:
        """Seconds: `timeout` for the answer's start, `idle_timeout` for each wait after that (None: for ever).
        An `endless` stream that ends without having been closed is broken: EngineError."""
        super().__init__(client, client.open("GET", path, doing, params=params, timeout=timeout))
        self._doing = doing
        self._idle_timeout = idle_timeout
        self._endless = endless
        self._answer.socket.settimeout(idle_timeout)
        self._items = decode(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self._client.translated(self._doing, self._idle_timeout):
                while chunk := self._answer.response.raw.read1(_CHUNK):
                    yield chunk
        except Exception as error:
            if self._closed.is_set():
                return
            if isinstance(error, CopilotLocalError):
                raise
            raise EngineError(f"the connection to Docker broke while it should {self._doing}: {error}") from error
        if self._endless and not self._closed.is_set():
            raise EngineError(f"Docker went away while it should {self._doing}")

    def __iter__(self) -> HttpStream[T]:
        return self

    def __next__(self) -> T:
        with self._reading:
            if self._closed.is_set():
                raise StopIteration
            try:
                return next(self._items)
            except BaseException:
                self.close()
                raise


PIECE = 16384
"""Bytes of a line that Docker stores as one piece."""


def decode_logs(chunks: Iterator[bytes]) -> Iterator[LogLine]:
    """Log lines out of the answer to a log request with timestamps.

    Docker frames what a container without a terminal prints (8 bytes: stream, length), one message a frame; a message
    that lacks the line end goes on in the next frame of its stream. The copy that it keeps beside a log driver lacks
    the end of a long line too: its pieces have one time, and all but the last one a full buffer's size. With a terminal
    it sends plain lines. Only API 1.42 says which in a header, but a line starts with its timestamp's digit and a frame
    never does.
    """
    reader = _ByteReader(chunks)
    head = reader.peek(4)
    if head[1:4] != b"\0\0\0":
        for raw in reader.lines():
            stamp, text = _split_timestamp(raw)
            yield LogLine("stdout", text.decode(errors="replace").removesuffix("\r"), stamp)
        return
    partial: dict[int, tuple[datetime | None, bytes]] = {}
    for stream, message in frames(reader):
        stamp, text = _split_timestamp(message)
        ends = text.endswith(b"\n")
        if stream in partial:
            began, begun = partial.pop(stream)
            if stamp != began and len(begun) % PIECE:
                yield _line(stream, begun, began)
            else:
                ends = ends or len(text) < PIECE
                stamp, text = began, begun + text
        if ends:
            yield _line(stream, text.removesuffix(b"\n"), stamp)
        else:
            partial[stream] = (stamp, text)
    for stream, (stamp, text) in partial.items():
        yield _line(stream, text, stamp)


def _line(stream: int, text: bytes, stamp: datetime | None) -> LogLine:
    return LogLine("stderr" if stream == STDERR else "stdout", text.decode(errors="replace").removesuffix("\r"), stamp)


def _split_timestamp(message: bytes) -> tuple[datetime | None, bytes]:
    word, _, rest = message.partition(b" ")
    try:
        return datetime.fromisoformat(word.decode("ascii")), rest
    except ValueError:
        return None, message


def decode_events(chunks: Iterator[bytes]) -> Iterator[EngineEvent]:
    """Events out of a stream of JSON documents, one a line."""
    for line in _ByteReader(chunks).lines():
        if line.strip():
            event: Json = json.loads(line)
            actor = event.get("Actor") or {}
            yield EngineEvent(
                action=str(event.get("Action", "")),
                container_id=str(actor.get("ID", "")),
                labels=present_labels({str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}),
                time=datetime.fromtimestamp(int(event.get("timeNano", 0)) / 1e9, UTC),
            )


class _ByteReader:
    """Reads exact amounts and lines out of chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._buffer += chunk
        return bool(chunk)

    def peek(self, size: int) -> bytes:
        """The next bytes without taking them; fewer at the end."""
        while len(self._buffer) < size and self._more():
            pass
        return bytes(self._buffer[:size])

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        data = self.peek(size)
        del self._buffer[: len(data)]
        return data

    def lines(self) -> Iterator[bytes]:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                searched = 0
                yield line
                continue
            searched = len(self._buffer)
            if not self._more():
                break
        if self._buffer:
            yield bytes(self._buffer)


def frames(reader: _ByteReader) -> Iterator[tuple[int, bytes]]:
    """Docker's frames: which stream, and what was written to it."""
    while True:
        header = reader.take(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        stream, size = _HEADER.unpack(header)
        yield stream, reader.take(size)


class DockerExecStream(_Stream):
    """A running command's streams, over the connection that Docker hijacks for it."""

    terminal = False
    """Whether the command has a terminal: Docker passes its output on as it is then, without frames."""

    def __init__(self, client: Client, exec_id: str, deadline: float | None = None) -> None:
        """`deadline`, of the monotonic clock, ends reads with EngineTimeout; None waits for ever."""
        answer = client.open(
            "POST",
            f"/exec/{exec_id}/start",
            "start the command",
            body={"Detach": False, "Tty": self.terminal},
            headers={"Connection": "Upgrade", "Upgrade": "tcp"},
        )
        super().__init__(client, answer)
        self._exec_id = exec_id
        self._error_output = bytearray()
        self._socket = self._answer.socket
        self._file = _reader(self._answer)
        self._socket.settimeout(None)
        self._deadline = deadline

    def write(self, data: bytes) -> None:
        """Sends to the command's standard input."""
        with self._client.translated("pass on input to the command"):
            self._socket.sendall(data)

    def close_stdin(self) -> None:
        """The command sees the end of its input; its output still arrives."""
        if self._client.endpoint.tls is not None:
            raise Unsupported(
                "closing a command's input alone is not possible over a TLS connection to Docker",
                hint="use the daemon's unix socket, or forward it with ssh -L",
            )
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What the command writes: (1, standard output) and (2, standard error), as it comes."""
        return frames(_ByteReader(self._chunks()))

    def _chunks(self) -> Iterator[bytes]:
        while not self._closed.is_set():
            try:
                with self._reading:
                    if self._deadline is not None:
                        self._socket.settimeout(max(self._deadline - time.monotonic(), 0.001))
                    chunk = self._file.read1(_CHUNK)
            except TimeoutError:
                raise EngineTimeout("the command did not end in time") from None
            except (OSError, ValueError):
                return  # closed by us, or the daemon is gone: exit_code() tells which
            if not chunk:
                return
            yield chunk

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output until the command closes it; standard error is kept for `error_output`."""
        return _ByteReader(self.chunks()).lines()

    def chunks(self) -> Iterator[bytes]:
        """Standard output as it comes; standard error is kept for `error_output`."""
        for stream, data in self.frames():
            if stream == STDERR:
                self._error_output += data
            elif data:
                yield data

    def error_output(self) -> bytes:
        """What came on standard error so far (while `lines` was read)."""
        return bytes(self._error_output)

    def exit_code(self) -> int | None:
        """The command's exit code, None while it runs."""
        with self._client.sdk("report on the command") as sdk:
            answer = sdk.exec_inspect(self._exec_id)
        code = answer.get("ExitCode")
        return int(code) if code is not None and not answer.get("Running") else None

    def wait(self) -> int:
        """The exit code, once the streams have ended; the daemon takes a moment to notice."""
        deadline = time.monotonic() + REPORT_TIMEOUT
        while (code := self.exit_code()) is None:
            if time.monotonic() > deadline:
                raise EngineTimeout("the command closed its output but did not end")
            time.sleep(0.01)
        return code


class DockerTerminal(DockerExecStream):
    """A running command on a terminal of its own."""

    terminal = True

    def chunks(self) -> Iterator[bytes]:
        """What the command prints, as it comes."""
        return self._chunks()

    def resize(self, columns: int, rows: int) -> None:
        """Sets the size of the terminal; nothing where the command has ended."""
        with contextlib.suppress(EngineError), self._client.sdk("resize the command's terminal") as sdk:
            sdk.exec_resize(self._exec_id, height=rows, width=columns)


def _reader(answer: Answer) -> io.BufferedReader:
    """What reads the command's output: not the bare socket, which the SDK hands out, because the command's first bytes
    may have come together with the HTTP header."""
    reader: io.BufferedReader | None = getattr(getattr(answer.response.raw, "_fp", None), "fp", None)
    if reader is None:
        answer.close()
        raise EngineError("this version of urllib3 does not give access to the connection of a command")
    return reader
