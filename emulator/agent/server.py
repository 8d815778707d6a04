"""The agent's control API: a unix socket, one JSON request a connection, JSON lines back.

Requests: `hold`, `apply`, `status`, `records`, `access` and more. What they mean is written down in
`emulator.runtime.control`.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from emulator.agent.records import follow_access, follow_records, is_full
from emulator.agent.supervisor import BeingBroughtUp, Supervisor
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event
from emulator.frontdoor import FrontOptions, LoadBalancerName
from emulator.runtime.control import Message, event_to
from emulator.runtime.desired import DesiredService, DesiredState, Private
from emulator.runtime.front import front_options
from emulator.runtime.service_url import service_urls


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves the control API on a unix socket."""

    daemon_threads = True

    def __init__(self, path: Path, supervisor: Supervisor, log_folder: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.supervisor = supervisor
        self.log_folder = log_folder
        super().__init__(str(path), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line:
            return
        try:
            request: Message = json.loads(line)
            for answer in self._answer(request):
                self._send(answer)
            self._send({"ok": True})
        except CopilotLocalError as error:
            output = getattr(error, "output", [])
            busy = {"busy": True} if isinstance(error, BeingBroughtUp) else {}
            self._send({"error": {"message": error.message, "hint": error.hint, "output": output, **busy}})
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # whoever asked must hear of it, whatever it is
            self._send({"error": {"message": f"the agent failed: {error!r}", "hint": "this is a bug: see its log"}})
            raise

    def _send(self, message: Message) -> None:
        self.wfile.write(json.dumps(message).encode() + b"\n")
        self.wfile.flush()

    def _answer(self, request: dict[str, Any]) -> Iterator[Message]:
        match request.get("verb"):
            case "hold":
                yield from self._hold(Private.model_validate(request["private"]), stays=bool(request.get("stays")))
            case "attend":
                desired = DesiredService.model_validate(request["service"])
                self._attend(desired, Private.model_validate(request["private"]))
            case "retire-if-idle":
                yield {"idle": self.server.supervisor.retire_if_idle()}
            case "apply":
                state = DesiredState.model_validate(request["state"])
                private = Private.model_validate(request["private"])
                how = {name: bool(request.get(name)) for name in ("in_place", "orphaned")}
                yield from self._with_events(lambda emit: self.server.supervisor.apply(state, private, emit, **how))
            case "scale":
                counts = {str(name): int(count) for name, count in request["counts"].items()}
                yield from self._with_events(lambda emit: self.server.supervisor.scale(counts, emit))
            case "restart":
                chosen = [str(name) for name in request["services"]]
                yield from self._with_events(lambda emit: self.server.supervisor.redeploy(chosen, emit))
            case "stop-task":
                yield from self._with_events(lambda emit: self.server.supervisor.stop_task(str(request["task"]), emit))
            case "status":
                yield {"status": self._status()}
            case "urls":
                yield {"urls": service_urls(self.server.supervisor.state)}
            case "records":
                services = cast("list[str]", request.get("services", []))
                ended = self._gone if request.get("follow") else None
                for record in follow_records(self.server.log_folder, services, ended, kept=bool(request.get("kept"))):
                    yield {"record": record}
            case "access":
                services = cast("list[str]", request.get("services", []))
                ended = self._gone if request.get("follow") else None
                name, options = _load_balancer(self.server.supervisor.state)
                for access in follow_access(self.server.log_folder, services, ended, name, options):
                    yield {"access": access}
            case "tasks":
                yield {"tasks": self.server.supervisor.history.tasks(request.get("service"))}
            case "events":
                for event in self.server.supervisor.history.events(follow=bool(request.get("follow"))):
                    yield {"task_event": event}
            case verb:
                raise CopilotLocalError(f"the agent does not know the request {verb!r}")

    def _hold(self, private: Private, *, stays: bool) -> Iterator[Message]:
        """Leaves the tasks to the connected command. A connection that ends without a word puts the agent in charge."""
        supervisor = self.server.supervisor
        supervisor.held(private, stays=stays)
        verb = "act"
        try:
            self._send({"ok": True})
            while (verb := self._word()) == "status":
                self._send({"status": self._status()})
                self._send({"ok": True})
        except (OSError, ValueError, LookupError, TypeError):
            pass  # a command that was killed in the middle of a word
        if verb == "leave":
            supervisor.retire()
        else:
            supervisor.act()
        yield from ()

    def _status(self) -> Message:
        return {**self.server.supervisor.status(), "log_store_full": is_full(self.server.log_folder)}

    def _word(self) -> str:
        """What the connected command says next; `act` where it has gone."""
        word = self.rfile.readline()
        return str(json.loads(word)["verb"]) if word else "act"

    def _attend(self, desired: DesiredService, private: Private) -> None:
        """Knows of somebody else's task until the connection ends."""
        with self.server.supervisor.one_offs.attending(desired, private), contextlib.suppress(OSError):
            self._send({"ok": True})
            self.rfile.readline()

    def _gone(self) -> bool:
        """Whether whoever asked has left."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _with_events(self, act: Callable[[Emit], None]) -> Iterator[Message]:
        """Passes on the events of something that takes a while, as they come."""
        events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                act(events.put)
                events.put(None)
            except BaseException as error:
                events.put(error)

        threading.Thread(target=work, daemon=True).start()
        while (item := events.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield {"event": event_to(item)}


def _load_balancer(state: DesiredState) -> tuple[LoadBalancerName, FrontOptions]:
    """What lines of the access log say of the load balancer itself."""
    options = next((desired.options for desired in state.services.values()), None)
    name = LoadBalancerName(state.app, state.environment)
    if options is not None:
        name = LoadBalancerName(state.app, state.environment, options.region, options.account)
    return name, front_options(state)
