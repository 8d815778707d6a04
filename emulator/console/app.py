"""The console's HTTP: its page, and below `/api/` what the page shows and does."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from emulator import __version__
from emulator.console.actions import VERBS, Actions, error_to
from emulator.console.capture import Capture
from emulator.console.contents import Contents
from emulator.console.guard import OPEN
from emulator.console.hub import Hub
from emulator.console.observations import Observations
from emulator.console.questions import Body, Questions
from emulator.console.sources import Sources
from emulator.console.workspace import Workspace
from emulator.errors import CopilotLocalError, InputError, NotFound, UsageError
from emulator.files import read_bytes
from emulator.runtime.state.names import Names

STATIC: Final = Path(__file__).parent / "static"
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Said here: what the system has registered for `.js` may be anything."""
BATCH: Final = 0.1
"""Seconds that news is gathered for."""
PING: Final = 5.0
"""Seconds after which a stream without news says that it is there."""
TICKET: Final = 60.0
"""Seconds that the code of the browser's command line is good for."""
MOST_STREAMS: Final = 16
KINDS: Final = frozenset(
    {
        *("overview", "tasks", "rules", "services", "trouble", "events", "access", "lines", "traces", "capture"),
        "metrics",
    }
)
LINES: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers."""

    hub: Hub
    sources: Sources
    questions: Questions
    actions: Actions
    capture: Capture
    workspace: Workspace
    contents: Contents
    observations: Observations

    def close(self) -> None:
        """Ends what runs beside the requests."""
        self.sources.close()
        self.actions.close()
        self.capture.close()
        self.contents.close()


class Ticket:
    """A code that becomes the token once, within a minute of its making."""

    def __init__(self, code: str, token: str) -> None:
        self._code = code
        self._token = token
        self._until = time.monotonic() + TICKET
        self._lock = threading.Lock()

    def redeem(self, body: Body) -> dict[str, str]:
        """The token for `code`. Raises InputError for another code, for one that was used, and after the minute."""
        given = body.get("code")
        with self._lock:
            good = (
                isinstance(given, str) and bool(self._code) and hmac.compare_digest(given.encode(), self._code.encode())
            )
            if not good or time.monotonic() > self._until:
                raise InputError("this code is not good any more: open the address that the command printed")
            self._code = ""
        return {"token": self._token}


class App:
    """What the routes answer from. `instance` tells one console from another on the same port."""

    def __init__(self, names: Names, parts: Parts, instance: str, ticket: Ticket) -> None:
        self._names = names
        self._hub = parts.hub
        self._sources = parts.sources
        self._questions = parts.questions
        self._actions = parts.actions
        self._capture = parts.capture
        self._workspace = parts.workspace
        self._contents = parts.contents
        self._observations = parts.observations
        self._instance = instance
        self._ticket = ticket
        self._streams = 0
        self.closing = False
        """Streams end where it is set."""

    def routes(self) -> list[Route]:
        """Every request there is."""
        ask, act = self._ask, self._act
        asked: Mapping[str, Callable[[Request, Body], Any]] = {
            "/api/tasks/{task}": lambda request, _: self._questions.task(request.path_params["task"]),
            "/api/traces": lambda _, __: self._observations.traces(),
            "/api/traces/{trace}": lambda request, _: self._observations.trace(request.path_params["trace"]),
            "/api/connect": lambda _, __: self._observations.connect(),
            "/api/aws": lambda _, __: self._contents.lists(),
            "/api/services/{service}/manifest": lambda request, _: self._workspace.manifest(_service(request)),
            "/api/services/{service}/firelens": lambda request, _: self._workspace.firelens(_service(request)),
            "/api/services/{service}/router": lambda request, _: self._workspace.router(_service(request)),
            "/api/tasks/{task}/{container}/variables": lambda request, _: self._questions.variables(
                request.path_params["task"], request.path_params["container"]
            ),
        }
        posted: Mapping[str, Callable[[Request, Body], Any]] = {
            OPEN: lambda _, body: self._ticket.redeem(body),
            "/api/explain": lambda _, body: self._questions.explain(body),
            "/api/aws/look": lambda _, body: self._contents.look(body),
            "/api/compared": lambda _, body: self._observations.compared(body),
            "/api/aws/send": lambda _, body: self._contents.send(body),
            "/api/aws/redrive": lambda _, body: self._contents.redrive(body),
            "/api/capture": lambda _, body: self._capture.switch(body),
            "/api/send": lambda _, body: self._capture.send(body),
        }
        return [
            Route("/api/stream", self._stream, methods=["GET"]),
            *(Route(path, ask(answer), methods=["GET"]) for path, answer in asked.items()),
            *(Route(path, ask(answer), methods=["POST"]) for path, answer in posted.items()),
            *(Route(f"/api/{verb}", act(verb), methods=["POST"]) for verb in VERBS),
            *(Route(path, _file(file), methods=["GET"]) for path, file in static_files().items()),
        ]

    def asgi(self) -> Starlette:
        """The application, which the guard stands before."""
        return Starlette(routes=self.routes())

    def _ask(self, answer: Callable[[Request, Body], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
                return _json(await run_in_threadpool(answer, request, body))
            except Exception as error:
                return _failed(error)

        return endpoint

    def _act(self, verb: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
                told = await run_in_threadpool(self._actions.run, verb, body)
            except Exception as error:
                return _failed(error)
            return StreamingResponse(iterate_in_threadpool(self._encoded(told)), media_type=LINES)

        return endpoint

    def _encoded(self, messages: Iterator[dict[str, Any]]) -> Iterator[bytes]:
        for message in messages:
            self._sources.look_soon()
            yield json.dumps(message).encode() + b"\n"

    async def _stream(self, request: Request) -> Response:
        kinds = frozenset(request.query_params.get("kinds", "").split(",")) & KINDS
        if not kinds:
            return _json(
                {"error": {"message": f"kinds are some of {', '.join(sorted(KINDS))}", "hint": ""}},
                HTTPStatus.BAD_REQUEST,
            )
        if self._streams >= MOST_STREAMS:
            return _json(
                {"error": {"message": "too many pages are open", "hint": "close some"}}, HTTPStatus.SERVICE_UNAVAILABLE
            )
        after = (
            _after(request.query_params.get("after", "")) if request.query_params.get("of") == self._instance else {}
        )
        return StreamingResponse(self._news(kinds, after), media_type=LINES)

    async def _news(self, kinds: frozenset[str], after: Mapping[str, int]) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            with self._sources.reading(kinds):
                cursor = self._hub.cursor(kinds, after)
                yield self._hello()
                said = time.monotonic()
                while not self.closing:
                    news = self._hub.news(cursor)
                    if news or time.monotonic() - said > PING:
                        yield b"".join(news) or b'{"k":"ping"}\n'
                        said = time.monotonic()
                    await asyncio.sleep(BATCH)
        finally:
            self._streams -= 1

    def _hello(self) -> bytes:
        value = {
            "app": self._names.app,
            "environment": self._names.environment,
            "instance": self._instance,
            "version": __version__,
        }
        return json.dumps({"k": "hello", "v": value}).encode() + b"\n"


def _service(request: Request) -> str:
    return str(request.path_params["service"])


def static_files() -> dict[str, Path]:
    """By path, the files of the page; there are no others."""
    found = {f"/{file.relative_to(STATIC).as_posix()}": file for file in STATIC.rglob("*") if file.suffix in TYPES}
    return {"/": STATIC / "index.html", **found}


def _file(file: Path) -> Callable[[Request], Response]:
    kind = f"{TYPES[file.suffix]}; charset=utf-8"
    return lambda _: Response(read_bytes(file), headers={"Content-Type": kind})


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries. Raises InputError where it is none."""
    content = await request.body()
    if not content:
        return {}
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(content)
        if isinstance(body, dict):
            return body
    raise InputError("the body is a JSON object")


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> JSONResponse:
    return JSONResponse(content, status_code=int(status))


def _failed(error: Exception) -> JSONResponse:
    """An error as the control API has it."""
    if not isinstance(error, CopilotLocalError):
        content = {"message": f"the console failed: {error!r}", "hint": "this is a bug", "output": []}
        return _json({"error": content}, HTTPStatus.INTERNAL_SERVER_ERROR)
    status = HTTPStatus.BAD_GATEWAY
    if isinstance(error, InputError | UsageError):
        status = HTTPStatus.BAD_REQUEST
    elif isinstance(error, NotFound):
        status = HTTPStatus.NOT_FOUND
    return _json({"error": error_to(error)}, status)


def _after(text: str) -> dict[str, int]:
    """`access:120,events:7`: what a reader has had, by kind."""
    pairs = (word.partition(":") for word in text.split(","))
    return {kind: int(number) for kind, _, number in pairs if number.isascii() and number.isdigit()}
