"""An agent in memory that answers the control API as it is told."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from emulator.events import Event
from emulator.runtime.control import event_to


class AgentDouble:
    """Answers the control API as an agent would, in memory. Set what it answers; read what it was asked.

    `said` is every verb, those of a held connection too. `mute`: it never answers. `refuses`: the error it gives,
    `refuses_apply` to that request only. `before_status` is called before it answers what it sees.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.mute = False
        self.refuses: dict[str, Any] | None = None
        self.refuses_apply: dict[str, Any] | None = None
        self.events: list[Event] = []
        self.status: dict[str, Any] = {"acting": True, "held": False, "targets": [], "services": {}}
        self.before_status: Callable[[], None] = lambda: None
        self.streams: list[AgentStream] = []

    def open(self, command: Sequence[str]) -> AgentStream:
        stream = AgentStream(self)
        self.streams.append(stream)
        return stream

    def answers(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        self.said.append(request["verb"])
        self.requests.append(request)
        if self.mute:
            return []
        if self.refuses is not None:
            return [{"error": self.refuses}]
        if self.refuses_apply is not None and request["verb"] == "apply":
            return [{"error": self.refuses_apply}]
        body: list[dict[str, Any]] = []
        if request["verb"] == "apply":
            body = [{"event": event_to(event)} for event in self.events]
        elif request["verb"] == "status":
            self.before_status()
            body = [{"status": self.status}]
        return [*body, {"ok": True}]

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
        for answer in self.agent.answers(json.loads(data)):
            self._answers.put(json.dumps(answer).encode())

    def close_stdin(self) -> None:
        self._answers.put(None)

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
