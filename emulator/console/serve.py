"""Serves the console on a port of 127.0.0.1, beside whatever else the command does."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import uvicorn

from emulator.app.selection import Selection
from emulator.console.actions import Actions
from emulator.console.app import App, Parts
from emulator.console.arrival import TimelyProtocol
from emulator.console.capture import Capture, Trust
from emulator.console.contents import Contents
from emulator.console.guard import Guard, names_of
from emulator.console.hub import Hub
from emulator.console.observations import Observations
from emulator.console.questions import Questions
from emulator.console.recorded import RecordedApp
from emulator.console.recording import Recording
from emulator.console.served import Served, Ticket
from emulator.console.sources import Sources
from emulator.console.workspace import Workspace
from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.runtime.state.names import Names

LOOPBACK: Final = "127.0.0.1"
MOST_CONNECTIONS: Final = 100
MOST_HEAD: Final = 32 * 1024
"""Bytes of a request's line and headers."""
GRACE: Final = 2
"""Seconds that open answers have when the console ends."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a console answers."""

    port: int
    token: str
    code: str = ""
    """Good once, within a minute: for the browser's command line, which other users of the machine can read."""

    @property
    def url(self) -> str:
        """With the token in the fragment, which browsers send to no server."""
        return f"http://{LOOPBACK}:{self.port}/#token={self.token}"

    @property
    def url_for_once(self) -> str:
        """With the code in place of the token."""
        return f"http://{LOOPBACK}:{self.port}/#code={self.code}"


@contextlib.contextmanager
def serving(
    engine: Engine,
    environment: Names,
    *,
    selection: Selection | None = None,
    port: int = 0,
    trust: Trust = ssl.create_default_context,
) -> Iterator[Address]:
    """Serves the console of an environment within this block; `port` 0 is a free one. `trust`: what the certificate of
    the load balancer is checked with. `selection`: where manifests are looked for; otherwise in this folder.

    Raises InputError where the port is taken.
    """
    hub = Hub()
    questions = Questions(engine, environment)
    parts = Parts(
        hub,
        Sources(engine, environment, hub),
        questions,
        Actions(engine, questions),
        Capture(engine, environment, hub, trust),
        Workspace(engine, environment, selection or Selection(environment.app, environment.environment)),
        Contents(engine, environment),
        Observations(engine, environment),
    )
    with _served(lambda *made: App(environment, parts, *made), port, parts.close) as address:
        yield address


@contextlib.contextmanager
def showing(recording: Recording, *, port: int = 0) -> Iterator[Address]:
    """The same of a recording. Raises InputError where the port is taken."""
    with _served(lambda *made: RecordedApp(recording, *made), port, lambda: None) as address:
        yield address


@contextlib.contextmanager
def _served(make: Callable[[str, Ticket], Served], port: int, close: Callable[[], None]) -> Iterator[Address]:
    with contextlib.closing(_listening(port)) as listener:
        address = Address(listener.getsockname()[1], secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        app = make(secrets.token_hex(8), Ticket(address.code, address.token))
        server = uvicorn.Server(_settings(Guard(app.asgi(), address.token, names_of(address.port))))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True, name="console")
        thread.start()
        try:
            yield address
        finally:
            app.closing = True
            server.should_exit = True
            close()
            thread.join(GRACE + 1)


def _listening(port: int) -> socket.socket:
    """A socket of this machine alone: no other one can connect to it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise InputError(
            f"the console cannot listen at {LOOPBACK}:{port}: {error.strerror or error}",
            hint="choose another port with --port, or leave it out",
        ) from None
    return listener


def _settings(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=TimelyProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what fails is answered
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE,
    )
