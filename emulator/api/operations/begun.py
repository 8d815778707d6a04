"""Changes that take long: ECS answers once they are under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from emulator.api.errors import ApiError
from emulator.errors import CopilotLocalError, EnvironmentBusy

SEEN = 5.0
"""Seconds within which an agent shows that it has begun what it was asked for."""
POLL = 0.02


def begin(work: Callable[[], None], seen: Callable[[], bool]) -> None:
    """Begins a change, which goes on after the answer, and waits until it is seen or refused. Raises `ApiError`."""
    failed: list[CopilotLocalError] = []

    def run() -> None:
        try:
            work()
        except CopilotLocalError as error:
            failed.append(error)

    threading.Thread(target=run, daemon=True, name="change").start()
    until = time.monotonic() + SEEN
    while not seen() and time.monotonic() < until:
        if failed:
            raise _refused(failed[0])
        time.sleep(POLL)


def _refused(error: CopilotLocalError) -> ApiError:
    if isinstance(error, EnvironmentBusy):
        return ApiError("UpdateInProgressException", error.message)
    return ApiError("ClientException", f"{error.message}{f' ({error.hint})' if error.hint else ''}")
