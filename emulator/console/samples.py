"""CPU and memory of containers, sampled while a page shows them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe

AT_ONCE: Final = 8
"""Containers that are asked at once: Docker takes up to a second for each."""
MIB: Final = 1 << 20
PAUSE: Final = "pause"


class Sampler:
    """Takes one sample after the other of all containers of tasks; the first one only prepares the second."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment
        self._before: dict[str, tuple[float, float]] = {}
        """By Docker name: seconds, and CPU seconds used."""

    def sample(self) -> dict[str, object] | None:
        """`at`, and `c`: by `service/task/container` the share of a core in percent and the memory in MiB.

        None where there is nothing to tell yet. Raises `EngineError` where Docker does not answer.
        """
        members = {
            member.container.name: f"{task.service}/{task.id}/{name}"
            for task in observe(self._engine, self._names).tasks.values()
            for name, member in task.members.items()
            if member.running and name != PAUSE
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            read = {name: one for name, one in zip(members, pool.map(self._read, members), strict=True) if one}
        now, found = datetime.now(UTC), {}
        for name, (memory, (at, used)) in read.items():
            if (before := self._before.get(name)) is not None:
                share = 100 * max(used - before[1], 0) / max(at - before[0], 0.001)
                found[members[name]] = (round(share, 1), round(memory / MIB, 1))
        self._before = {name: moment for name, (_, moment) in read.items()}
        return {"at": now.isoformat(timespec="milliseconds"), "c": found} if found else None

    def _read(self, name: str) -> tuple[float, tuple[float, float]] | None:
        """Bytes of memory, and when how many CPU seconds were used; None where Docker does not tell of it."""
        with contextlib.suppress(CopilotLocalError, OSError):
            raw = self._engine.stats(name)
            used = _number(_mapping(_mapping(raw.get("cpu_stats")).get("cpu_usage")).get("total_usage"))
            return memory_of(raw), (_moment(raw.get("read")), used / 1e9)
        return None


def memory_of(raw: Mapping[str, Any]) -> float:
    """Bytes that a container holds, without the file cache that it would give back, as `docker stats` has it."""
    memory = _mapping(raw.get("memory_stats"))
    counters = _mapping(memory.get("stats"))
    cache = counters.get("total_inactive_file", counters.get("inactive_file"))
    return max(_number(memory.get("usage")) - _number(cache), 0.0)


def _moment(text: object) -> float:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(str(text)).timestamp()
    return time.time()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
