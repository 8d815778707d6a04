"""The receiver's ports, and what happens to what comes there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Collection
from functools import partial

import h2.exceptions
import h11

from emulator.traces import ports, xray
from emulator.traces.receiver import grpc, http
from emulator.traces.receiver.datagrams import Datagrams
from emulator.traces.receiver.grpc import EXHAUSTED, OK, UNIMPLEMENTED
from emulator.traces.receiver.http import Answer, Request
from emulator.traces.receiver.outbox import Outbox
from emulator.traces.spans import Malformed

log = logging.getLogger(__name__)

WAIT = 5.0
"""Seconds that an export waits for room before it is turned away, and sent again."""
_POLL = 0.02
_SERVICE = "/opentelemetry.proto.collector."
_SIGNALS = {"trace.v1.TraceService": "traces", "metrics.v1.MetricsService": "metrics", "logs.v1.LogsService": "logs"}
_PATHS = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """Serves the ports of a collector. `rate` is the share of requests that X-Ray's SDKs are told to sample."""

    def __init__(self, outbox: Outbox, rate: float) -> None:
        self._outbox = outbox
        self._rate = rate
        self._datagrams: Datagrams | None = None

    async def start(self, without: Collection[int], offset: int = 0) -> list[asyncio.Server]:
        """Listens on every port that is free, `without` those of other containers; the health check comes last.

        `offset` is added to each port.
        """
        taken = []
        servers = []
        handlers: list[tuple[int, Serve]] = [
            (ports.XRAY, partial(http.serve, handle=self.xray)),
            (ports.GRPC, partial(grpc.serve, handle=self.grpc)),
            (ports.HTTP, partial(http.serve, handle=self.otlp)),
            (ports.HEALTH, partial(http.serve, handle=self.health)),
        ]
        if ports.XRAY not in without:
            try:
                self._datagrams = Datagrams(ports.XRAY + offset, self._outbox)
            except OSError as error:
                log.warning("no datagrams at port %s: %s", ports.XRAY, error.strerror)
                taken.append(ports.XRAY)
        for port, handler in handlers:
            if port in without:
                continue
            try:
                servers.append(await _listen(port + offset, handler))
            except OSError as error:
                log.warning("nothing is received at port %s: %s", port, error.strerror)
                taken.append(port)
        self._outbox.taken = tuple(dict.fromkeys(taken))
        return servers

    def close(self) -> None:
        """Takes no datagrams any more; what `start` returned is closed by itself."""
        if self._datagrams is not None:
            self._datagrams.close()

    async def health(self, request: Request) -> Answer:
        """As the collector's extension `health_check`."""
        del request
        return Answer(200, b'{"status":"Server available"}')

    async def xray(self, request: Request) -> Answer:
        """X-Ray's API, which the daemon passes on: sampling, and segments of those that send no datagrams."""
        if request.method != "POST":
            return Answer(404, b'{"message":"Not Found"}')
        if request.path == "/TraceSegments":
            if not await self._room():
                return Answer(503)
            self._outbox.add("api", request.body)  # the agent tells what of it cannot be read
            try:
                return Answer(200, xray.put_answer(request.body))
            except Malformed:
                return Answer(400, b'{"message":"Invalid request"}')
        answer = ports.xray_answer(request.path, self._rate)
        return Answer(404, b'{"message":"Not Found"}') if answer is None else Answer(200, answer)

    async def otlp(self, request: Request) -> Answer:
        """OTLP over HTTP."""
        signal = _PATHS.get(request.path)
        if signal is None:
            self._outbox.refuse()
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
        if request.method != "POST":
            return Answer(405, b"405 method not allowed, supported: [POST]", "text/plain")
        if request.content_type not in ("application/json", "application/x-protobuf"):
            self._outbox.refuse()
            message = b"415 unsupported media type, supported: [application/json, application/x-protobuf]"
            return Answer(415, message, "text/plain")
        as_json = request.content_type == "application/json"
        done = Answer(200, b"{}" if as_json else b"", request.content_type)
        if signal != "traces":
            self._outbox.throw_away(signal)
            return done
        if not await self._room():
            return Answer(503)
        self._outbox.add("otlp_json" if as_json else "otlp_http", request.body)
        return done

    async def grpc(self, path: str, message: bytes) -> int:
        """OTLP over gRPC."""
        signal = _SIGNALS.get(path.removeprefix(_SERVICE).removesuffix("/Export")) if path.endswith("/Export") else None
        if signal is None:
            self._outbox.refuse()
            return UNIMPLEMENTED
        if signal != "traces":
            self._outbox.throw_away(signal)
            return OK
        if not await self._room():
            return EXHAUSTED
        self._outbox.add("otlp_grpc", message)
        return OK

    async def _room(self) -> bool:
        """Waits until the outbox has room; False where it does not get any."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                while self._outbox.full:
                    await asyncio.sleep(_POLL)
        return not self._outbox.full


async def _listen(port: int, serve: Serve) -> asyncio.Server:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, h11.ProtocolError, h2.exceptions.ProtocolError):
            pass  # the client has gone, or speaks something else
        finally:
            writer.close()

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", port))
        return await asyncio.start_server(served, sock=listener, backlog=512)
    except OSError:
        listener.close()
        raise
