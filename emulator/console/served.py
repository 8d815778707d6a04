"""What any console answers: its page, its stream, and the code that becomes the token."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from emulator import __version__
from emulator.console.actions import error_to
from emulator.console.hub import Hub
from emulator.console.questions import Body
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


class Served:
    """Answers from a hub. `instance` tells one console from another on the same port."""

    def __init__(self, names: Names, hub: Hub, instance: str, ticket: Ticket) -> None:
        self._names = names
        self._hub = hub
        self._instance = instance
        self.ticket = ticket
        self._streams = 0
        self.closing = False
        """Streams end where it is set."""

    def routes(self) -> list[Route]:
        """Every request there is."""
        raise NotImplementedError

    def asgi(self) -> Starlette:
        """The application, which the guard stands before."""
        return Starlette(routes=self.routes())

    def files(self) -> list[Route]:
        """The page itself."""
        return [Route(path, _file(file), methods=["GET"]) for path, file in static_files().items()]

    def reading(self, kinds: Collection[str]) -> contextlib.AbstractContextManager[None]:
        """Within it these kinds are read."""
        del kinds
        return contextlib.nullcontext()

    def ask(self, answer: Callable[[Request, Body], Any]) -> Callable[[Request], Any]:
        """An endpoint that answers one document, or the error of it."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await read_body(request)
                return _json(await run_in_threadpool(answer, request, body))
            except Exception as error:
                return failed(error)

        return endpoint

    async def stream(self, request: Request) -> Response:
        """The kinds that are asked for, from now on or `after` what the reader has had."""
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
        goes_on = request.query_params.get("of") == self._instance
        after = _after(request.query_params.get("after", "")) if goes_on else {}
        return StreamingResponse(self._news(kinds, after), media_type=LINES)

    async def _news(self, kinds: frozenset[str], after: Mapping[str, int]) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            with self.reading(kinds):
                cursor = self._hub.cursor(kinds, after)
                yield json.dumps({"k": "hello", "v": self.hello()}).encode() + b"\n"
                said = time.monotonic()
                while not self.closing:
                    news = self._hub.news(cursor)
                    if news or time.monotonic() - said > PING:
                        yield b"".join(news) or b'{"k":"ping"}\n'
                        said = time.monotonic()
                    await asyncio.sleep(BATCH)
        finally:
            self._streams -= 1

    def hello(self) -> dict[str, Any]:
        """Who speaks."""
        return {
            "app": self._names.app,
            "environment": self._names.environment,
            "instance": self._instance,
            "version": __version__,
        }


def static_files() -> dict[str, Path]:
    """By path, the files of the page; there are no others."""
    found = {f"/{file.relative_to(STATIC).as_posix()}": file for file in STATIC.rglob("*") if file.suffix in TYPES}
    return {"/": STATIC / "index.html", **found}


def _file(file: Path) -> Callable[[Request], Response]:
    kind = f"{TYPES[file.suffix]}; charset=utf-8"
    return lambda _: Response(read_bytes(file), headers={"Content-Type": kind})


async def read_body(request: Request) -> dict[str, Any]:
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


def failed(error: Exception) -> JSONResponse:
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
