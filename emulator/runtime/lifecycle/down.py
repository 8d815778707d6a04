"""Takes an environment down. Works from labels alone, so it works after any crash."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import CopilotLocalError, EngineError, EngineUnavailable
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, Retirement
from emulator.runtime.control.direct import RETIRE_TIMEOUT
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor, remove_volume
from emulator.runtime.listeners.remembered_ports import forget
from emulator.runtime.planning.stop_plan import stop_databases, stop_endpoint, stop_task
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, observe, sort_containers
from emulator.runtime.state.operations import IGNORED, Plan, Verb

LEFTOVER_ROUNDS = 5
"""How often the listing is read again: a request in flight when its sender died may still create a container, and
Docker's log driver may take up to a minute until it notices a new listener."""
NETWORK_ROUNDS = 20
AT_ONCE = 8
AGENT_STOP_TIMEOUT = 5
SETTLING = 0.5
"""Seconds between two tries to remove a network that something is still in."""


DEAF_HINT = "`down -t 1` waits a second only; `[time] stop_timeout` is for all stops"


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
    ahead: Retirement | None = None,
) -> bool:
    """Stops and removes everything of an environment; returns whether there was anything.

    Containers stop in reverse dependency order, without the deregistration delay. Volumes that hold data (the log
    store, shared file systems) stay unless `volumes`. `timeout` shortens every stop timeout, in seconds. `cancelled`
    ends the orderly stop: what is left is killed and removed at once, as it is where the orderly stop fails.
    `agent_image` gives an image of the agent, asked for only where there is no agent any more to take it from: a
    container that logs to a dead router cannot be stopped without a drain. `ahead`: the agent was asked to retire
    already; this is closed. A network or volume that Docker does not give up is a warning; a container that is left is
    an `EngineError`.
    """
    ignored = threading.Event()

    def hear(event: Event) -> None:
        if IGNORED in event.message:
            ignored.set()
        emit(event)

    found = _take_down(
        *(engine, environment, hear),
        volumes=volumes,
        timeout=timeout,
        cancelled=cancelled,
        before_remove=before_remove,
        agent_image=agent_image,
        ahead=ahead,
    )
    if ignored.is_set() and timeout is None:
        emit(Event(EventKind.INFO, "hint", DEAF_HINT))
    return found


def _take_down(
    engine: Engine,
    environment: Names,
    emit: Emit,
    *,
    volumes: bool,
    timeout: int | None,
    cancelled: threading.Event | None,
    before_remove: Callable[[str], None] | None,
    agent_image: Callable[[], str] | None,
    ahead: Retirement | None,
) -> bool:
    observed = observe(engine, environment)
    found = bool(observed.containers or engine.list_networks(environment.labels()))
    with ThreadPoolExecutor(3, thread_name_prefix="down") as pool, contextlib.ExitStack() as until_the_end:
        agent_gone: Future[object] | None = None
        retirement, serving = _stand_down(engine, environment, observed, ahead), ""
        if observed.agent is not None:
            if retirement is not None:
                until_the_end.enter_context(contextlib.closing(retirement))
                serving = observed.agent.name
            else:
                agent_gone = pool.submit(_failed_removal, engine, observed.agent.name)
        drain_image = _drain_image(engine, observed, emit, agent_image)
        by_agent = retirement.stops() if retirement is not None else frozenset[str]()
        executor = Executor(
            *(engine, environment, None, emit),
            cancelled=cancelled,
            before_remove=lambda container: prepare_removal(container),
            drain_image=drain_image,
            keep_output=not volumes,
            kills=True,
            store=retirement.store if retirement is not None else None,
            stops_since=retirement.began if retirement is not None else None,
            stopped_by_agent=by_agent,
            observed=observed,
        )

        def prepare_removal(container: str) -> None:
            if container == serving and not volumes:
                _finish(executor, observed, serving, retirement)
            if before_remove is not None:
                before_remove(container)

        prepared = pool.submit(executor.prepare_to_keep)
        try:
            plan = _plan(observed, environment, timeout, volumes=volumes, serving=serving, by_agent=by_agent)
            executor.run(plan, closes=False)
            if not serving:
                pool.submit(_remove_network, engine, environment.network, agent_gone)
        except Cancelled:
            executor.keep_left()
        except CopilotLocalError as error:
            emit(Event(EventKind.WARNING, environment.app, f"the orderly stop failed, the rest is killed: {error}"))
            _stop_others(executor, observe(engine, environment), timeout, volumes=volumes)
            executor.keep_left()
        finally:
            wait([prepared])
            executor.close()
        lefts = remove_all(engine, environment, volumes=volumes, drain_image=drain_image)
        if volumes:
            forget(environment)
    for what in lefts:
        emit(Event(EventKind.WARNING, environment.app, what))
    return found


def _stand_down(engine: Engine, environment: Names, observed: Observed, ahead: Retirement | None) -> Retirement | None:
    """Has the agent, if there is one, look after nothing any more: it must not replace what is being stopped. None
    where it has ended by that."""
    if ahead is not None and (observed.agent is None or not observed.tasks):
        ahead.close()
        ahead = None
    if observed.agent is None:
        return None
    retirement = ahead
    if not observed.tasks:  # it has nothing to replace
        engine.remove(observed.agent.name)
    elif retirement is None and (retirement := _retired(engine, environment, observed.agent)) is None:
        _end(engine, observed.agent)
    direct.remove_folder(environment)
    return retirement


def _finish(executor: Executor, observed: Observed, agent: str, retirement: Retirement | None) -> None:
    """Has the agent write down what came last: ending in order takes it longer than being killed after that."""
    executor.await_kept({member.container.name for task in observed.tasks.values() for member in task.members.values()})
    if retirement is not None and not retirement.finish():
        executor.engine.stop(agent, AGENT_STOP_TIMEOUT)


def _remove_network_early(plan: Plan, environment: Names) -> None:
    """Removes the network once nothing runs in it: a container that was stopped has left it, and its own removal may
    take long."""
    killed = {operation.subject for operation in plan.operations if operation.verb is Verb.STOP_CONTAINER}
    needs = [
        operation.id
        for operation in plan.operations
        if operation.verb is Verb.STOP_CONTAINER
        or (operation.verb is Verb.REMOVE_CONTAINER and operation.subject not in killed)
    ]
    plan.add(Verb.REMOVE_NETWORK, environment.network, "down", needs)


def _remove_network(engine: Engine, network: str, agent_gone: Future[object] | None) -> None:
    """Removes the network beside what is left, which takes Docker less time. What it does not give up now is asked for
    again, and reported."""
    if agent_gone is not None:
        wait([agent_gone])
    engine.remove_network(network)


def _plan(
    observed: Observed,
    environment: Names,
    timeout: int | None,
    *,
    volumes: bool,
    serving: str = "",
    by_agent: Collection[str] = (),
) -> Plan:
    """All tasks stop side by side, then the databases that they were connected to and the local AWS endpoint; the load
    balancers, which hold nothing that could be lost, are killed meanwhile, as the endpoint is where its data goes
    too. `serving` is the agent, where it still answers tasks: it goes when they and the load balancers have ended, of
    which it kills those `by_agent` itself."""
    plan = Plan()
    stopped = [stop_task(plan, task, "down", timeout=timeout, at_once=True) for task in observed.tasks.values()]
    ended = [operation.id for operation in plan.operations if operation.verb is Verb.STOP_CONTAINER]
    stop_databases(plan, observed, stopped, timeout=timeout)
    if observed.aws is not None and not volumes:
        stop_endpoint(plan, observed.aws, "down", stopped, timeout=timeout)
    for front in (*observed.fronts, *([observed.udp_relay] if observed.udp_relay else [])):
        killed = []
        runs = front.state is ContainerState.RUNNING and front.name not in by_agent
        if serving and not volumes and runs:  # that takes less time than its removal
            killed = [plan.add(Verb.STOP_CONTAINER, front.name, "down", timeout=0)]
        ended += killed
        plan.add(Verb.REMOVE_CONTAINER, front.name, "down", killed)
    if serving:
        plan.add(Verb.REMOVE_CONTAINER, serving, "down", ended)
        _remove_network_early(plan, environment)
    return plan


def _stop_others(executor: Executor, left: Observed, timeout: int | None, *, volumes: bool) -> None:
    """Stops in order what is left when the stop of something has failed, one after the other: none of them is killed
    with what it holds because another one cannot be stopped."""
    parts = [
        replace(left, tasks={task_id: task}, databases={}, beside=[], aws=None) for task_id, task in left.tasks.items()
    ]
    parts.append(replace(left, tasks={}))
    for part in parts:
        with contextlib.suppress(CopilotLocalError):
            executor.run(_plan(part, executor.names, timeout, volumes=volumes), closes=False)


def _retired(engine: Engine, environment: Names, agent: Container) -> Retirement | None:
    """Has the agent look after nothing any more, until what is returned is closed; None where it does not answer.

    Tasks that are stopped may still ask for their metadata and credentials, and send traces, as on ECS; load balancers
    may have logged what it has not read yet.
    """
    if agent.state is not ContainerState.RUNNING:
        return None
    try:
        return Agent(engine, environment, timeout=RETIRE_TIMEOUT).retire()
    except EngineUnavailable:
        raise
    except (CopilotLocalError, OSError):  # it hangs, or is of another version
        return None


def _end(engine: Engine, agent: Container) -> None:
    """Ends an agent that does not answer, and would replace what is being stopped.

    It is not frozen, which Docker reports sooner: the command that was to reach it may just be starting in it, and
    Docker can neither remove nor thaw a container that is frozen then. It is removed while tasks stop.
    """
    if agent.state is ContainerState.RUNNING:
        try:
            return engine.kill(agent.name)
        except EngineUnavailable:
            raise
        except EngineError:
            pass  # removing it kills it too
    engine.remove(agent.name)


def _drain_image(engine: Engine, observed: Observed, emit: Emit, agent_image: Callable[[], str] | None) -> str:
    """The image for drains: the agent's; empty where no drain is needed, or no image is available."""
    logging = any(m.logs_to_router and m.running for task in observed.tasks.values() for m in task.members.values())
    if observed.agent is not None and (not logging or engine.image(observed.agent.image) is not None):
        return observed.agent.image
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

    def unwanted() -> list[str]:
        found = engine.list_volumes(environment.labels())
        return [name for name, labels in found.items() if name not in keep and (volumes or names.DATA not in labels)]

    left, stuck = _remove_networks(engine, environment, drain_image, unwanted)
    for volume in unwanted():
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


def _remove_networks(
    engine: Engine, environment: Names, drain_image: str, volumes: Callable[[], list[str]]
) -> tuple[list[str], EngineError | None]:
    """Removes containers, then networks and, beside them, those of the `volumes` that nothing uses any more. Returns a
    sentence for each network that is left, and why a container is."""
    for rounds_left in reversed(range(NETWORK_ROUNDS)):
        stuck = _remove_containers(engine, environment, drain_image)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for volume in volumes():
                pool.submit(engine.remove_volume, volume)  # what is not given up now is asked for again
            networks = engine.list_networks(environment.labels())
            left = list(filter(None, pool.map(lambda name: _kept_network(engine, name), networks)))
        if not left or stuck is not None or not rounds_left:
            break
        # A container that the agent had asked for before it was removed may come up only now.
        time.sleep(SETTLING)
    return left, stuck


def _kept_network(engine: Engine, network: str) -> str:
    """Removes a network; returns a sentence where Docker does not give it up."""
    try:
        engine.remove_network(network)
    except EngineUnavailable:
        raise
    except EngineError as error:
        what = error.hint or "restart Docker if it shows no container"
        return f"network {network} is left: {error.message}; {what}, then run `copilot-local down` again"
    return ""


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
            due = [c for c in containers if _LATE.get(c.labels.get(names.ROLE, ""), 0) == rank]
            batch = [c.name for c in due if c.labels.get(names.TASK) not in waiting]
            with ThreadPoolExecutor(AT_ONCE) as pool:
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


_LATE: dict[str, int] = {Role.ROUTER: 1, Role.DRAIN: 1, Role.SERVICE_CONNECT: 1, Role.PAUSE: 2}
"""Which containers are removed after others; the rest goes first."""


def _let_logs_end(engine: Engine, environment: Names, containers: list[Container], drain_image: str) -> None:
    """Opens a drain where containers log to a router that is dead: else they could not be removed."""
    for task in sort_containers(containers).tasks.values():
        listens = task.relay is not None or (task.router is not None and task.router.running and not task.lost_relay)
        if drain_image and not listens and any(m.logs_to_router and m.running for m in task.members.values()):
            from emulator.runtime.specs.drain import open_drain

            open_drain(engine, environment, task.service, task.id, drain_image)
