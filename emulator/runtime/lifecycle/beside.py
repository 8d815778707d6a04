"""Starts the Compose services beside an environment, waits until they serve, and removes those that do not."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from emulator.engine.docker.compose import compose_up
from emulator.engine.interface import Container, ContainerState, Engine, Health
from emulator.errors import ContainerFailed, CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.context import POLL, Cancelled
from emulator.runtime.health.container_failure import last_lines
from emulator.runtime.listeners.free_port import is_free
from emulator.runtime.planning.stop_plan import DATABASE_STOP_TIMEOUT
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.specs.beside import Beside, joined, project_of, refuse_files_of_this_machine
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

LAST_LINES = 20
STEADY = 0.5
"""Seconds that a service without a health check has to run."""


@contextlib.contextmanager
def beside(engine: Engine, request: UpRequest, emit: Emit, cancelled: threading.Event) -> Iterator[None]:
    """A block beside which the Compose services of a request start; it ends when they serve.

    Raises ContainerFailed, with the last lines of the service, where one is unhealthy, ends with another code than 0 or
    does not become healthy in time; and `Cancelled`. Services that were not there before are gone then, unless
    `retain`. What the block raises comes first.
    """
    assert request.beside is not None, "`beside_of` asks"
    failed = threading.Event()
    stop = _Either(cancelled, failed)
    before = {container.name for container in _containers(engine, request.environment)}
    with ThreadPoolExecutor(1, thread_name_prefix="beside") as pool:
        starting = pool.submit(_start, engine, request, request.beside, emit, stop)
        try:
            yield
            starting.result()
        except BaseException:
            failed.set()
            with contextlib.suppress(BaseException):
                starting.result()
            if not request.retain:
                _remove_new(engine, request.environment, before)
            raise


class _Either(threading.Event):
    """Set where one of two events is."""

    def __init__(self, first: threading.Event, second: threading.Event) -> None:
        super().__init__()
        self._events = (first, second)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)

    def wait(self, timeout: float | None = None) -> bool:
        self._events[1].wait(timeout)
        return self.is_set()


def _start(engine: Engine, request: UpRequest, beside: Beside, emit: Emit, stop: threading.Event) -> None:
    subject = f"start {', '.join(beside.services)} beside"
    emit(Event(EventKind.STEP_STARTED, subject))
    environment = request.environment
    held = {port.host_port for one in _containers(engine, environment) for port in one.ports}

    def free(port: int, udp: bool) -> bool:
        return port in held or is_free(port, udp=udp)

    refuse_files_of_this_machine(beside, engine.info().elsewhere)
    model = joined(beside, environment, request.settings.references, free)
    deadline = time.monotonic() + request.settings.time.wait_timeout
    try:
        if not compose_up(project_of(environment), model, beside.directory, stop):
            raise Cancelled
        deadline = max(deadline, time.monotonic() + request.settings.time.wait_timeout)
        _await(engine, environment, deadline, stop)
    except CopilotLocalError as error:
        _with_last_words(engine, environment, error)
        emit(Event(EventKind.STEP_FAILED, subject, error.message))
        raise
    emit(Event(EventKind.STEP_DONE, subject))


def _await(engine: Engine, environment: Names, deadline: float, stop: threading.Event) -> None:
    """Until every service runs, healthy where it has a check, or has ended with 0."""
    steady = time.monotonic() + STEADY
    while True:
        open_ones = []
        for container in _containers(engine, environment):
            if why := _failure(container):
                raise ContainerFailed(f"{_name(container)} {why}", container=_name(container))
            if not _serves(container):
                open_ones.append(_name(container))
        if not open_ones and time.monotonic() > steady:
            return
        if time.monotonic() > deadline:
            raise ContainerFailed(f"{', '.join(open_ones)}: not healthy in time", container=open_ones[0])
        if stop.wait(POLL):
            raise Cancelled


def _failure(container: Container) -> str:
    if container.state is ContainerState.EXITED and container.exit_code:
        return f"ended with code {container.exit_code}"
    return "is unhealthy" if container.health is Health.UNHEALTHY else ""


def _serves(container: Container) -> bool:
    if container.state is ContainerState.EXITED:
        return container.exit_code == 0
    return container.state is ContainerState.RUNNING and container.health in (Health.NONE, Health.HEALTHY)


def _with_last_words(engine: Engine, environment: Names, error: CopilotLocalError) -> None:
    """Adds what the services that failed have printed last."""
    if not isinstance(error, ContainerFailed):
        return
    for container in _containers(engine, environment):
        if _failure(container) or _name(container) == error.container:
            lines = last_lines(engine, container.name, LAST_LINES)
            error.output = [*error.output, *(f"{_name(container)}: {line}" for line in lines)]


def _remove_new(engine: Engine, environment: Names, before: set[str]) -> None:
    for container in _containers(engine, environment):
        if container.name not in before:
            with contextlib.suppress(CopilotLocalError):
                if container.state is ContainerState.RUNNING:  # its volumes may be of an earlier `up`
                    limit = int(container.labels.get(names.STOP_TIMEOUT) or DATABASE_STOP_TIMEOUT)
                    engine.stop(container.name, limit)
                engine.remove(container.name)


def _containers(engine: Engine, environment: Names) -> list[Container]:
    return engine.list_containers({**environment.labels(), names.ROLE: Role.BESIDE})


def _name(container: Container) -> str:
    return container.labels.get(names.CONTAINER, container.name)
