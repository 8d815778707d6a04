"""Takes an environment down. Works from labels alone, so it works after any crash."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from emulator.engine.interface import Engine
from emulator.errors import Conflict, EngineError
from emulator.events import Emit
from emulator.runtime import names
from emulator.runtime.executor import Cancelled, Executor
from emulator.runtime.front import FrontControl
from emulator.runtime.names import Names
from emulator.runtime.observed import observe
from emulator.runtime.plan import Plan, Verb
from emulator.runtime.reconcile import stop_task

LEFTOVER_ROUNDS = 5
"""How often the listing is looked at again: a request that was under way when its maker died may still create one."""


def down(
    engine: Engine,
    environment: Names,
    emit: Emit,
    *,
    volumes: bool = False,
    timeout: int | None = None,
    cancelled: threading.Event | None = None,
    before_remove: Callable[[str], None] | None = None,
) -> bool:
    """Stops and removes everything of an environment; returns whether there was anything.

    Containers stop in reverse dependency order, without the deregistration delay. Volumes that hold data (the log
    store, shared file systems) stay unless `volumes`. `timeout` shortens every stop timeout, in seconds. `cancelled`
    ends the orderly stop: what is left is killed and removed at once.
    """
    observed = observe(engine, environment)
    found = bool(observed.containers or engine.list_networks(environment.labels()))
    if observed.agent is not None:
        # First: it must not replace what is being stopped.
        engine.remove(observed.agent.name)
    drain_image = observed.agent.image if observed.agent is not None else ""
    plan = Plan()
    for task in observed.tasks.values():
        stop_task(plan, task, "down", timeout=timeout)
    if observed.front is not None:
        plan.add(Verb.REMOVE_CONTAINER, observed.front.name, "down")
    executor = Executor(
        engine,
        environment,
        FrontControl(environment),
        emit,
        cancelled=cancelled,
        before_remove=before_remove,
        drain_image=drain_image,
    )
    with contextlib.suppress(Cancelled):
        executor.run(plan)
    remove_all(engine, environment, volumes=volumes)
    return found


def remove_all(engine: Engine, environment: Names, *, volumes: bool, keep: frozenset[str] = frozenset()) -> None:
    """Removes what still carries the environment's labels at once, running or not; volumes in `keep` stay."""
    for _ in range(LEFTOVER_ROUNDS):
        containers = engine.list_containers(environment.labels())
        if not containers:
            break
        # Pause goes last: its members would go on without a network for a moment.
        for last in (False, True):
            batch = [c.name for c in containers if (c.labels.get(names.ROLE) == names.Role.PAUSE) is last]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(engine.remove, batch))
    for network in engine.list_networks(environment.labels()):
        engine.remove_network(network)
    for volume, labels in engine.list_volumes(environment.labels()).items():
        if volume not in keep and (volumes or names.DATA not in labels):
            _remove_volume(engine, volume)


def _remove_volume(engine: Engine, volume: str) -> None:
    """Removes a volume; Docker may call it in use for a moment after its last container went."""
    for attempt in range(20):
        try:
            engine.remove_volume(volume)
            return
        except Conflict:
            if attempt == 19:
                raise
            time.sleep(0.1)


def running_environments(engine: Engine) -> list[Names]:
    """Every environment that has a container on this daemon."""
    try:
        containers = engine.list_containers({names.APP: ""})
    except EngineError:
        return []
    found = {(c.labels[names.APP], c.labels.get(names.ENVIRONMENT, "")) for c in containers}
    return [Names(app, environment) for app, environment in sorted(found)]
