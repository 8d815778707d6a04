"""The agent's control API: HTTP on a unix socket. `docs/reference/control-api.yaml` says what each request means."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from emulator.agent.api.answers import content_of, status_of, with_events
from emulator.agent.api.going_down import finish, refuse_others, store_kept, take_down
from emulator.agent.api.looks import overview, status
from emulator.agent.api.records import follow_access, follow_records, load_balancer_of
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.agent.traces.late import LateTraces
from emulator.errors import CopilotLocalError, InputError, NotFound
from emulator.model import from_plain
from emulator.model import to_plain as to_plain_model
from emulator.runtime.control.http import BODY, LINES, VERSION, Message
from emulator.runtime.reports.printed_lines import printed_lines
from emulator.runtime.reports.service_url import service_urls
from emulator.runtime.state.desired import DesiredService, DesiredState, Private

log = logging.getLogger(__name__)

Query = dict[str, list[str]]
Answer = Message | Iterator[Message] | None
"""One document, messages as they come, or nothing but that it was done."""


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves the control API on a unix socket."""

    daemon_threads = True

    def __init__(
        self, path: Path, supervisor: Supervisor, log_folder: Path, access_folder: Path, traces: LateTraces
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.supervisor = supervisor
        self.log_folder = log_folder
        self.access_folder = access_folder
        self.traces = traces
        super().__init__(str(path), _Connection)

    def seen(self) -> tuple[Supervisor, Path, LateTraces]:
        """What its looks are taken at."""
        return self.supervisor, self.log_folder, self.traces


class _Connection(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other. Being in charge goes with the connection."""

    server: ControlServer
    protocol_version = "HTTP/1.1"
    _holds = False
    _provides = False
    _retires = False
    _stops: Future[list[str]] | None = None
    _attendance: contextlib.ExitStack | None = None

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone
        finally:
            # A command that was killed, maybe in the middle of a word, leaves the agent in charge.
            if self._holds:
                self.server.supervisor.act()
            if self._provides:
                self.server.supervisor.control.provided()
            if self._attendance is not None:
                self._attendance.close()
            if self._retires:
                self.server.supervisor.abandon()

    def log_message(self, *words: object) -> None:
        """Requests are no news."""

    def do_GET(self) -> None:
        self._serve(_READ)

    def do_POST(self) -> None:
        self._serve(_CHANGE)

    def _serve(self, routes: Mapping[str, _Handler]) -> None:
        try:
            url = urlsplit(self.path)
            body = self._body()
            given = parse_qs(url.query) if routes is _READ else body
            answer = _route(routes, self.command, url.path)(self, given)
            if answer is None:
                self._respond(HTTPStatus.NO_CONTENT)
            elif isinstance(answer, dict):
                self._respond(HTTPStatus.OK, answer)
            else:
                self._stream(answer)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except CopilotLocalError as error:
            self._respond(status_of(error), {"error": content_of(error)})
        except Exception as error:  # the client gets every error
            self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": content_of(error)})
            log.exception("a request failed: %s", self.path)

    def _body(self) -> Message:
        length = int(self.headers.get("Content-Length") or 0)
        if not length:
            return {}
        try:
            body: Message = json.loads(self.rfile.read(length))
        except ValueError as error:
            raise InputError(f"the body of the request is no JSON: {error}") from None
        return body

    def _respond(self, status: HTTPStatus, message: Message | None = None) -> None:
        self.send_response_only(status)
        if message is not None:
            content = json.dumps(message).encode() + b"\n"
            self.send_header("Content-Type", BODY)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if message is not None:
            self.wfile.write(content)

    def _stream(self, messages: Iterator[Message]) -> None:
        """Each message as a chunk. What fails before the first has a status of its own, what fails later is one."""
        first = list(islice(messages, 1))
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", LINES)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for message in chain(first, messages):
                self._chunk(message)
            self._chunk({"ok": True})
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            self._chunk({"error": content_of(error)})
            if not isinstance(error, CopilotLocalError):
                log.exception("a request failed: %s", self.path)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, message: Message) -> None:
        line = json.dumps(message).encode() + b"\n"
        self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))

    # what changes something

    def _hold(self, body: Message) -> Answer:
        self.server.supervisor.held(from_plain(Private, body["private"]), stays=bool(body.get("stays")))
        self._holds = True
        return None

    def _begin(self, body: Message) -> Answer:
        self._refuse_without_lease()
        state, private = from_plain(DesiredState, body["state"]), from_plain(Private, body["private"])
        self.server.supervisor.begin(state, private)
        return None

    def _act(self, _: Message) -> Answer:
        self._refuse_without_lease()
        self._holds = False
        self.server.supervisor.act()
        return None

    def _leave(self, body: Message) -> Answer:
        if self._attendance is not None:
            self._attendance.close()
            self._attendance = None
            return None
        if self._provides:
            self._provides = False
            self.server.supervisor.control.provided()
            return None
        self._refuse_without_lease()
        return self._retire(body)

    def _retire(self, body: Message) -> Answer:
        """It goes with the connection too: an agent that looks after nothing would only be in the next `up`'s way."""
        refuse_others(self.server.supervisor.scheduler.names, body)
        self._holds = False
        if not self._retires:
            self._retires = True
            self._stops = take_down(self.server.supervisor, body)
        return None

    def _attend(self, body: Message) -> Answer:
        desired = from_plain(DesiredService, body["service"])
        attending = self.server.supervisor.one_offs.attending(desired, from_plain(Private, body["private"]))
        self._attendance = contextlib.ExitStack()
        self._attendance.enter_context(attending)
        return None

    def _retire_if_idle(self, _: Message) -> Answer:
        self._retires = self._retires or self.server.supervisor.retire_if_idle()
        return {"idle": self._retires}

    def _provide(self, body: Message) -> Answer:
        how = {name: bool(body.get(name)) for name in ("deploys", "orphaned")}
        self.server.supervisor.control.provide(**how)
        self._provides = True
        return None

    def _refuse_without_lease(self) -> None:
        if not self._holds:
            raise InputError("this connection is not in charge of the environment", hint="ask for `hold` over it first")

    def _apply(self, body: Message) -> Answer:
        state = from_plain(DesiredState, body["state"])
        private = from_plain(Private, body["private"])
        how = {name: bool(body.get(name)) for name in ("in_place", "orphaned")}
        return with_events(lambda emit: self.server.supervisor.deployments.apply(state, private, emit, **how))

    def _order(self, body: Message) -> Answer:
        state = from_plain(DesiredState, body["state"])
        self.server.supervisor.deployments.order(state, from_plain(Private, body["private"]))
        return None

    def _run_task(self, body: Message) -> Answer:
        desired, private = from_plain(DesiredService, body["service"]), from_plain(Private, body["private"])
        self.server.supervisor.task_runs.start(desired, private, [str(one) for one in body["tasks"]], body["told"])
        return None

    def _scale(self, body: Message) -> Answer:
        counts = {str(name): int(count) for name, count in body["counts"].items()}
        return with_events(lambda emit: self.server.supervisor.deployments.scale(counts, emit))

    def _restart(self, body: Message) -> Answer:
        chosen = [str(name) for name in body["services"]]
        return with_events(lambda emit: self.server.supervisor.deployments.redeploy(chosen, emit))

    def _stop_task(self, body: Message) -> Answer:
        task, reason = str(body["task"]), str(body.get("reason", ""))
        return with_events(lambda emit: self.server.supervisor.deployments.stop_task(task, emit, reason))

    def _protect(self, body: Message) -> Answer:
        for task in body["tasks"]:
            self.server.supervisor.scheduler.history.protected.protect(str(task), int(body["minutes"]))
        return None

    def _clock(self, body: Message) -> Answer:
        try:
            to = datetime.fromisoformat(str(body["to"])).astimezone(UTC)
        except ValueError as error:
            raise InputError(f"a time in ISO 8601, please: {error}") from None
        self.server.supervisor.set_clock(to)
        return None

    # what only looks

    def _tasks(self, query: Query) -> Answer:
        return {"tasks": self.server.supervisor.scheduler.history.tasks(next(iter(query.get("service", [])), None))}

    def _events(self, query: Query) -> Answer:
        events = self.server.supervisor.scheduler.history.events(follow=_says_yes(query, "follow"))
        return ({"task_event": event} for event in events)

    def _records(self, query: Query) -> Answer:
        ended = self._gone if _says_yes(query, "follow") else None
        services, kept, join = query.get("service", []), _says_yes(query, "kept"), _says_yes(query, "join")
        found = follow_records(self.server.log_folder, services, ended, kept=kept, join=join, tail=_tail(query))
        return ({"record": it} for it in found)

    def _lines(self, query: Query) -> Answer:
        supervisor, services = self.server.supervisor, query.get("service", [])
        names, router = supervisor.scheduler.names, _says_yes(query, "router")
        return printed_lines(supervisor.engine, names, services, _tail(query), router=router)

    def _access(self, query: Query) -> Answer:
        ended = self._gone if _says_yes(query, "follow") else None
        name, options = load_balancer_of(self.server.supervisor.scheduler.state)
        services = query.get("service", [])
        found = follow_access(self.server.access_folder, services, ended, name, options, _tail(query))
        return ({"access": it} for it in found)

    def _gone(self) -> bool:
        """Whether the client has disconnected."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


_Handler = Callable[[_Connection, Any], Answer]
"""Takes the query of a request that only looks, the body of one that changes something."""
_READ: Final[Mapping[str, _Handler]] = {
    "status": lambda asked, query: status(*asked.server.seen(), details=_says_yes(query, "details")),
    "overview": lambda asked, _: overview(*asked.server.seen()),
    "urls": lambda asked, _: {"urls": service_urls(asked.server.supervisor.scheduler.state)},
    "tasks": _Connection._tasks,
    "state": lambda asked, _: {"state": to_plain_model(asked.server.supervisor.scheduler.state)},
    "services": lambda asked, _: {"services": asked.server.supervisor.services()},
    "protection": lambda asked, _: {"protection": asked.server.supervisor.scheduler.history.protected.all()},
    "events": _Connection._events,
    "records": _Connection._records,
    "lines": _Connection._lines,
    "access": _Connection._access,
    "traces": lambda asked, query: asked.server.traces.answers().listed(query),
    "trace": lambda asked, query: asked.server.traces.answers().one(query),
    "trace-map": lambda asked, query: asked.server.traces.answers().map(query),
}
_CHANGE: Final[Mapping[str, _Handler]] = {
    "hold": _Connection._hold,
    "begin": _Connection._begin,
    "act": _Connection._act,
    "leave": _Connection._leave,
    "attend": _Connection._attend,
    "provide": _Connection._provide,
    "retire": _Connection._retire,
    "keep": lambda asked, body: store_kept(asked.server.log_folder, body),
    "finish": lambda asked, _: finish(asked.server.supervisor, asked._stops),
    "stopping": lambda asked, _: {"stops": asked._stops.result() if asked._stops is not None else []},
    "retire-if-idle": _Connection._retire_if_idle,
    "apply": _Connection._apply,
    "order": _Connection._order,
    "scale": _Connection._scale,
    "restart": _Connection._restart,
    "stop-task": _Connection._stop_task,
    "answer-hook": lambda asked, body: asked.server.supervisor.scheduler.shifts.answer(
        str(body["service"]), str(body["action"])
    ),
    "stop-deployment": lambda asked, body: asked.server.supervisor.deployments.stop_deployment(str(body["service"])),
    "run-job": lambda asked, body: asked.server.supervisor.run_job(str(body["job"])).as_plain(),
    "run-task": _Connection._run_task,
    "remove-service": lambda asked, body: asked.server.supervisor.deployments.remove_service(str(body["service"])),
    "clock": _Connection._clock,
    "protect": _Connection._protect,
}
ROUTES: Final = [("GET", f"/{VERSION}/{verb}") for verb in _READ] + [("POST", f"/{VERSION}/{verb}") for verb in _CHANGE]
"""Every request there is."""


def _route(routes: Mapping[str, _Handler], method: str, path: str) -> _Handler:
    _, _, rest = path.partition("/")
    version, _, verb = rest.partition("/")
    if version != VERSION:
        raise NotFound(f"the agent speaks {VERSION} of the control API, not {version or 'nothing'}")
    if verb not in routes:
        raise NotFound(f"the agent does not know the request {method} {verb!r}")
    return routes[verb]


def _says_yes(query: Query, name: str) -> bool:
    return query.get(name, ["false"])[-1] == "true"


def _tail(query: Query) -> int | None:
    text = query.get("tail", [""])[-1]
    return int(text) if text.isdecimal() else None
