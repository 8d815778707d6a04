"""The records that log routers delivered, those of earlier runs included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emulator.engine.interface import Engine
from emulator.runtime.control import agent_of
from emulator.runtime.names import Names


def routed_records(
    engine: Engine, environment: Names, services: Sequence[str], *, follow: bool
) -> Iterator[dict[str, Any]]:
    """Records as JSON objects with `service`, `task`, `stream`, `tag`, `time` and `record`, oldest first.

    The agent reads them from the log store. Raises `InputError` where no environment runs.
    """
    yield from agent_of(engine, environment).records(follow=follow, services=list(services))
