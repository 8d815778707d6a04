"""Waits for a receiver of traces: nothing else of its task starts before it listens."""

from __future__ import annotations

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError, TaskError
from emulator.runtime.state import names

_READY = "/tmp/receiver.ready"
_WAIT = f"i=0; until [ -e {_READY} ] || [ $i = 500 ]; do sleep 0.02; i=$((i + 1)); done; [ -e {_READY} ]"
_TIMEOUT = 30.0


def wait_for_receiver(engine: Engine, member: ContainerSpec) -> None:
    """Waits until a receiver that was just started listens. Raises TaskError."""
    if member.labels.get(names.TRACES) != "capture":
        return
    try:
        result = engine.exec(member.name, ("sh", "-c", _WAIT), timeout=_TIMEOUT)
    except EngineError as error:
        raise TaskError(f"the receiver of traces does not start: {error.message}", hint=_hint(member)) from error
    if result.exit_code != 0:
        raise TaskError("the receiver of traces does not listen in time", hint=_hint(member))


def _hint(member: ContainerSpec) -> str:
    return f"`docker logs {member.name}` says why"
