"""Changes that take long: ECS answers once they are under way."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from emulator.api.errors import ApiError
from emulator.errors import CopilotLocalError, EnvironmentBusy
from emulator.missing import MissingError

T = TypeVar("T")

SEEN = 5.0
"""Seconds within which an agent shows that it has begun what it was asked for."""
POLL = 0.02


def begin(work: Callable[[], None], seen: Callable[[], bool], *, within: float = SEEN) -> None:
    """Begins a change, which goes on after the answer, and waits until it is seen or refused. Raises `ApiError`."""
    failed: list[CopilotLocalError] = []
    done = threading.Event()

    def run() -> None:
        try:
            work()
            done.set()
        except CopilotLocalError as error:
            failed.append(error)

    threading.Thread(target=run, daemon=True, name="change").start()
    until = time.monotonic() + within
    while not done.is_set() and not _shows(seen) and time.monotonic() < until:
        if failed:
            raise refused(failed[0])
        time.sleep(POLL)


def _shows(seen: Callable[[], bool]) -> bool:
    """Whether it is seen. While the change replaces the agent by one of this version, none answers."""
    with contextlib.suppress(ApiError, CopilotLocalError):
        return seen()
    return False


def await_seen(seen: Callable[[], bool]) -> None:
    """Waits a moment until the agent shows what it has begun."""
    until = time.monotonic() + SEEN
    while not _shows(seen) and time.monotonic() < until:
        time.sleep(POLL)


def carry_out(work: Callable[[], T]) -> T:
    """Does something whose end is waited for. Raises `ApiError`."""
    try:
        return work()
    except CopilotLocalError as error:
        raise refused(error) from None


def refused(error: CopilotLocalError) -> ApiError:
    """What ECS would answer where something cannot be done here."""
    if isinstance(error, EnvironmentBusy):
        return ApiError("UpdateInProgressException", error.message)
    if isinstance(error, MissingError):
        return ApiError("ClientException", "\n".join([error.message, *error.output]))
    return ApiError("ClientException", f"{error.message}{f' ({error.hint})' if error.hint else ''}")
