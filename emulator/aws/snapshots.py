"""Keeps what the endpoint holds on its volume, so that it survives the end of its container, a sudden one too.

The endpoint's program writes at an ordinary end only. Here it also writes a moment after each change: what is lost
with a sudden end is what came within `PAUSE`. While the volume has no room, changes are refused: an answer of 200 would
say that a message is kept which is not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from xml.sax.saxutils import escape

from emulator.aws.asgi import Application, Receive, Scope, Send, headers_of, respond
from emulator.aws.ports import SNAPSHOT

log = logging.getLogger(__name__)

PAUSE = 2.0
"""Seconds between a change and the snapshot that has it, and at least between two snapshots."""
SHARE = 20.0
"""How many times longer than the last snapshot took the pause before the next is: nothing is answered meanwhile."""
_READS = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Head", "Filter")


class Snapshots:
    """Calls `save` after changes, and refuses changes after that failed, until it does not. `save` runs on the event
    loop: what it writes does not change meanwhile."""

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._changed = asyncio.Event()
        self._problem = ""
        """Why nothing could be written the last time; empty where it could."""
        self._tried = 0.0

    def around(self, application: Application) -> Application:
        """The application, of which each request that may change something is noted. A request of our own, `SNAPSHOT`,
        saves at once, before it is answered: 204, or 507 where it cannot."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == SNAPSHOT:
                await respond(send, 204 if self._save_or_warn() else 507, "text/plain", b"")
                return
            changes = scope["type"] == "http" and _may_change(scope)
            if changes and not _makes_room(scope) and not self._has_room():
                await _refuse(scope, send, self._problem)
                return
            await application(scope, receive, send)
            if changes:
                self._changed.set()

        return answer

    async def run(self) -> None:
        """Saves until it is cancelled."""
        pause = PAUSE
        while True:
            await self._changed.wait()
            await asyncio.sleep(pause)
            self._changed.clear()
            began = time.monotonic()
            self._save_or_warn()
            pause = max(PAUSE, SHARE * (time.monotonic() - began))

    def _has_room(self) -> bool:
        """Whether what comes can be kept. After a failure that is tried again, once in a while."""
        if self._problem and time.monotonic() - self._tried >= PAUSE:
            self._save_or_warn()
        return not self._problem

    def _save_or_warn(self) -> bool:
        self._tried = time.monotonic()
        try:
            self._save()
        except OSError as error:  # the volume is full: what is there stays
            self._problem = f"what the local AWS endpoint holds could not be written: {error.strerror or error}"
            log.warning("%s", self._problem)
            return False
        self._problem = ""
        return True


async def _refuse(scope: Scope, send: Send, problem: str) -> None:
    """Answers 507, which no SDK tries again, with the reason in the form that the service's errors have."""
    message = f"{problem}; make room on the disk of Docker, or run `copilot-local down -v`"
    headers = headers_of(scope)
    if "x-amz-target" in headers:
        content = json.dumps({"__type": "InsufficientStorage", "message": message})
        await respond(send, 507, "application/x-amz-json-1.0", content.encode())
        return
    error = f"<Error><Code>InsufficientStorage</Code><Message>{escape(message)}</Message></Error>"
    if "/s3/" not in headers.get("authorization", ""):
        error = f"<ErrorResponse>{error}</ErrorResponse>"
    await respond(send, 507, "text/xml", error.encode())


def _makes_room(scope: Scope) -> bool:
    action = headers_of(scope).get("x-amz-target", "").rpartition(".")[2]
    return bool(scope["method"] == "DELETE") or action.startswith(("Delete", "Purge"))


def _may_change(scope: Scope) -> bool:
    if scope["method"] in ("GET", "HEAD"):
        return False
    action = headers_of(scope).get("x-amz-target", "").rpartition(".")[2]
    return not action.startswith(_READS)
