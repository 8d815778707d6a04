"""What a log router that ended over its configuration said, also where Fluent Bit lost it.

Fluent Bit's lines go through a thread that ends with the process: of one that ends at once, the last line, which is
the reason, is sometimes not printed. It is started again then, on the same files, until it says why.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import CopilotLocalError
from emulator.firelens.diagnose import STARTED

STARTS = 5
"""How often a router is started again. On a busy machine it loses its reason in about one of five starts."""
ENDS_WITHIN = 10.0
"""Seconds until one that is started again has to have ended: it ended at once before."""
SIGNALS = range(129, 193)
"""Exit codes of a process that a signal ended."""
_STARTED: weakref.WeakKeyDictionary[Engine, set[str]] = weakref.WeakKeyDictionary()
"""Ids of router containers that were seen to run on their configuration."""


def note_started(engine: Engine, container_id: str) -> None:
    """A router was seen to run on its configuration: it cannot have ended over that."""
    _STARTED.setdefault(engine, set()).add(container_id)


def has_started(engine: Engine, container_id: str) -> bool:
    """Whether this was seen of a router. Its own log may not say so: `Log_Level` and `Log_File` can silence it."""
    return container_id in _STARTED.get(engine, ())


def lost_its_reason(lines: Sequence[str], code: int | None) -> bool:
    """Whether a router ended by itself before it had started, as it does over its configuration.

    `lines`: all that it printed. To be asked where none of them is a reason, of a router that was not seen to run.
    """
    failed = code is not None and code > 0 and code not in SIGNALS
    return failed and not any(sign in line for line in lines for sign in STARTED)


def say_again(engine: Engine, name: str, is_reason: Callable[[Sequence[str]], bool]) -> list[str]:
    """What a router that has ended prints when it is started again, until that has a reason in it.

    Empty where it has none, does not end this time, or cannot be started. The container is left ended or running.
    """
    try:
        for _ in range(STARTS):
            before = sum(1 for _ in engine.logs(name))
            engine.start(name)
            if not _ends(engine, name):
                return []
            said = [line.text for line in engine.logs(name)][before:]
            if is_reason(said):
                return said
    except CopilotLocalError:
        pass
    return []


def _ends(engine: Engine, name: str) -> bool:
    deadline = time.monotonic() + ENDS_WITHIN
    while time.monotonic() < deadline:
        rows = [row for row in engine.list_containers({}) if row.name == name]
        if all(row.state is not ContainerState.RUNNING for row in rows):
            return bool(rows)
        time.sleep(0.1)
    return False
