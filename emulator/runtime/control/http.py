"""The client's end of the control API's HTTP: requests over a connection that `docker exec` made.

As much of HTTP/1.1 as the agent speaks: an answer is empty, one line of JSON with its length, or chunks that are one
line of JSON each, the last of which holds `ok` or `error`. `docs/reference/control-api.yaml` describes it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from emulator.errors import EngineError, TaskError

if TYPE_CHECKING:
    from emulator.engine.interface import ExecStream

VERSION = "v1"
BODY, LINES = "application/json", "application/x-ndjson"

Message = dict[str, Any]
Query = Mapping[str, str | bool | list[str]]


class AgentError(TaskError):
    """The agent refused or failed; `output` are last lines of whatever failed."""


class AgentBusy(AgentError):
    """Another command is bringing the environment up; it is the next one's turn in a moment."""


def request(
    method: str, verb: str, query: Query | None = None, body: Message | None = None, *, last: bool = False
) -> bytes:
    """A request as it goes over the connection. Of a query's values those that say something are sent. After the `last`
    one the agent ends the connection."""
    pairs = [(name, one) for name, value in (query or {}).items() for one in _texts(value)]
    path = f"/{VERSION}/{verb}" + (f"?{urlencode(pairs)}" if pairs else "")
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: agent", f"Content-Type: {BODY}", f"Content-Length: {len(content)}"]
    lines += ["Connection: close"] if last else []
    return "\r\n".join([*lines, "", ""]).encode() + content


def _texts(value: str | bool | list[str]) -> list[str]:
    if isinstance(value, bool):
        return ["true"] if value else []
    return [value] if isinstance(value, str) else value


class Connection:
    """Requests and answers over one connection, one after the other."""

    def __init__(self, stream: ExecStream) -> None:
        self.stream = stream
        self._lines: Iterator[bytes] | None = None

    def ask(self, data: bytes) -> Iterator[Message]:
        """Sends a request; returns the messages of the answer, without the one that says `ok`.

        Raises `AgentError` where the agent refuses or fails, EngineError where it does not answer or not to the end.
        """
        self.stream.write(data)
        first = self._line()
        if not first.startswith(b"HTTP/1."):
            # Where its container goes away, Docker may answer in words of its own.
            raise EngineError(
                f"the agent does not answer: {first.decode(errors='replace').strip()}",
                hint="an agent of another version is replaced by `copilot-local up`",
            )
        headers = self._headers()
        if "chunked" in headers.get("transfer-encoding", ""):
            yield from self._chunks()
        elif headers.get("content-length", "0") != "0":
            message = _message(self._line())
            if "error" in message:
                raise _error_from(message["error"])
            yield message

    def _headers(self) -> dict[str, str]:
        found = {}
        while line := self._line():
            name, _, value = line.decode(errors="replace").partition(":")
            found[name.strip().lower()] = value.strip()
        return found

    def _chunks(self) -> Iterator[Message]:
        while int(self._line().partition(b";")[0], 16):
            message = _message(self._line())
            if "error" in message:
                raise _error_from(message["error"])
            self._line()  # what ends a chunk
            if not message.get("ok"):
                yield message
        self._line()

    def _line(self) -> bytes:
        """The next line without its end. Raises EngineError where none comes any more."""
        self._lines = self._lines if self._lines is not None else self.stream.lines()
        for line in self._lines:
            return line.rstrip(b"\r")
        detail = self.stream.error_output().decode(errors="replace").strip()
        raise EngineError(f"the agent ended the connection{': ' + detail if detail else ''}")

    def close(self) -> None:
        self.stream.close()


def _message(line: bytes) -> Message:
    try:
        message: Message = json.loads(line)
    except ValueError:
        raise EngineError(f"the agent answers what is no JSON: {line.decode(errors='replace').strip()}") from None
    return message


def _error_from(content: Message) -> AgentError:
    kind = AgentBusy if content.get("busy") else AgentError
    return kind(str(content["message"]), hint=str(content.get("hint", "")), output=content.get("output", []))


@contextlib.contextmanager
def closed_after(connection: Connection, seconds: float | None) -> Iterator[threading.Event]:
    """Closes the connection if the block takes longer, which ends reading from it; the event tells. None: never."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        connection.close()

    timer = threading.Timer(seconds or 0.0, expire)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def done(messages: Iterator[Message]) -> None:
    """Waits for an answer that says nothing but that it was done."""
    for _ in messages:
        pass
