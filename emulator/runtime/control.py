"""The client side of the agent's control API.

The API is a unix socket inside the agent's container, reached through `docker exec` of a small bridge: no port, no
token, and it works with a remote Docker context. A request is one JSON line; the answer is JSON lines, the last of
which holds `ok` or `error`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from emulator.engine.interface import ContainerState, Engine, ExecStream
from emulator.errors import CopilotLocalError, EngineError, EngineTimeout, InputError, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.desired import DesiredService, DesiredState, Private
from emulator.runtime.names import Names
from emulator.runtime.observed import observe

SOCKET = "/run/copilot-local/agent.sock"
BRIDGE = ("python3", "-S", "-m", "emulator.agent.bridge", SOCKET)
PATIENCE = 25.0
"""Seconds for an answer that the agent has at hand; an agent that was just started takes some until it listens."""

Message = dict[str, Any]


class AgentError(TaskError):
    """The agent refused or failed; `output` are last lines of whatever failed."""

    def __init__(self, message: str, *, hint: str = "", output: list[str] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.output = output or []


class AgentBusy(AgentError):
    """Another command is bringing the environment up; it is the next one's turn in a moment."""


class Agent:
    """The agent of one environment."""

    def __init__(self, engine: Engine, environment: Names, *, patience: float = PATIENCE) -> None:
        self.engine = engine
        self.names = environment
        self.patience = patience
        self._ahead: ExecStream | None = None

    def hold(self, private: Private, *, stays: bool = False) -> Lease:
        """Takes charge: the agent leaves tasks alone until told to act, or until this connection ends.

        `stays`: that may be long; others are refused, and do not wait.
        """
        stream = self._open({"verb": "hold", "private": private.model_dump(mode="json"), "stays": stays})
        _expect_ok(stream)
        return Lease(stream)

    def attend(self, desired: DesiredService, private: Private) -> Attendance:
        """Tells the agent of a service of which somebody else runs a task, until the attendance is closed."""
        request = {
            "verb": "attend",
            "service": desired.model_dump(mode="json"),
            "private": private.model_dump(mode="json"),
        }
        stream = self._open(request)
        _expect_ok(stream)
        return Attendance(stream)

    def retire_if_idle(self) -> bool:
        """Whether the agent had nothing to look after; it does nothing any more then, and may be removed."""
        idle = False
        for message in self._ask({"verb": "retire-if-idle"}, self.patience):
            idle = bool(message.get("idle", idle))
        return idle

    def apply(
        self, state: DesiredState, private: Private, emit: Emit, *, in_place: bool = False, orphaned: bool = False
    ) -> None:
        """Sends what should run and passes on the agent's events until it runs. Raises `AgentError`, `AgentBusy`.

        `in_place`: where single containers of a task differ, they are replaced in the task that runs. `orphaned`: the
        command that made the agent has died, and will not take charge.
        """
        request = {
            "verb": "apply",
            "state": state.model_dump(mode="json"),
            "private": private.model_dump(mode="json"),
            "in_place": in_place,
            "orphaned": orphaned,
        }
        self._act(request, emit)

    def scale(self, counts: dict[str, int], emit: Emit) -> None:
        """Sets how many tasks services run and waits until they do. Raises `AgentError`."""
        self._act({"verb": "scale", "counts": counts}, emit)

    def restart(self, services: list[str], emit: Emit) -> None:
        """Replaces the tasks of services (none: all), new ones first. Raises `AgentError`."""
        self._act({"verb": "restart", "services": services}, emit)

    def stop_task(self, task_id: str, emit: Emit) -> None:
        """Stops one task; the agent replaces it. Raises `AgentError`."""
        self._act({"verb": "stop-task", "task": task_id}, emit)

    def _act(self, request: Message, emit: Emit) -> None:
        for message in self._ask(request):
            if "event" in message:
                emit(event_from(message["event"]))

    def status(self) -> Message:
        """Tasks and targets as the agent sees them: `{"acting": bool, "targets": [...], "services": {...}}`.

        Raises `EngineTimeout` where no answer comes.
        """
        answer: Message = {}
        for message in self._ask({"verb": "status"}, self.patience):
            answer = message.get("status", answer)
        return answer

    def urls(self) -> dict[str, str]:
        """Where browsers find the services that a rule forwards to, by their names."""
        found: dict[str, str] = {}
        for message in self._ask({"verb": "urls"}, self.patience):
            found = message.get("urls", found)
        return found

    def tasks(self, service: str | None = None) -> list[Message]:
        """DescribeTasks' `Task` of every task, the last stopped ones too, oldest first."""
        found: list[Message] = []
        for message in self._ask({"verb": "tasks", "service": service}, self.patience):
            found = message.get("tasks", found)
        return found

    def task_events(self, *, follow: bool) -> Iterator[Message]:
        """Task state change events as EventBridge has them, oldest first; with `follow` without end."""
        for message in self._ask({"verb": "events", "follow": follow}):
            if "task_event" in message:
                yield message["task_event"]

    def records(self, *, follow: bool, services: list[str], kept: bool = False) -> Iterator[Message]:
        """The records that log routers delivered, oldest first; with `follow` without end.

        `kept`: instead, what removed containers had printed that do not log through a router.
        """
        for message in self._ask({"verb": "records", "follow": follow, "services": services, "kept": kept}):
            if "record" in message:
                yield message["record"]

    def access(self, *, follow: bool, services: list[str]) -> Iterator[Message]:
        """Requests as the load balancer logged them, oldest first, each with its `time`, `service`, the `line` of its
        log and the line's `fields`; with `follow` without end."""
        for message in self._ask({"verb": "access", "follow": follow, "services": services}):
            if "access" in message:
                yield message["access"]

    def _ask(self, request: Message, patience: float | None = None) -> Iterator[Message]:
        stream = self._open(request)
        hint = f"its log: docker logs {self.names.agent}"
        try:
            with _closed_after(stream, patience) as expired:
                for line in stream.lines():
                    message = _message(line)
                    if "error" in message:
                        raise _error_from(message["error"])
                    if message.get("ok"):
                        return
                    yield message
            if expired.is_set():
                raise EngineTimeout(f"the agent did not answer within {patience:g} s", hint=hint)
            detail = stream.error_output().decode(errors="replace").strip()
            raise AgentError(f"the agent ended the connection: {detail}", hint=hint)
        finally:
            stream.close()

    def connect_ahead(self) -> None:
        """Opens the connection of the next request: that takes longer than the agent's answer to most."""
        if self._ahead is None:
            self._ahead = self.engine.exec_stream(self.names.agent, BRIDGE)

    def close(self) -> None:
        """Gives up a connection that was opened ahead."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _open(self, request: Message) -> ExecStream:
        stream, self._ahead = self._ahead, None
        if stream is not None and stream.exit_code() is not None:
            stream.close()  # the agent was started anew since
            stream = None
        stream = stream or self.engine.exec_stream(self.names.agent, BRIDGE)
        stream.write(json.dumps(request).encode() + b"\n")
        return stream


def agent_of(engine: Engine, environment: Names) -> Agent:
    """The agent of an environment that runs. Raises `InputError` where none does."""
    agent = observe(engine, environment).agent
    if agent is None or agent.state is not ContainerState.RUNNING:
        raise InputError(
            f"{environment.app}/{environment.environment} is not running",
            hint="`copilot-local up -d` starts it; -a and -e choose another one",
        )
    return Agent(engine, environment)


class Lease:
    """Being in charge of an environment. Whoever drops it without a word leaves the agent in charge."""

    def __init__(self, stream: ExecStream) -> None:
        self._stream = stream

    def status(self) -> Message:
        """As `Agent.status`, over the connection that is open already: that costs no `docker exec`.

        Raises EngineError where no answer comes; the agent is in charge then.
        """
        self._stream.write(b'{"verb": "status"}\n')
        answer: Message = {}
        with _closed_after(self._stream, PATIENCE):
            for message in _until_ok(self._stream):
                answer = message.get("status", answer)
        return answer

    def hand_over(self) -> None:
        """The agent acts from now on."""
        self._stream.write(b'{"verb": "act"}\n')
        _expect_ok(self._stream)
        self._stream.close()

    def leave(self) -> None:
        """The environment is being taken down: the agent is to do nothing any more."""
        try:
            self._stream.write(b'{"verb": "leave"}\n')
            _expect_ok(self._stream)
        except (CopilotLocalError, OSError):
            pass  # an agent that is gone does nothing either
        self._stream.close()


class Attendance:
    """The agent's knowing of a task that a command runs by itself. It ends with the connection."""

    def __init__(self, stream: ExecStream) -> None:
        self._stream = stream

    def close(self) -> None:
        """Ends it; afterwards the agent knows."""
        with contextlib.suppress(CopilotLocalError, OSError), _closed_after(self._stream, PATIENCE):
            self._stream.write(b'{"verb": "leave"}\n')
            _expect_ok(self._stream)
        self._stream.close()


@contextlib.contextmanager
def _closed_after(stream: ExecStream, seconds: float | None) -> Iterator[threading.Event]:
    """Closes the stream if the block takes longer, which ends reading from it; the event tells. None: never."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        stream.close()

    timer = threading.Timer(seconds or 0.0, expire)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _expect_ok(stream: ExecStream) -> None:
    for _ in _until_ok(stream):
        pass


def _until_ok(stream: ExecStream) -> Iterator[Message]:
    """The messages before the one that says `ok`."""
    for line in stream.lines():
        message = _message(line)
        if "error" in message:
            raise _error_from(message["error"])
        if message.get("ok"):
            return
        yield message
    detail = stream.error_output().decode(errors="replace").strip()
    raise EngineError(f"the agent does not answer{': ' + detail if detail else ''}")


def _message(line: bytes) -> Message:
    """A line of the agent's answer. Where its container goes away, Docker may answer in words of its own."""
    try:
        message: Message = json.loads(line)
    except ValueError:
        raise EngineError(f"the agent does not answer: {line.decode(errors='replace').strip()}") from None
    return message


def _error_from(content: Message) -> AgentError:
    kind = AgentBusy if content.get("busy") else AgentError
    return kind(str(content["message"]), hint=str(content.get("hint", "")), output=content.get("output", []))


def event_to(event: Event) -> Message:
    """An event as JSON."""
    return {"kind": event.kind, "subject": event.subject, "message": event.message, "fields": event.fields}


def event_from(content: Message) -> Event:
    """An event from JSON."""
    return Event(EventKind(content["kind"]), content["subject"], content["message"], content["fields"])
