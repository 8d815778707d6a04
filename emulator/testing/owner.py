"""Whose an environment is: the process that made it for a test. What a dead process left behind is removed.

The owner is a label of the environment's network, volumes and agent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind, discard
from emulator.runtime.lifecycle.down import down
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.process_identity import Owner, this_process

__all__ = ["Owner", "remove_stale", "stale_environments", "this_process"]

STOP_TIMEOUT = 1


def stale_environments(engine: Engine) -> list[Names]:
    """Environments on this daemon whose owner is dead."""
    labelled: list[Mapping[str, str]] = [row.labels for row in engine.list_containers({names.OWNER: ""})]
    labelled += engine.list_volumes({names.OWNER: ""}).values()
    found = {Names(labels[names.APP], labels[names.ENVIRONMENT]) for labels in labelled if _is_stale(labels)}
    return sorted(found, key=lambda stale: (stale.app, stale.environment))


def remove_stale(engine: Engine, emit: Emit) -> None:
    """Removes what processes left behind that were killed before they could clean up."""
    for stale in stale_environments(engine):
        emit(Event(EventKind.INFO, stale.app, "was left behind by a process that is gone: removed"))
        with contextlib.suppress(CopilotLocalError):  # another process may be removing it at this moment
            down(engine, stale, discard, volumes=True, timeout=STOP_TIMEOUT)


def _is_stale(labels: Mapping[str, str]) -> bool:
    owner = Owner.parse(labels.get(names.OWNER, ""))
    return owner is not None and owner.dead and {names.APP, names.ENVIRONMENT} <= set(labels)
