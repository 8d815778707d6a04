"""Sessions that ExecuteCommand began: each may be opened once, by its token, for a minute."""

from __future__ import annotations

import hmac
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from emulator.engine.interface import Engine

OPEN_FOR = 60.0
"""Seconds for which a session waits for its client."""
CLOSED_WITHIN = 5.0
"""Seconds in which open connections end with the server."""
PATH = "/v1/data-channel/"
_ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    """As ECS names a session."""
    return "ecs-execute-command-" + "".join(secrets.choice(_ALPHABET) for _ in range(17))


@dataclass(frozen=True, slots=True)
class Session:
    """A command that is to run on a terminal in a container."""

    engine: Engine
    container: str
    words: tuple[str, ...]
    id: str = field(default_factory=new_id)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


class Sessions:
    """The sessions that nothing has opened yet, and the connections of those that are open."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = ""
        """Host and port at which data channels are opened; the server sets it."""
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[object, Callable[[], None]] = {}
        self._fewer = threading.Condition(self._lock)
        self._waiting: dict[str, tuple[float, Session]] = {}

    def begin(self, session: Session) -> str:
        """Keeps a session for its client; returns the URL of its data channel."""
        with self._lock:
            self._forget()
            self._waiting[session.id] = (self._clock() + OPEN_FOR, session)
        return f"ws://{self.address}{PATH}{session.id}?role=publish_subscribe"

    def take(self, id: str, token: str) -> Session | None:
        """The session of that id, once; None for one that is unknown, expired or has another token."""
        with self._lock:
            self._forget()
            _, session = self._waiting.get(id, (0.0, None))
            if session is None or not hmac.compare_digest(session.token.encode(), token.encode()):
                return None
            del self._waiting[id]
            return session

    @contextmanager
    def serving(self, end: Callable[[], None]) -> Iterator[None]:
        """A connection is open within this block; `end` ends it from another thread."""
        key = object()
        with self._lock:
            self._open[key] = end
        try:
            yield
        finally:
            with self._fewer:
                del self._open[key]
                self._fewer.notify_all()

    def close(self) -> None:
        """Ends the connections that are open, and waits until nothing of them is left in containers."""
        with self._fewer:
            for end in self._open.values():
                end()
            self._fewer.wait_for(lambda: not self._open, CLOSED_WITHIN)

    def _forget(self) -> None:
        now = self._clock()
        self._waiting = {id: one for id, one in self._waiting.items() if one[0] > now}
