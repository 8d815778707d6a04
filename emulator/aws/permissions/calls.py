"""Counts the calls that services make: an ASGI application around another.

A task's relay says whose connection it opens, in a request of its own before any other: see `emulator.agent.aws_relay`.
Calls of this machine come without and are not counted. What is counted is lost when the endpoint ends.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from emulator.aws.asgi import (
    Application,
    Message,
    Receive,
    Scope,
    Send,
    body_of,
    headers_of,
    is_aws_name,
    path_of,
    respond,
    signed_for,
)
from emulator.aws.permissions.described import Call, Check
from emulator.aws.ports import CALLER, CALLS

log = logging.getLogger(__name__)

MOST = 20_000
"""Of different calls that are kept; further ones are counted together."""
MOST_BYTES = 8 << 20
"""Of a body that is looked into."""
_LOOKED_INTO = ("json", "x-www-form-urlencoded")

Describe = Callable[[Call, str, str], list[Check]]
"""See `described.checks`."""


@dataclass
class Count:
    """How often, and how many of these the endpoint refused."""

    calls: int = 0
    refused: int = 0


@dataclass
class Calls:
    """The calls of one endpoint. `region` is that of its services."""

    describe: Describe
    account: str
    region: str
    counts: dict[tuple[str, str, str], Count] = field(default_factory=dict)
    """By service, action and resource."""
    more: int = 0
    """Calls beyond `MOST` different ones."""
    _callers: dict[object, str] = field(default_factory=dict)
    """By connection."""
    _addresses: dict[str, str] = field(default_factory=dict)
    """By address, of calls to names of AWS."""

    def around(self, application: Application) -> Application:
        """The application, whose requests are counted."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
            elif scope["path"].startswith(CALLER):
                self._introduced(scope)
                await respond(send, 200, "text/plain", b"")
            elif scope["path"] == CALLS:
                await respond(send, 200, "application/json", json.dumps(self.as_json()).encode())
            else:
                await self._count(application, scope, receive, send)

        return answer

    def as_json(self) -> dict[str, object]:
        """Everything that was counted."""
        return {
            "more": self.more,
            "calls": [
                {"service": service, "action": action, "resource": resource, "calls": one.calls, "refused": one.refused}
                for (service, action, resource), one in self.counts.items()
            ],
        }

    def _introduced(self, scope: Scope) -> None:
        """Notes whose a connection is, or all connections of its address that ask for a name of AWS."""
        client, service = scope.get("client"), unquote(scope["path"].removeprefix(CALLER))
        if client is not None and scope.get("query_string") == b"address":
            self._addresses[client[0]] = service
        else:
            self._callers[client] = service

    def _service(self, scope: Scope) -> str | None:
        """The service whose call it is; None where that is not known."""
        client = scope.get("client")
        service = self._callers.get(client)
        if service is None and client is not None and is_aws_name(headers_of(scope).get("host", "")):
            service = self._addresses.get(client[0])
        return service

    async def _count(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        service = self._service(scope)
        if service is None:
            await application(scope, receive, send)
            return
        headers, body = headers_of(scope), b""
        if _is_looked_into(scope, headers):
            whole, receive = await body_of(receive, MOST_BYTES)
            body = whole or b""
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path, query = path_of(scope), scope.get("query_string", b"").decode("latin-1")
        await application(scope, receive, noted)
        region = signed_for(headers)[0] or self.region
        try:
            found = self.describe(Call(scope["method"], path, query, headers, body), region, self.account)
        except Exception:  # a request that is wrong is answered all the same
            log.exception("a call could not be described")
            return
        for action, resource in found:
            self._add(service, action, resource, refused=status >= 400)

    def _add(self, service: str, action: str, resource: str, *, refused: bool) -> None:
        key = (service, action, resource)
        if key not in self.counts and len(self.counts) >= MOST:
            self.more += 1
            return
        count = self.counts.setdefault(key, Count())
        count.calls += 1
        count.refused += refused


def _is_looked_into(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether the body says what the request is about: not where it is an object's content."""
    query: bytes = scope.get("query_string", b"")
    about = query.startswith(b"delete") or any(word in headers.get("content-type", "") for word in _LOOKED_INTO)
    return about and scope["method"] == "POST"
