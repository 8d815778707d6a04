"""The console over a recording: the same page, which shows and does nothing of its own."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from emulator.console.guard import OPEN
from emulator.console.recording import Recording
from emulator.console.served import Served, Ticket
from emulator.errors import InputError, NotFound
from emulator.runtime.state.names import Names

IT_IS_A_SNAPSHOT: Final = "this is a snapshot: it shows what was, and nothing can be done in it"


class RecordedApp(Served):
    """Answers from a recording."""

    def __init__(self, recording: Recording, instance: str, ticket: Ticket) -> None:
        super().__init__(Names(recording.app, recording.environment), recording.hub, instance, ticket)
        self._recording = recording

    def routes(self) -> list[Route]:
        """Every request there is."""
        return [
            Route("/api/stream", self.stream, methods=["GET"]),
            Route(OPEN, self.ask(lambda _, body: self.ticket.redeem(body)), methods=["POST"]),
            Route("/api/{path:path}", self.ask(lambda request, _: self._answer(request)), methods=["GET", "POST"]),
            *self.files(),
        ]

    def hello(self) -> dict[str, Any]:
        """Says of which moment it is."""
        return {**super().hello(), "snapshot": self._recording.at.isoformat()}

    def _answer(self, request: Request) -> Any:
        found = self._recording.answers.get(request.path_params["path"])
        if found is None:
            raise InputError(IT_IS_A_SNAPSHOT)
        if isinstance(found, dict) and found.keys() == {"error"}:
            raise NotFound(found["error"]["message"], hint=found["error"]["hint"])
        return found
