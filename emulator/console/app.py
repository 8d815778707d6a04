"""The console's HTTP of an environment that runs: below `/api/` what the page shows and does."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from emulator.console.actions import VERBS, Actions
from emulator.console.capture import Capture
from emulator.console.contents import Contents
from emulator.console.guard import OPEN
from emulator.console.hub import Hub
from emulator.console.observations import Observations
from emulator.console.questions import Body, Questions
from emulator.console.served import LINES, Served, Ticket, failed, read_body
from emulator.console.sources import Sources
from emulator.console.workspace import Workspace
from emulator.runtime.state.names import Names


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


class App(Served):
    """What the routes answer from."""

    def __init__(self, names: Names, parts: Parts, instance: str, ticket: Ticket) -> None:
        super().__init__(names, parts.hub, instance, ticket)
        self._parts = parts

    def reading(self, kinds: Collection[str]) -> AbstractContextManager[None]:
        """Within it these kinds are read."""
        return self._parts.sources.reading(kinds)

    def routes(self) -> list[Route]:
        """Every request there is."""
        ask, act, parts = self.ask, self._act, self._parts
        asked: Mapping[str, Callable[[Request, Body], Any]] = {
            "/api/tasks/{task}": lambda request, _: parts.questions.task(request.path_params["task"]),
            "/api/traces": lambda _, __: parts.observations.traces(),
            "/api/traces/{trace}": lambda request, _: parts.observations.trace(request.path_params["trace"]),
            "/api/deployments": lambda _, __: parts.observations.deployments(),
            "/api/connect": lambda _, __: parts.observations.connect(),
            "/api/aws": lambda _, __: parts.contents.lists(),
            "/api/services/{service}/manifest": lambda request, _: parts.workspace.manifest(_service(request)),
            "/api/services/{service}/firelens": lambda request, _: parts.workspace.firelens(_service(request)),
            "/api/services/{service}/router": lambda request, _: parts.workspace.router(_service(request)),
            "/api/tasks/{task}/{container}/variables": lambda request, _: parts.questions.variables(
                request.path_params["task"], request.path_params["container"]
            ),
        }
        posted: Mapping[str, Callable[[Request, Body], Any]] = {
            OPEN: lambda _, body: self.ticket.redeem(body),
            "/api/explain": lambda _, body: parts.questions.explain(body),
            "/api/aws/look": lambda _, body: parts.contents.look(body),
            "/api/compared": lambda _, body: parts.observations.compared(body),
            "/api/aws/send": lambda _, body: parts.contents.send(body),
            "/api/aws/redrive": lambda _, body: parts.contents.redrive(body),
            "/api/capture": lambda _, body: parts.capture.switch(body),
            "/api/send": lambda _, body: parts.capture.send(body),
        }
        return [
            Route("/api/stream", self.stream, methods=["GET"]),
            *(Route(path, ask(answer), methods=["GET"]) for path, answer in asked.items()),
            *(Route(path, ask(answer), methods=["POST"]) for path, answer in posted.items()),
            *(Route(f"/api/{verb}", act(verb), methods=["POST"]) for verb in VERBS),
            *self.files(),
        ]

    def _act(self, verb: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await read_body(request)
                told = await run_in_threadpool(self._parts.actions.run, verb, body)
            except Exception as error:
                return failed(error)
            return StreamingResponse(iterate_in_threadpool(self._encoded(told)), media_type=LINES)

        return endpoint

    def _encoded(self, messages: Iterator[dict[str, Any]]) -> Iterator[bytes]:
        for message in messages:
            self._parts.sources.look_soon()
            yield json.dumps(message).encode() + b"\n"


def _service(request: Request) -> str:
    return str(request.path_params["service"])
