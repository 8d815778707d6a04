"""Leads ports of this machine to those that a Docker daemon of another machine publishes there, on its own loopback.

A connection is one command in the agent's container, over the connection to Docker that there is anyway: no port of
that machine is opened to others, and no way there is needed beside Docker's.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from emulator.engine.interface import ContainerState, Engine, ExecStream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe

LOOPBACK: Final = "127.0.0.1"
LOOK: Final = 1.0
FIRST_LOOK: Final = 0.3
"""Seconds between two looks at what is published, with and without a port so far."""
_BRIDGE: Final = ("python3", "-S", "-m", "emulator.agent.api.bridge")
_CHUNK: Final = 65536


class Forwarding:
    """The ports of one environment that are led to it. Safe to use from several threads."""

    def __init__(self, engine: Engine, environment: Names, emit: Emit) -> None:
        self._engine = engine
        self._environment = environment
        self._emit = emit
        self._lock = threading.Lock()
        self._listeners: dict[int, _Listener] = {}
        self._taken: set[int] = set()
        self._closed = threading.Event()

    @property
    def ports(self) -> list[int]:
        """Those that are led there now."""
        return sorted(self._listeners)

    def look(self, observed: Observed) -> None:
        """Listens at what is published now, and no longer at what is not. A port that another program has here is told
        of once: that program may be a tunnel."""
        wanted = dict(_published(observed))
        with self._lock:
            if self._closed.is_set():
                return
            for port in self._listeners.keys() - wanted.keys():
                self._listeners.pop(port).end()
            for port, target in wanted.items():
                if port in self._listeners:
                    self._listeners[port].target = target
                elif port not in self._taken:
                    self._listen(port, target)

    def _listen(self, port: int, target: str) -> None:
        try:
            self._listeners[port] = _Listener(self._engine, self._environment.agent, port, target)
        except OSError as error:
            self._taken.add(port)
            if error.errno != errno.EADDRINUSE:
                why = f"cannot listen on {LOOPBACK}:{port}: {error.strerror}"
                self._emit(Event(EventKind.WARNING, "forward", why))
            elif self._engine.info().elsewhere not in ("localhost", LOOPBACK):
                why = f"{LOOPBACK}:{port} of this machine is taken, if not by a tunnel to the daemon's"
                hint = "`copilot-local up --port PORT` publishes the load balancer on another one"
                self._emit(Event(EventKind.WARNING, "forward", why, {"hint": hint}))

    def start(self) -> Self:
        """Listens now, and from now on follows what is published until `close`."""
        self._follow()
        threading.Thread(target=self._stay, daemon=True, name="forward").start()
        return self

    def _stay(self) -> None:
        while not self._closed.wait(LOOK if self._listeners else FIRST_LOOK):
            self._follow()

    def _follow(self) -> None:
        with contextlib.suppress(CopilotLocalError):  # others tell of a daemon that does not answer
            self.look(observe(self._engine, self._environment))

    def close(self) -> None:
        """Ends all of it, connections too."""
        self._closed.set()
        with self._lock:
            for listener in self._listeners.values():
                listener.end()
            self._listeners.clear()


@contextlib.contextmanager
def forwarding(engine: Engine, environment: Names, emit: Emit, *, stays: bool = True) -> Iterator[None]:
    """Within this block the published ports of an environment answer on this machine, wherever its daemon runs.
    Without `stays` nothing is led here; what a person does for it is told at the end.

    Nothing is done where the daemon runs here.
    """
    elsewhere = engine.info().elsewhere
    if not elsewhere:
        yield
        return
    if stays:
        with contextlib.closing(Forwarding(engine, environment, emit).start()):
            emit(Event(EventKind.INFO, f"Docker on {elsewhere}", "its ports are led here while this command runs"))
            yield
        return
    yield
    ports = [port for port, _ in _published(observe(engine, environment))]
    if ports:
        way = way_there(engine.info().host, sorted(ports))
        emit(Event(EventKind.INFO, f"Docker on {elsewhere}", f"{LOOPBACK} is of that machine; {way}"))


def way_there(host: str, ports: Sequence[int]) -> str:
    """What a person does to reach ports of 127.0.0.1 of the daemon's machine, while no command leads them here."""
    parts = urlsplit(host)
    target = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
    port = f"-p {parts.port} " if parts.scheme == "ssh" and parts.port else ""
    leads = "".join(f"-L {one}:{LOOPBACK}:{one} " for one in ports)
    return f"`copilot-local forward` leads them to this machine; so does `ssh -N {leads}{port}{target}`"


def _published(observed: Observed) -> Iterator[tuple[int, str]]:
    """Host port, and where a container of the environment's network finds what is behind it."""
    for container in observed.containers:
        for port in container.ports if container.state is ContainerState.RUNNING else ():
            if port.protocol == "tcp" and port.host_port:
                yield port.host_port, f"{container.name}:{port.container_port}"


class _Listener(socketserver.ThreadingTCPServer):
    """A port of this machine. Each connection to it is one of a process in the agent's container to `target`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, engine: Engine, agent: str, port: int, target: str) -> None:
        self.target = target
        self._engine = engine
        self._agent = agent
        self._open: set[ExecStream] = set()
        super().__init__((LOOPBACK, port), _Connection)
        threading.Thread(target=self.serve_forever, args=(0.2,), daemon=True, name=f"forward {port}").start()

    def stream(self) -> ExecStream:
        """A connection to the target. Raises EngineError."""
        found = self._engine.exec_stream(self._agent, (*_BRIDGE, f"tcp:{self.target}"))
        self._open.add(found)
        return found

    def ended(self, stream: ExecStream) -> None:
        self._open.discard(stream)
        stream.close()

    def end(self) -> None:
        """Listens no longer, and ends its connections."""
        self.shutdown()
        self.server_close()
        for stream in list(self._open):
            stream.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is its client's to see."""


class _Connection(socketserver.BaseRequestHandler):
    """One connection to such a port."""

    request: socket.socket
    server: _Listener

    def handle(self) -> None:
        try:
            stream = self.server.stream()
        except CopilotLocalError:
            return  # the environment is going down: the client sees its connection end
        threading.Thread(target=self._upload, args=(stream,), daemon=True, name="forward").start()
        try:
            for data in stream.chunks():
                self.request.sendall(data)
        except (OSError, CopilotLocalError):
            return
        finally:
            self.server.ended(stream)
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)  # the upload ends too

    def _upload(self, stream: ExecStream) -> None:
        with contextlib.suppress(OSError, CopilotLocalError):
            while data := self.request.recv(_CHUNK):
                stream.write(data)
            try:
                stream.close_stdin()
            except CopilotLocalError:  # over TLS there is no half of a connection to close
                stream.close()
