"""How containers end, by Docker's events: with which exit code, by whom, and whether for want of memory. Pure.

Docker reports `oom` of every container in a control group. Where the containers of a task share one, that is all of
them, the pause too, although the kernel killed a process of one. The exit tells which one that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from emulator.engine.interface import EngineEvent

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""ECS's reason of a container."""
KILLED = 137
"""The exit code of a process that SIGKILL ended."""
HARMLESS_SIGNALS = frozenset({"1", "10", "12", "17", "18", "19", "20", "23", "28"})
"""HUP, USR1, USR2, CHLD, CONT, STOP, TSTP, URG, WINCH: a sender of one of these does not want the container to end."""
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Exit:
    """A container that ended. `signalled`: it was told to end. `out_of_memory`: the kernel killed it for memory."""

    container_id: str
    labels: Mapping[str, str]
    """Those of the event."""
    code: int
    at: datetime
    signalled: bool = False
    out_of_memory: bool = False

    def __str__(self) -> str:
        return f"was killed: {OUT_OF_MEMORY}" if self.out_of_memory else f"exited with code {self.code}"


class Exits:
    """Reads events in the order in which Docker sends them."""

    def __init__(self) -> None:
        self._short_of_memory: dict[str, datetime] = {}
        self._signalled: dict[str, datetime] = {}

    def note(self, event: EngineEvent) -> Exit | None:
        """Takes an event; returns the exit where it is one.

        Docker reports the signal before the end of a container that is stopped. Such a one was not killed for memory,
        whatever became of its neighbours.
        """
        container = event.container_id
        match event.action:
            case "oom":
                _keep(self._short_of_memory, event)
            case "kill" if event.labels.get("signal", "") not in HARMLESS_SIGNALS:
                _keep(self._signalled, event)
            case "start" | "destroy":
                self._short_of_memory.pop(container, None)
                self._signalled.pop(container, None)
            case "die":
                code = int(event.labels.get("exitCode") or 0)
                signalled = container in self._signalled
                killed = container in self._short_of_memory and code != 0 and not signalled
                return Exit(container, event.labels, code, event.time, signalled, killed)
        return None


def _keep(found: dict[str, datetime], event: EngineEvent) -> None:
    found[event.container_id] = event.time
    for oldest in list(found)[:-_MOST]:
        del found[oldest]
