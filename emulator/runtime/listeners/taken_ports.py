"""What `up` says where it takes another port of this machine than the first choice, and who has that one."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.listeners.free_port import DEFAULT_PORT
from emulator.runtime.listeners.front_ports import (
    DEFAULT_HTTPS_PORT,
    DEFAULT_INTERNAL_HTTPS_PORT,
    DEFAULT_INTERNAL_PORT,
    published,
)
from emulator.runtime.listeners.port_choice import DEFAULT_AWS_PORT
from emulator.runtime.listeners.port_owner import program_on
from emulator.runtime.listeners.published import INTERNAL, PUBLIC
from emulator.runtime.listeners.remembered_ports import port_key, ports_of
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import environments_of, observe

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState

_FIRST = {
    port_key(PUBLIC, "", 80, "HTTP"): DEFAULT_PORT,
    port_key(PUBLIC, "", 443, "HTTPS"): DEFAULT_HTTPS_PORT,
    port_key(INTERNAL, "", 80, "HTTP"): DEFAULT_INTERNAL_PORT,
    port_key(INTERNAL, "", 443, "HTTPS"): DEFAULT_INTERNAL_HTTPS_PORT,
    port_key("aws", "", 0, "HTTP"): DEFAULT_AWS_PORT,
}
"""The first choice of each listener."""


def tell_taken(
    engine: Engine,
    environment: Names,
    state: DesiredState,
    before: Mapping[str, int],
    asked: Collection[int],
    emit: Emit,
) -> None:
    """Tells of each listener that has another port than its first choice, unless it had a port `before`, or that port
    was `asked` for. Says nothing in a test's own environment, whose ports do not matter."""
    now = ports_of(state)
    moved = {
        _FIRST[key]: port
        for key, port in now.items()
        if key in _FIRST and key not in before and port not in (_FIRST[key], *asked)
    }
    if not moved or environment.owner:
        return
    for first, port in moved.items():
        owner = owner_of(engine, first)
        emit(Event(EventKind.INFO, environment.app, f"port {first} is taken ({owner}): {port}"))


def owner_of(engine: Engine, port: int) -> str:
    """Who has a port of this machine: `app/environment`, a program, or "another program" where that is not known."""
    return _owners(engine).get(port) or program_on(port) or "another program"


def _owners(engine: Engine) -> dict[int, str]:
    """Host port to the environment that has it: `app/environment`."""
    found: dict[int, str] = {}
    with contextlib.suppress(CopilotLocalError):
        for one in environments_of(engine.list_containers({names.APP: ""})):
            for listener in published(observe(engine, one), running=True):
                found[listener.host_port] = f"{one.app}/{one.environment}"
    return found
