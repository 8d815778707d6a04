"""What containers printed while a request was on its way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from emulator.engine.interface import Engine
from emulator.errors import EngineError
from emulator.trace.requests.hops import Hop

_BEFORE = timedelta(seconds=0.1)
_AFTER = timedelta(seconds=1)
"""A proxy writes its log after it has answered, some a few times a second."""


_LOOK = 0.1


def printed(engine: Engine, hop: Hop, tells: Callable[[Sequence[str]], object], within: float) -> list[str]:
    """The lines that a hop's server printed from its request to a second after its answer; none where it is not known.

    They are read again until `tells` is true of them, for `within` seconds. Raises nothing: a container that is gone
    has none.
    """
    container = hop.place.members.get(hop.container, "") if hop.place else ""
    if not container:
        return []
    until = time.monotonic() + within
    while not tells(lines := _lines(engine, container, hop)) and time.monotonic() < until:
        time.sleep(_LOOK)
    return lines


def _lines(engine: Engine, container: str, hop: Hop) -> list[str]:
    first = datetime.fromtimestamp(hop.exchange.began, UTC) - _BEFORE
    last = datetime.fromtimestamp(hop.exchange.ended or hop.exchange.began, UTC) + _AFTER
    with contextlib.suppress(EngineError):
        lines = list(engine.logs(container, since=first))
        return [line.text for line in lines if line.timestamp is None or first <= line.timestamp <= last]
    return []
