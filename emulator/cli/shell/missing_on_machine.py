"""How commands look at the machine for what is missing, once something is."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError

if TYPE_CHECKING:
    from emulator.missing import Blockers
    from emulator.runtime.planning.up_request import UpRequest


def look(request: UpRequest, blockers: Blockers, *, ports: bool = True) -> None:
    """Adds images that cannot be had and, where `ports` are published, those that are taken. Without Docker nothing is
    added: what is known already is told all the same."""
    from emulator.engine.connect import connect
    from emulator.runtime.lifecycle.look import look_at_machine
    from emulator.setup.docker_cli import why_not_pullable

    with contextlib.suppress(CopilotLocalError), contextlib.closing(connect()) as engine:
        look_at_machine(engine, request, blockers, why_not_pullable, ports=ports)


look_without_ports = partial(look, ports=False)
"""The same for what publishes none."""
