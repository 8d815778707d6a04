"""The records that log routers delivered, also after the environment was taken down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import InputError
from emulator.runtime.control import Agent
from emulator.runtime.names import Names
from emulator.runtime.observed import observe


def routed_records(
    engine: Engine, environment: Names, services: Sequence[str], *, follow: bool
) -> Iterator[dict[str, Any]]:
    """Records as JSON objects with `service`, `task`, `stream`, `tag`, `time` and `record`, oldest first.

    The agent reads them from the log store. Raises `InputError` where no environment runs.
    """
    observed = observe(engine, environment)
    if observed.agent is None or observed.agent.state is not ContainerState.RUNNING:
        raise InputError(
            f"{environment.app}/{environment.environment} is not running",
            hint="`copilot-local up -d` starts it; records of earlier runs are kept and shown then",
        )
    yield from Agent(engine, environment).records(follow=follow, services=list(services))
