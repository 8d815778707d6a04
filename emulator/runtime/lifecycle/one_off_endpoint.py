"""The local AWS endpoint and the databases of a one-off task: those that run, else some for the task alone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, PortInUse
from emulator.events import Emit
from emulator.runtime.lifecycle.contention import Turns
from emulator.runtime.lifecycle.join import provision
from emulator.runtime.lifecycle.provide import provide
from emulator.runtime.listeners.free_port import Reservation
from emulator.runtime.listeners.port_choice import replaceable, with_ports
from emulator.runtime.planning.up_request import UpRequest, asked_ports
from emulator.runtime.specs.aws.endpoint import wants_endpoint
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, observe


@contextlib.contextmanager
def provided(
    engine: Engine, request: UpRequest, state: DesiredState, emit: Emit, cancelled: threading.Event
) -> Iterator[tuple[DesiredState, Private]]:
    """Within this block there is what `runtime.lifecycle.provide` makes for the request; the state and the private
    values with what that gives. Removes afterwards the containers that were not there before, with the data kept,
    unless services run by then. Raises what `provide` does."""
    if not any(wants_endpoint(desired) for desired in state.services.values()):
        yield state, request.private
        return
    environment = request.environment
    before = observe(engine, environment)
    try:
        yield _given(engine, request, state, before, emit, cancelled)
    finally:
        _take_back(engine, environment, before)


def _given(
    engine: Engine, request: UpRequest, state: DesiredState, before: Observed, emit: Emit, cancelled: threading.Event
) -> tuple[DesiredState, Private]:
    environment, asked = request.environment, asked_ports(request)
    taken: set[int] = set()
    while True:
        with Reservation() as reservation:
            chosen = with_ports(state, asked, before, frozenset(taken), reservation)
            engine.ensure_network(environment.network, environment.labels(Role.NETWORK))
            try:
                with provision(engine, environment, Turns(engine, environment, emit, cancelled)):
                    now = observe(engine, environment)
                    return provide(engine, request, chosen, now, emit, cancelled, adds=True)
            except PortInUse as error:  # another process was faster: the next free one is taken
                ours = replaceable(error, chosen, asked.values())
                if not ours:
                    raise
                taken |= ours


def _take_back(engine: Engine, environment: Names, before: Observed) -> None:
    """Never masks the error that it comes after: what stays is removed by `down`."""
    with contextlib.suppress(CopilotLocalError):
        now = observe(engine, environment)
        if now.tasks or now.agent is not None:
            return
        known = {container.name for container in before.containers}
        present = [now.aws, now.aws_way, *now.databases.values()]
        for container in present:
            if container is not None and container.name not in known:
                engine.stop(container.name, 10)
                engine.remove(container.name)
        if not engine.list_containers(environment.labels()):
            engine.remove_network(environment.network)
