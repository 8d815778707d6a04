"""Keeps what the endpoint holds on its volume, so that it survives the end of its container, a sudden one too.

The endpoint's program writes at an ordinary end only. Here it also writes a moment after each change: what is lost
with a sudden end is what came within `PAUSE`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from emulator.aws.asgi import Application, Receive, Scope, Send, headers_of, respond
from emulator.aws.ports import SNAPSHOT

log = logging.getLogger(__name__)

PAUSE = 2.0
"""Seconds between a change and the snapshot that has it, and at least between two snapshots."""
SHARE = 20.0
"""How many times longer than the last snapshot took the pause before the next is: nothing is answered meanwhile."""
_READS = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Head", "Filter")


class Snapshots:
    """Calls `save` after changes. `save` runs on the event loop: what it writes does not change meanwhile."""

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._changed = asyncio.Event()

    def around(self, application: Application) -> Application:
        """The application, of which each request that may change something is noted. A request of our own, `SNAPSHOT`,
        saves at once, before it is answered: 204, or 507 where it cannot."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == SNAPSHOT:
                await respond(send, 204 if self._save_or_warn() else 507, "text/plain", b"")
                return
            await application(scope, receive, send)
            if scope["type"] == "http" and _may_change(scope):
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

    def _save_or_warn(self) -> bool:
        try:
            self._save()
        except OSError as error:  # the volume is full: what is there stays, and the next change tries again
            log.warning("what the local AWS endpoint holds could not be written: %s", error)
            return False
        return True


def _may_change(scope: Scope) -> bool:
    if scope["method"] in ("GET", "HEAD"):
        return False
    action = headers_of(scope).get("x-amz-target", "").rpartition(".")[2]
    return not action.startswith(_READS)
