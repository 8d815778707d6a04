"""Takes an environment down. Works from labels alone, so it works after any crash."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from emulator.engine.interface import Container, Engine
from emulator.errors import CopilotLocalError, EngineError, EngineUnavailable
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor, remove_volume
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.specs.drain import open_drain
from emulator.runtime.specs.load_balancer import FrontControl
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, observe, sort_containers
from emulator.runtime.state.operations import Plan, Verb

LEFTOVER_ROUNDS = 5
"""How often the listing is read again: a request in flight when its sender died may still create a container, and
Docker's log driver may take up to a minute until it notices a new listener."""
NETWORK_ROUNDS = 20
SETTLING = 0.5
"""Seconds between two tries to remove a network that something is still in."""


def down(
    engine: Engine,
    environment: Names,
    emit: Emit,
    *,
    volumes: bool = False,
    timeout: int | None = None,
    cancelled: threading.Event | None = None,
    before_remove: Callable[[str], None] | None = None,
    agent_image: Callable[[], str] | None = None,
) -> bool:
    """Stops and removes everything of an environment; returns whether there was anything.

    Containers stop in reverse dependency order, without the deregistration delay. Volumes that hold data (the log
    store, shared file systems) stay unless `volumes`. `timeout` shortens every stop timeout, in seconds. `cancelled`
    ends the orderly stop: what is left is killed and removed at once, as it is where the orderly stop fails.
    `agent_image` gives an image of the agent, asked for only where there is no agent any more to take it from: a
    container that logs to a dead router cannot be stopped without a drain. A network or volume that Docker does not
    give up is a warning; a container that is left is an `EngineError`.
    """
    observed = observe(engine, environment)
    found = bool(observed.containers or engine.list_networks(environment.labels()))
    if observed.agent is not None:
        # First: it must not replace what is being stopped.
        engine.remove(observed.agent.name)
        direct.remove_folder(environment)
    drain_image = _drain_image(engine, observed, emit, agent_image)
    plan = Plan()
    for task in observed.tasks.values():
        stop_task(plan, task, "down", timeout=timeout)
    for front in (*observed.fronts, *([observed.udp_relay] if observed.udp_relay else [])):
        plan.add(Verb.REMOVE_CONTAINER, front.name, "down")
    executor = Executor(
        engine,
        environment,
        FrontControl(environment),
        emit,
        cancelled=cancelled,
        before_remove=before_remove,
        drain_image=drain_image,
        keep_output=not volumes,
    )
    try:
        with contextlib.suppress(Cancelled):
            executor.run(plan)
    except CopilotLocalError as error:
        emit(Event(EventKind.WARNING, environment.app, f"the orderly stop failed, the rest is killed: {error}"))
    for what in remove_all(engine, environment, volumes=volumes, drain_image=drain_image):
        emit(Event(EventKind.WARNING, environment.app, what))
    return found


def _drain_image(engine: Engine, observed: Observed, emit: Emit, agent_image: Callable[[], str] | None) -> str:
    """The image for drains: the agent's; empty where no drain is needed, or no image is available."""
    if observed.agent is not None and engine.image(observed.agent.image) is not None:
        return observed.agent.image
    logging = any(m.logs_to_router and m.running for task in observed.tasks.values() for m in task.members.values())
    if not logging or agent_image is None:
        return ""
    try:
        return agent_image()
    except CopilotLocalError as error:
        # Its router may still run, or run again.
        emit(Event(EventKind.WARNING, "drain", f"no image for a drain, should a log router be dead: {error}"))
        return ""


def remove_all(
    engine: Engine, environment: Names, *, volumes: bool, keep: frozenset[str] = frozenset(), drain_image: str = ""
) -> list[str]:
    """Removes what still carries the environment's labels at once, running or not; volumes in `keep` stay.

    Returns a sentence for each network and volume that Docker did not give up, with its reason and what to do. One of
    them keeps nothing else from being removed. Raises `EngineError` where a container is left, after all the rest was
    tried, and `EngineUnavailable` where no daemon answers.
    """
    left, stuck = _remove_networks(engine, environment, drain_image)
    for volume, labels in engine.list_volumes(environment.labels()).items():
        if volume not in keep and (volumes or names.DATA not in labels):
            try:
                remove_volume(engine, volume)
            except EngineUnavailable:
                raise
            except EngineError as error:
                users = f"`docker ps -a --filter volume={volume}` shows what uses it"
                left.append(f"volume {volume} is left: {error.message}; {users}, then run `copilot-local down` again")
    if stuck is not None:
        raise stuck
    return left


def _remove_networks(engine: Engine, environment: Names, drain_image: str) -> tuple[list[str], EngineError | None]:
    """Removes containers, then networks. Returns a sentence for each network that is left, and why a container is."""
    for rounds_left in reversed(range(NETWORK_ROUNDS)):
        stuck = _remove_containers(engine, environment, drain_image)
        left = []
        for network in engine.list_networks(environment.labels()):
            try:
                engine.remove_network(network)
            except EngineUnavailable:
                raise
            except EngineError as error:
                what = error.hint or "restart Docker if it shows no container"
                left.append(f"network {network} is left: {error.message}; {what}, then run `copilot-local down` again")
        if not left or stuck is not None or not rounds_left:
            break
        # A container that the agent had asked for before it was removed may come up only now.
        time.sleep(SETTLING)
    return left, stuck


def _remove_containers(engine: Engine, environment: Names, drain_image: str) -> EngineError | None:
    """Removes every container of the environment; returns why one is left after the last round."""
    stuck: dict[str, EngineError] = {}
    for _ in range(LEFTOVER_ROUNDS):
        containers = engine.list_containers(environment.labels())
        if not containers:
            return None
        stuck.clear()
        _let_logs_end(engine, environment, containers, drain_image)
        # A container hangs without the router that it logs to. Pause goes last: its members would go on without a
        # network for a moment. What is stuck may need its task's router, or the drain, to get away.
        for rank in range(3):
            waiting = {c.labels.get(names.TASK) for c in containers if c.name in stuck} - {None}
            batch = [c.name for c in containers if _rank(c) == rank and c.labels.get(names.TASK) not in waiting]
            with ThreadPoolExecutor(8) as pool:
                failures = pool.map(lambda name: (name, _failed_removal(engine, name)), batch)
            stuck |= {name: error for name, error in failures if error is not None}
    return next(iter(stuck.values())) if stuck and engine.list_containers(environment.labels()) else None


def _failed_removal(engine: Engine, container: str) -> EngineError | None:
    """Removes a container; returns why that failed, or took longer than a call may."""
    try:
        engine.remove(container)
    except EngineUnavailable:
        raise
    except EngineError as error:
        return error
    return None


_LATE: dict[str, int] = {Role.ROUTER: 1, Role.DRAIN: 1, Role.PAUSE: 2}
"""Which containers are removed after others; the rest goes first."""


def _rank(container: Container) -> int:
    return _LATE.get(container.labels.get(names.ROLE, ""), 0)


def _let_logs_end(engine: Engine, environment: Names, containers: list[Container], drain_image: str) -> None:
    """Opens a drain where containers log to a router that is dead: else they could not be removed."""
    for task in sort_containers(containers).tasks.values():
        listens = task.relay is not None or (task.router is not None and task.router.running and not task.lost_relay)
        if drain_image and not listens and any(m.logs_to_router and m.running for m in task.members.values()):
            open_drain(engine, environment, task.service, task.id, drain_image)


def running_environments(engine: Engine) -> list[Names]:
    """Every environment that has a container on this daemon, running or not."""
    try:
        containers = engine.list_containers({names.APP: ""})
    except EngineError:
        return []
    found = {(c.labels[names.APP], c.labels.get(names.ENVIRONMENT, "")) for c in containers}
    return [Names(app, environment) for app, environment in sorted(found)]
