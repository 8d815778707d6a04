"""A request arrives in time, or its connection is closed: one that never ends keeps a connection, of few there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from asyncio import Transport

WITHIN: Final = 20.0
"""Seconds that a head, with its body, may take."""


class TimelyProtocol(H11Protocol):
    """uvicorn's own, which waits for the rest of a request as long as the client likes."""

    within = WITHIN
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(self.within, transport.close)

    def data_received(self, data: bytes) -> None:
        """Waits on while a request is not whole."""
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._arrived()
        elif self._late is None:
            self._late = self.loop.call_later(self.within, cast(Any, self.transport).close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._arrived()
        super().connection_lost(exc)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
