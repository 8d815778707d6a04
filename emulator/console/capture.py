"""The hops of requests: of live ones while a page asks for them, and of one that the page sends."""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from emulator.app.tracing.tracer import REQUEST_TIMEOUT, Traced, Tracer
from emulator.console.hub import Hub
from emulator.console.questions import Body, pairs_of
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError, TaskError
from emulator.runtime.listeners.front_probe import is_local
from emulator.runtime.state.names import Names
from emulator.trace.output.export import as_json
from emulator.trace.sending import prepare

LEASE: Final = 60.0
"""Seconds that a capture goes on after a page has asked for it."""
SEEN_WITHIN: Final = 5.0
"""Seconds after its answer until which the hops of a request that was sent come."""
Trust = Callable[[], ssl.SSLContext]


class Capture:
    """Captures in one environment, for as long as it is asked for. Thread-safe."""

    def __init__(self, engine: Engine, environment: Names, hub: Hub, trust: Trust) -> None:
        self._engine = engine
        self._names = environment
        self._hub = hub
        self._trust = trust
        self._lock = threading.Condition()
        self._until = 0.0
        self._stop: threading.Event | None = None
        self._tracer: Tracer | None = None
        self._thread: threading.Thread | None = None
        self._sent: dict[str, Traced | None] = {}
        """By trace id, the requests that were sent and what was seen of them."""

    def switch(self, body: Body) -> dict[str, object]:
        """`on`: captures for a minute from now, or no longer. Raises InputError where `on` is no boolean."""
        on = body.get("on")
        if not isinstance(on, bool):
            raise InputError("on is true or false")
        with self._lock:
            self._until = time.monotonic() + LEASE if on else 0.0
            if not on and self._stop is not None:
                self._stop.set()
            if on and self._stop is None:
                self._stop = threading.Event()
                self._hub.set("capture", {"on": False, "starting": True, "places": []})
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), daemon=True, name="console-capture"
                )
                self._thread.start()
        return {"on": on}

    def close(self) -> None:
        """Ends the captures; returns when they have."""
        with self._lock:
            self._until = 0.0
            thread = self._thread
            if self._stop is not None:
                self._stop.set()
        if thread is not None:
            thread.join(SEEN_WITHIN)

    def send(self, body: Body) -> dict[str, Any]:
        """Sends a request to the load balancer; returns what `trace --format json` prints, and the answer's status.

        Where a capture is on, that one is used. Raises InputError where the load balancer's port is on another machine,
        and what `Tracer.request` does.
        """
        method, url = str(body.get("method") or "GET").upper(), str(body.get("url") or "/")
        headers, text = pairs_of(body), body.get("body")
        data = text.encode() if isinstance(text, str) and text else None
        try:
            prepare(method, url, headers, data)  # before anything is started for it
        except ValueError as error:
            raise InputError(f"{url!r} is no URL: {error}") from None
        if not is_local(self._engine):
            raise InputError(
                "the load balancer's port is published on the machine of the Docker daemon, not on this one",
                hint="send the request there, and look at it among the requests",
            )
        found = self._warm(method, url, headers, data)
        if found is None:
            with Tracer(self._engine, self._names, trust=self._trust) as tracer:
                found = tracer.request(method, url, headers, data, timeout=REQUEST_TIMEOUT)
        fault = found.answer.fault if found.answer else ""
        return {**_plain(found), "answer": {"status": found.status, "fault": fault}}

    def _warm(self, method: str, url: str, headers: list[tuple[str, str]], data: bytes | None) -> Traced | None:
        """The same through the capture that is on; None where none is. Raises TaskError where the request was not seen:
        it is not sent a second time."""
        with self._lock:
            tracer = self._tracer
        if tracer is None:
            return None
        root, sent = tracer.identified(headers)
        with self._lock:
            self._sent[root] = None
        try:
            answer = tracer.deliver(method, url, sent, data)
            with self._lock:
                self._lock.wait_for(lambda: self._sent[root] is not None, SEEN_WITHIN)
                seen = self._sent[root]
        finally:
            with self._lock:
                self._sent.pop(root, None)
        if seen is None:
            raise TaskError(
                f"the request was not seen on its way: {answer.fault or f'it was answered {answer.status}'}"
            )
        return Traced(seen.trace, seen.diagnoses, answer)

    def _run(self, stop: threading.Event) -> None:
        problem = ""
        try:
            with Tracer(self._engine, self._names, trust=self._trust) as tracer:
                self._is_on(tracer)
                threading.Thread(target=self._expire, args=(stop,), daemon=True).start()
                for found in tracer.live(stop):
                    self._take(found)
        except (CopilotLocalError, OSError) as error:
            problem = str(error)
        with self._lock:
            self._tracer = self._stop = None
        self._hub.set("capture", {"on": False, "places": [], "problem": problem, "n": secrets.token_hex(4)})

    def _is_on(self, tracer: Tracer) -> None:
        with self._lock:
            self._tracer = tracer
        places = [place.name + (f" {place.task}" if place.task else "") for place in tracer.places]
        self._hub.set("capture", {"on": True, "places": places})

    def _expire(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            with self._lock:
                if time.monotonic() > self._until:
                    stop.set()

    def _take(self, found: Traced) -> None:
        self._hub.add("traces", [_plain(found)])
        with self._lock:
            if found.trace_id in self._sent:
                self._sent[found.trace_id] = found
                self._lock.notify_all()


def _plain(found: Traced) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(as_json(found.trace, found.diagnoses))
    return content
