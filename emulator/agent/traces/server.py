"""Takes what tasks' receivers hand over, at 169.254.170.2:2000; and X-Ray's API, for collectors that run themselves."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from emulator.agent.metadata.link_local import open_listener
from emulator.agent.metadata.tasks import TaskView
from emulator.errors import EngineError
from emulator.settings_traces import LocalCollector
from emulator.traces.ports import xray_answer
from emulator.traces.spans import Malformed
from emulator.traces.wire import MOST, PATH, PORT, Payload, Protocol, Report, decode
from emulator.traces.xray import put_answer

if TYPE_CHECKING:
    from emulator.traces.intake import Intake

log = logging.getLogger(__name__)

TIMEOUT = 60.0
_PATHS: dict[str, Protocol] = {"/TraceSegments": "api", "/v1/traces": "otlp_http"}


def serve_traces(intake: Callable[[], Intake], find: Callable[[str], TaskView | None]) -> None:
    """Takes traces from now on, in threads of its own. `intake` gives what takes them, once there are some; `find` the
    task that has an address."""
    try:
        server = TraceServer(open_listener(port=PORT), intake, find)
    except OSError as error:
        log.warning("no traces are received: %s", error)
        return
    threading.Thread(target=server.serve_forever, args=(86400.0,), daemon=True, name="traces").start()


class TraceServer(ThreadingHTTPServer):
    """Serves receivers. It knows a task by the address that it asks from."""

    daemon_threads = True

    def __init__(
        self, listener: socket.socket, intake: Callable[[], Intake], find: Callable[[str], TaskView | None]
    ) -> None:
        super().__init__(listener.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.intake = intake
        self.find = find

    def task(self, address: str) -> TaskView | None:
        """The task of an address; None where there is none, or Docker does not say."""
        try:
            return self.find(address)
        except EngineError:
            return None


class _Connection(BaseHTTPRequestHandler):
    server: TraceServer
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    _task: TaskView | None = None
    """Of the connection: it is one task's as long as it lives."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit() or int(length) > MOST:
            self.close_connection = True
            self._send(413)
            return
        body = self.rfile.read(int(length))
        self._task = self._task or self.server.task(str(self.client_address[0]))
        if self._task is None:
            self._send(404)
            return
        try:
            self._take(self._task, body)
        except Exception:
            log.exception("traces of task %s are lost", self._task.id[:8])
            self._send(400)

    def _take(self, task: TaskView, body: bytes) -> None:
        if self.path == PATH:
            try:
                report, payloads = decode(body)
            except ValueError:
                self._send(400)
                return
            self._keep(task, report, payloads)
            self._send(200)
        elif self.path in _PATHS:
            name = next((n for n, one in _collectors(task).items() if one.policy == "real"), "")
            self._keep(task, Report(name), [Payload(_PATHS[self.path], time.time(), body)])
            self._send(*_answer(self.path, body))
        elif (answer := xray_answer(self.path, next((c.rate for c in _collectors(task).values()), 1.0))) is not None:
            self._send(200, answer)
        elif self.path in ("/v1/metrics", "/v1/logs"):
            self._send(200)
        else:
            self._send(404)

    def _keep(self, task: TaskView, report: Report, payloads: list[Payload]) -> None:
        collector = _collectors(task).get(report.container, LocalCollector())
        if collector.policy == "real":  # it hands on only what it has taken itself
            collector = LocalCollector(policy="real")
        from emulator.traces.intake import Origin

        origin = Origin(task.id, task.service, str(self.client_address[0]), report.container, collector)
        self.server.intake().take(origin, report, payloads)

    def _send(self, status: int, body: bytes = b"") -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""


def _answer(path: str, body: bytes) -> tuple[int, bytes]:
    """What a collector that hands on spans is told of them."""
    if path != "/TraceSegments":
        return 200, b""
    try:
        return 200, put_answer(body)
    except Malformed:
        return 400, b'{"message":"Invalid request"}'


def _collectors(task: TaskView) -> dict[str, LocalCollector]:
    return task.desired.options.collectors if task.desired is not None else {}
