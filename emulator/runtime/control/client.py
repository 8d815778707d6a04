"""The client side of the agent's control API.

The API is HTTP on a unix socket inside the agent's container, reached through `docker exec` of a small bridge: no port,
no token, and it works with a remote Docker context. Where the daemon runs on this machine, the agent has a second
socket in a folder of the user (`runtime.control.direct`), which saves the `docker exec`.
`docs/reference/control-api.yaml` describes the API.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from emulator.engine.interface import ContainerState, Engine, ExecStream
from emulator.errors import EngineError, EngineTimeout, InputError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.control.direct import ANSWER_TIMEOUT
from emulator.runtime.control.http import AgentBusy, AgentError, Connection, Message, Query, closed_after, done, request
from emulator.runtime.control.leases import Attendance, Lease, Providing, Retirement, plain
from emulator.runtime.state.conventions import CONTROL_FOLDER
from emulator.runtime.state.observed import Observed, observe

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredService, DesiredState, Private
    from emulator.runtime.state.names import Names

__all__ = [
    "Agent",
    "AgentBusy",
    "AgentError",
    "Attendance",
    "Lease",
    "Message",
    "Providing",
    "Retirement",
    "agent_of",
    "event_from",
    "event_to",
    "no_agent",
]

SOCKET = "/run/copilot-local/agent.sock"
BRIDGE = ("python3", "-S", "-m", "emulator.agent.api.bridge", SOCKET)
SOCKET_TIMEOUT = 30.0
"""Seconds that an agent which was just started may take to listen: a busy machine takes more than ten."""
SOCKET_POLL = 0.01
SOCKET_LOOK = 1.0
"""Seconds after which its container is looked at, and between two looks."""


class Agent:
    """The agent of one environment."""

    def __init__(self, engine: Engine, environment: Names, *, timeout: float = ANSWER_TIMEOUT) -> None:
        self.engine = engine
        self.names = environment
        self.timeout = timeout
        self._ahead: ExecStream | None = None

    def hold(self, private: Private | None = None, *, stays: bool = False) -> Lease:
        """Takes charge: the agent leaves tasks alone until told to act, or until this connection ends.

        `private`: the values of what runs already. `stays`: that may be long; others are refused, and do not wait.
        """
        body: Message = {"private": {}, "stays": stays}
        self._await_socket()
        return Lease(self._opened("hold", body if private is None else {**body, **plain(private=private)}))

    def attend(self, desired: DesiredService, private: Private) -> Attendance:
        """Registers a one-off task, which the caller runs, with the agent, until the attendance is closed."""
        return Attendance(self._opened("attend", plain(service=desired, private=private)))

    def provide(self, *, deploys: bool = False, orphaned: bool = False) -> Providing:
        """The caller makes what services live with: the agent leaves that alone until it is closed. `deploys`: `apply`
        follows, and this is refused as that would be. Raises `AgentError`; `AgentBusy` where another command does."""
        return Providing(self._opened("provide", {"deploys": deploys, "orphaned": orphaned}))

    def retire(self) -> Retirement:
        """The environment is going away: the agent starts and stops nothing any more. It serves tasks and keeps what
        they and the load balancers send until the retirement is closed, and removes itself then."""
        return Retirement(self._opened("retire", timeout=self.timeout))

    def retire_if_idle(self) -> bool:
        """Whether the agent had nothing to look after; it does nothing any more then, and may be removed."""
        [answer] = self._ask("POST", "retire-if-idle", timeout=self.timeout)
        return bool(answer["idle"])

    def apply(
        self, state: DesiredState, private: Private, emit: Emit, *, in_place: bool = False, orphaned: bool = False
    ) -> None:
        """Sends what should run and passes on the agent's events until it runs. Raises `AgentError`, `AgentBusy`.

        `in_place`: where single containers of a task differ, they are replaced in the task that runs. `orphaned`: the
        command that made the agent has died, and will not take charge.
        """
        body = {**plain(state=state, private=private), "in_place": in_place, "orphaned": orphaned}
        self._act("apply", body, emit)

    def order(self, state: DesiredState, private: Private) -> None:
        """Sends what should run, which the agent makes so by itself: this does not wait. Private values that are not
        given stay as they are. Raises `AgentError`, `AgentBusy`."""
        self._do("order", plain(state=state, private=private))

    def run_task(self, desired: DesiredService, private: Private, tasks: list[str], told: str) -> None:
        """Starts tasks of these ids that run by themselves, and does not wait for them. `told` is JSON of what
        DescribeTasks says of them beside. Raises `AgentError`."""
        self._do("run-task", {**plain(service=desired, private=private), "tasks": tasks, "told": told})

    def remove_service(self, name: str) -> None:
        """Removes a service that the ECS API has created, and does not wait for its tasks. Raises `AgentError`."""
        self._do("remove-service", {"service": name})

    def scale(self, counts: dict[str, int], emit: Emit) -> None:
        """Sets how many tasks services run and waits until they do. Raises `AgentError`."""
        self._act("scale", {"counts": counts}, emit)

    def restart(self, services: list[str], emit: Emit) -> None:
        """Replaces the tasks of services (none: all), new ones first. Raises `AgentError`."""
        self._act("restart", {"services": services}, emit)

    def stop_task(self, task_id: str, emit: Emit, reason: str = "") -> None:
        """Stops one task, for a reason that DescribeTasks shows; the agent replaces it. Raises `AgentError`."""
        self._act("stop-task", {"task": task_id, "reason": reason} if reason else {"task": task_id}, emit)

    def answer_hook(self, service: str, action: Literal["CONTINUE", "ROLLBACK"]) -> None:
        """Answers the PAUSE hook that a service's deployment waits at. Raises `AgentError` where none does."""
        self._do("answer-hook", {"service": service, "action": action})

    def stop_deployment(self, service: str) -> None:
        """Has a service's deployment in progress go back to the last one that succeeded. Raises `AgentError` where
        there is none of either."""
        self._do("stop-deployment", {"service": service})

    def run_job(self, job: str) -> Message:
        """Starts a run of a Scheduled Job that is part of what should run; returns the run as `status` has it, without
        waiting for its end. Raises `AgentError`."""
        [answer] = self._ask("POST", "run-job", body={"job": job}, timeout=self.timeout)
        return answer

    def protection(self) -> dict[str, str]:
        """The ARNs of tasks that are protected from scaling in, each with the end of that in ISO 8601."""
        found: dict[str, str] = self._answer("protection")["protection"]
        return found

    def protect(self, tasks: list[str], minutes: int) -> None:
        """Protects tasks, by ARN, for so long; 0 ends their protection. Raises `AgentError`."""
        self._do("protect", {"tasks": tasks, "minutes": minutes})

    def set_clock(self, to: datetime) -> None:
        """Moves the clock that jobs run by. Raises `AgentError`."""
        self._do("clock", {"to": to.isoformat()})

    def _do(self, verb: str, body: Message) -> None:
        """Asks for what the agent does at once, or does not let its caller wait for."""
        done(self._ask("POST", verb, body=body, timeout=self.timeout))

    def _act(self, verb: str, body: Message, emit: Emit) -> None:
        for message in self._ask("POST", verb, body=body):
            if "event" in message:
                emit(event_from(message["event"]))

    def status(self, *, details: bool = False) -> Message:
        """Tasks and targets as the agent sees them: `{"acting": bool, "targets": [...], "services": {...}}`.

        `details` adds a field of that name: `ServiceDetails` by service. Raises `EngineTimeout` where no answer comes.
        """
        return self._answer("status", {"details": True} if details else None)

    def urls(self) -> dict[str, str]:
        """Where browsers find the services that a rule forwards to, by their names."""
        found: dict[str, str] = self._answer("urls")["urls"]
        return found

    def tasks(self, service: str | None = None) -> list[Message]:
        """DescribeTasks' `Task` of every task, the last stopped ones too, oldest first."""
        found: list[Message] = self._answer("tasks", {"service": service or []})["tasks"]
        return found

    def state(self) -> DesiredState:
        """What should run, without private values."""
        from emulator.model import from_plain
        from emulator.runtime.state.desired import DesiredState

        return from_plain(DesiredState, self._answer("state")["state"])

    def services(self) -> list[Message]:
        """DescribeServices' `Service` of each, each with its last `serviceDeployments`, by their names."""
        found: list[Message] = self._answer("services")["services"]
        return found

    def task_events(self, *, follow: bool) -> Iterator[Message]:
        """State changes of tasks and deployments as EventBridge has them, oldest first; with `follow` without end."""
        return self._each("task_event", "events", {"follow": follow})

    def records(
        self, *, follow: bool, services: list[str], kept: bool = False, join: bool = False, tail: int | None = None
    ) -> Iterator[Message]:
        """The records that log routers delivered, oldest first; with `follow` without end.

        `kept`: instead, what removed containers had printed that do not log through a router. `join` puts together the
        lines that Docker split at 16 KiB. `tail`: of what is there already, only the last ones of each stream.
        """
        query: Query = {"follow": follow, "service": services, "kept": kept, "join": join, **_tail(tail)}
        return self._each("record", "records", query)

    def access(self, *, follow: bool, services: list[str], tail: int | None = None) -> Iterator[Message]:
        """Requests as the load balancer logged them, oldest first, each with its `time`, `service`, the `line` of its
        log and the line's `fields`; with `follow` without end. `tail`: of what is there already, only the last ones."""
        return self._each("access", "access", {"follow": follow, "service": services, **_tail(tail)})

    def traces(self, **query: str | list[str]) -> Message:
        """The latest traces, the newest first, and what a user should know of them: `traces` and `notes`. `limit`,
        `since`, `service`, `slow` and `errors` choose. Raises `AgentError`."""
        return self._answer("traces", query)

    def trace(self, id: str) -> Message:
        """A trace with its `spans` and the load balancer's `requests`, by its id, the beginning of it, or `last`.
        Raises `AgentError` where there is none, or several."""
        return self._answer("trace", {"id": id})

    def trace_map(self, **query: str | list[str]) -> Message:
        """Who calls whom in the latest traces: `edges`. `since` chooses. Raises `AgentError`."""
        return self._answer("trace-map", query)

    def _opened(self, verb: str, body: Message | None = None, timeout: float | None = None) -> Connection:
        """A connection that something of the agent's goes with."""
        connection = self._open()
        try:
            with closed_after(connection, timeout):
                done(connection.ask(request("POST", verb, body=body)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _each(self, kind: str, verb: str, query: Query) -> Iterator[Message]:
        """What messages of an answer have of that kind, as they come."""
        for message in self._ask("GET", verb, query):
            if kind in message:
                yield message[kind]

    def _answer(self, verb: str, query: Query | None = None) -> Message:
        """An answer that is one document, which the agent has at hand."""
        [answer] = self._ask("GET", verb, query, timeout=self.timeout)
        return answer

    def _ask(
        self,
        method: str,
        verb: str,
        query: Query | None = None,
        *,
        body: Message | None = None,
        timeout: float | None = None,
    ) -> Iterator[Message]:
        """One request over a connection of its own."""
        connection = self._open()
        hint = f"its log: docker logs {self.names.agent}"
        try:
            with closed_after(connection, timeout) as expired:
                try:
                    yield from connection.ask(request(method, verb, query, body, last=True))
                except EngineError as error:
                    if expired.is_set():
                        raise EngineTimeout(f"the agent did not answer within {timeout:g} s", hint=hint) from None
                    error.hint = error.hint or hint
                    raise
        finally:
            connection.close()

    def connect_ahead(self) -> None:
        """Opens the connection of the next request: that takes longer than the agent's answer to most."""
        if self._ahead is None:
            self._ahead = self._stream()

    def close(self) -> None:
        """Gives up a connection that was opened ahead."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _open(self) -> Connection:
        stream, self._ahead = self._ahead, None
        if stream is not None and not goes_on(stream):
            stream.close()  # the agent was started anew since
            stream = None
        return Connection(stream or self._stream())

    def _stream(self) -> ExecStream:
        """To the agent's socket on this machine, else to that in its container."""
        return self._here() or self.engine.exec_stream(self.names.agent, BRIDGE)

    def _await_socket(self) -> None:
        """Waits until an agent that was just started listens on this machine, as long as its container runs: a
        `docker exec` in place of that takes a busy machine as long as the agent itself."""
        began = looked = time.monotonic()
        while self._ahead is None and self._has_socket():
            self._ahead = self._here()
            now = time.monotonic()
            if self._ahead is None and now - looked > SOCKET_LOOK:
                if not self._shares_folder(first=looked == began):
                    return
                looked = now
            if now - began > SOCKET_TIMEOUT:
                return
            if self._ahead is None:
                time.sleep(max(SOCKET_POLL, min(0.1, (now - began) / 10)))

    def _shares_folder(self, *, first: bool) -> bool:
        """Whether the agent's container runs and, asked at the `first` look, has our folder: a daemon whose socket was
        given to the container that this command runs in mounts a folder of its own machine in its place."""
        agent = observe(self.engine, self.names).agent
        if agent is None or agent.state is not ContainerState.RUNNING:
            return False
        if first and self.engine.exec(agent.name, ("test", "-e", f"{CONTROL_FOLDER}/{direct.DAEMON}")).exit_code:
            direct.remove_folder(self.names)
            return False
        return True

    def _has_socket(self) -> bool:
        """Whether the agent was given a folder of this machine."""
        daemon = direct.daemon_of(self.names)
        return bool(daemon) and daemon == self.engine.host

    def _here(self) -> ExecStream | None:
        return direct.connect(self.names, self.engine.host) if self._has_socket() else None


def goes_on(stream: ExecStream) -> bool:
    """Whether a connection is still open."""
    with contextlib.suppress(EngineError):  # Docker forgets a command some time after it has ended
        return stream.exit_code() is None
    return False


def agent_of(engine: Engine, environment: Names) -> Agent:
    """The agent of an environment that runs. Raises `InputError` where none does."""
    observed = observe(engine, environment)
    if observed.agent is None or observed.agent.state is not ContainerState.RUNNING:
        raise no_agent(environment, observed)
    return Agent(engine, environment)


def no_agent(environment: Names, observed: Observed) -> InputError:
    """What to say of an environment without an agent that runs: that nothing of it does, or that the rest does."""
    where = f"{environment.app}/{environment.environment}"
    if any(member.running for task in observed.tasks.values() for member in task.members.values()):
        return InputError(
            f"no agent looks after {where}, whose tasks run",
            hint="`copilot-local up -d` brings it back; `copilot-local down` stops what runs",
        )
    return InputError(f"{where} is not running", hint="`copilot-local up -d` starts it; -a and -e choose another one")


def _tail(number: int | None) -> dict[str, str]:
    return {} if number is None else {"tail": str(number)}


def event_to(event: Event) -> Message:
    """An event as JSON."""
    return {"kind": event.kind, "subject": event.subject, "message": event.message, "fields": event.fields}


def event_from(content: Message) -> Event:
    """An event from JSON."""
    return Event(EventKind(content["kind"]), content["subject"], content["message"], content["fields"])
