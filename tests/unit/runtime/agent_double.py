"""An agent in memory that answers the control API as it is told."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from emulator.events import Event
from emulator.runtime.control.client import event_to


class AgentDouble:
    """Answers the control API as an agent would, in memory. Set what it answers; read what it was asked.

    `said` is every verb, those of a held connection too. `mute`: it never answers. `refuses`: the error it gives,
    `refuses_apply` to that request only; `unknown` are verbs that its version has not. `before_status` is called before
    it answers what it sees, `before_hold` before a command is in charge.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.mute = False
        self.refuses: dict[str, Any] | None = None
        self.refuses_apply: dict[str, Any] | None = None
        self.unknown: set[str] = set()
        self.stops: list[str] = []
        """The containers that it says it stops."""
        self.events: list[Event] = []
        self.status: dict[str, Any] = {"acting": True, "held": False, "targets": [], "services": {}}
        self.before_status: Callable[[], None] = lambda: None
        self.before_hold: Callable[[], object] = lambda: None
        self.streams: list[AgentStream] = []

    def open(self, command: Sequence[str]) -> AgentStream:
        stream = AgentStream(self)
        self.streams.append(stream)
        return stream

    def answer(self, request: dict[str, Any]) -> list[bytes]:
        """The lines of the HTTP answer; none where it is mute."""
        verb = request["verb"]
        self.said.append(verb)
        self.requests.append(request)
        if self.mute:
            return []
        refusal = self.refuses or (self.refuses_apply if verb == "apply" else None)
        if verb in self.unknown:
            refusal = {"message": "no such request"}
        if refusal is not None:
            return document({"error": refusal}, "400 Bad Request")
        if verb in ("hold", "attend"):
            self.before_hold()
        if verb in ("hold", "begin", "act", "leave", "attend", "provide", "retire", "finish", "keep"):
            return [b"HTTP/1.1 204 No Content\r", b"\r"]
        if verb == "stopping":
            return document({"stops": self.stops})
        if verb == "retire-if-idle":
            return document({"idle": False})
        if verb == "status":
            self.before_status()
            return document(self.status)
        return stream([{"event": event_to(event)} for event in (self.events if verb == "apply" else [])])

    def close(self) -> None:
        for stream in self.streams:
            stream.close()


class AgentStream:
    """One connection to the agent double."""

    def __init__(self, agent: AgentDouble) -> None:
        self.agent = agent
        self.closed = False
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def write(self, data: bytes) -> None:
        for line in self.agent.answer(parsed(data)):
            self._answers.put(line)

    def close_stdin(self) -> None:
        self._answers.put(None)

    def chunks(self) -> Iterator[bytes]:
        return (line + b"\n" for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        while (line := self._answers.get()) is not None:
            yield line

    def error_output(self) -> bytes:
        return b"the connection was closed"

    def exit_code(self) -> int | None:
        return 0 if self.closed else None

    def close(self) -> None:
        self.closed = True
        self._answers.put(None)


def parsed(data: bytes) -> dict[str, Any]:
    """A request: its verb, and what its query and its body say."""
    head, _, content = data.partition(b"\r\n\r\n")
    url = urlsplit(head.split()[1].decode())
    return {"verb": url.path.rpartition("/")[2], **parse_qs(url.query), **(json.loads(content) if content else {})}


def document(content: dict[str, Any], status: str = "200 OK") -> list[bytes]:
    text = json.dumps(content).encode()
    return [f"HTTP/1.1 {status}\r".encode(), f"Content-Length: {len(text) + 1}\r".encode(), b"\r", text]


def stream(messages: list[dict[str, Any]]) -> list[bytes]:
    lines = [b"HTTP/1.1 200 OK\r", b"Transfer-Encoding: chunked\r", b"\r"]
    for message in [*messages, {"ok": True}]:
        text = json.dumps(message).encode()
        lines += [f"{len(text) + 1:x}\r".encode(), text, b"\r"]
    return [*lines, b"0\r", b"\r"]
