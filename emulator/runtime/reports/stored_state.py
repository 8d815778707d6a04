"""What should run, as the agent has stored it on its volume: without values of secrets."""

from __future__ import annotations

import contextlib

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.model import from_json
from emulator.runtime.specs.agent import STATE_FILE, STATE_FOLDER
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names


def stored_state(engine: Engine, environment: Names) -> DesiredState | None:
    """The desired state; None where there is no agent, or one without a state yet."""
    with contextlib.suppress(CopilotLocalError, ValueError):
        return from_json(DesiredState, engine.read_file(environment.agent, f"{STATE_FOLDER}/{STATE_FILE}"))
    return None
