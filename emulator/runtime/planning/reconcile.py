"""Desired × observed → plan. Pure: decides everything, does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from emulator.ecs.identity import new_task_id
from emulator.engine.interface import ContainerSpec, ContainerState
from emulator.frontdoor.balancers import Balancer
from emulator.runtime.planning.databases import plan_databases, restart_databases
from emulator.runtime.planning.local_aws import plan_endpoint
from emulator.runtime.planning.start_plan import StartingTask, start_members, start_pause
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.specs.load_balancer import front_in, front_volume
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.specs.udp_relay import udp_relay_spec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, Task
from emulator.runtime.state.operations import TASK_STEADY, Plan, Verb

_TITLES = {
    Balancer.PUBLIC: "configure the load balancer",
    Balancer.INTERNAL: "configure the internal load balancer",
}
MOST_TASKS = 10
"""Tasks of a service, beside three times the desired number, past which no more are started."""
FRONT = ""
"""Stands for the load balancers among the services that `reconcile` leaves alone."""
PROVISIONS = "/"
"""Stands there for what services live with: the local AWS endpoint and the databases."""


@dataclass(slots=True)
class Reconciled:
    """A plan, and which tasks it starts and stops (with the reason)."""

    plan: Plan
    started: dict[str, str] = field(default_factory=dict)
    """Task id to service."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Task id to reason."""
    broken: set[str] = field(default_factory=set)
    """Those of them that stop because something is wrong with them."""
    late: set[str] = field(default_factory=set)
    """Those of them that go on until others are steady."""
    provides: bool = False
    """Whether it does something to what services live with."""


def reconcile(
    factory: TaskFactory,
    observed: Observed,
    fronts: Mapping[Balancer, ContainerSpec],
    *,
    network_exists: bool,
    fresh_front_rules: bool = False,
    held_back: Iterable[str] = (),
    unhealthy: Mapping[str, str] | None = None,
    leave_alone: AbstractSet[str] = frozenset(),
    before: bool = False,
    new_id: Callable[[], str] = new_task_id,
    causes: Mapping[str, str] | None = None,
) -> Reconciled:
    """What has to be done so that an environment runs as desired.

    `fronts` are the load balancers that something goes through. `held_back` are services whose replacement waits
    (back-off); their broken tasks are stopped all the same. `unhealthy` are tasks that the service scheduler gives up,
    with the reason. `leave_alone` are services, `FRONT` or `PROVISIONS`, that another plan is at work on.
    `fresh_front_rules` asks for a front configuration even if no task changes. `before`: what `up` does before tasks is
    in the plan, too. `causes`: by service, why its tasks are replaced, as far as that is known.
    """
    plan = Plan()
    network = None
    if not network_exists:
        labels = factory.names.labels(Role.NETWORK)
        network = plan.add(Verb.CREATE_NETWORK, factory.names.network, "no such network", labels=labels)
    planned, aws = len(plan.operations), None
    if PROVISIONS not in leave_alone:
        aws = plan_endpoint(plan, factory.state, observed, network)
        if before:
            plan_databases(plan, factory.state, observed, network, endpoint=aws)
        restart_databases(plan, factory.state, observed)
    result = Reconciled(plan, provides=len(plan.operations) > planned)
    _udp_relay(plan, factory.state, observed, network)
    work = _Reconciliation(factory, observed, result, causes or {}, routed=bool(fronts), network=network, aws=aws)
    for name, desired in factory.state.services.items():
        if name not in leave_alone:
            work.service(desired, unhealthy or {}, held_back=name in held_back, new_id=new_id)
    work.connected_members()
    work.unwanted(leave_alone)
    configured: list[int | None] = []
    if FRONT not in leave_alone:
        changes = bool(result.started or result.stopped) or fresh_front_rules
        configured = [work.front(balancer, fronts.get(balancer), changes) for balancer in Balancer]
    work.stops(configured)
    return result


class _Reconciliation:
    """The services of an environment, each compared with what runs of it; the plan grows step by step."""

    def __init__(
        self,
        factory: TaskFactory,
        observed: Observed,
        result: Reconciled,
        causes: Mapping[str, str],
        *,
        routed: bool,
        network: int | None,
        aws: int | None,
    ) -> None:
        self.factory = factory
        self.state = factory.state
        self.observed = observed
        self.result = result
        self.causes = causes
        self.plan = result.plan
        self.routed = routed
        """Whether anything goes through a load balancer."""
        self.network = network
        self.aws = aws
        self.pauses: list[int] = []
        self.starts: dict[str, tuple[int, ...]] = {}
        """By the id of a task that starts: the operations that start its containers."""
        self.told: int | None = None
        """The operation after which proxies know all names, once there is one."""
        self.connected: list[StartingTask] = []
        """Tasks whose containers start once Service Connect's names are written."""
        self.outdated: list[Task] = []
        """Tasks that stop once their replacements are steady."""
        self.sound: dict[str, str] = {}
        """Tasks that are as desired already, by id, with their services."""
        self.surplus: set[str] = set()
        self.handled: set[str] = set()
        """Tasks whose end is in the plan already."""

    def service(
        self, desired: DesiredService, unhealthy: Mapping[str, str], *, held_back: bool, new_id: Callable[[], str]
    ) -> None:
        """Compares one service with its tasks: which of them stop, and what starts."""
        name, stopped = desired.service.name, self.result.stopped
        good, changed = self._sort(desired, unhealthy)
        self.sound |= {task.id: name for task in good[: desired.desired_count]}
        for task in good[desired.desired_count :]:
            stopped[task.id] = f"more tasks than the desired {desired.desired_count}"
            self.surplus.add(task.id)
        missing = desired.desired_count - len(good)
        if held_back or (missing > 0 and _too_many(self.observed, name, desired.desired_count)):
            return  # what runs on the old definition is better than nothing
        no_room = desired.one_task_at_a_time  # the old task goes before the new one comes
        if not no_room:
            self.outdated += changed
        stopped |= {task.id: self.causes.get(name, "its definition changed") for task in changed}
        first: list[int | None] = [self.network]
        if no_room:
            for task in (task for task in self.observed.tasks_of(name) if task.id in stopped):
                first.append(self._retire(task))
                self.handled.add(task.id)
        known = [f"in place of {task.short_id}" for task in changed if name in self.causes]
        others = f"{desired.desired_count} desired, {len(good)} running"
        for number in range(max(0, missing)):
            self._start(desired, new_id(), first, known[number] if number < len(known) else others)

    def _sort(self, desired: DesiredService, unhealthy: Mapping[str, str]) -> tuple[list[Task], list[Task]]:
        """The tasks that are as desired, and those of another definition; broken ones are to stop."""
        wanted = desired.accepted_hashes()
        expected = [container.name for container in desired.service.task_definition.container_definitions]
        good: list[Task] = []
        changed: list[Task] = []
        for task in self.observed.tasks_of(desired.service.name):
            # A task of an older definition has the containers of that one.
            reason = task.fault(expected if task.config_hash in wanted else ()) or unhealthy.get(task.id)
            if reason:
                self.result.stopped[task.id] = reason
                self.result.broken.add(task.id)
            elif task.config_hash not in wanted:
                changed.append(task)
            else:
                good.append(task)
        return good, changed

    def _start(self, desired: DesiredService, task_id: str, first: Sequence[int | None], cause: str) -> None:
        told = self._proxies_told() if desired.proxied else None
        starting = start_pause(self.plan, self.factory.task(desired, task_id), first, cause, names_written=told)
        self.pauses.append(starting.pause)
        self.result.started[task_id] = desired.service.name
        if desired.service.connect is None or desired.proxied:
            self.starts[task_id] = start_members(self.plan, self.state, starting, aws=self.aws)
        else:
            self.connected.append(starting)

    def _proxies_told(self) -> int:
        """The operation after which all proxies know all names."""
        if self.told is None:
            self.told = self.plan.add(Verb.WRITE_NAMES, self.factory.names.prefix, "proxies read them")
        return self.told

    def connected_members(self) -> None:
        """Starts the containers of tasks with Service Connect: their addresses are known once the pauses run, and the
        names are there before anything asks for them."""
        if not self.connected:
            return
        cause, needs = "tasks have other addresses", [starting.pause for starting in self.connected]
        written = self.plan.add(Verb.WRITE_NAMES, self.factory.names.prefix, cause, needs)
        for starting in self.connected:
            self.starts[starting.task_id] = start_members(
                self.plan, self.state, starting, aws=self.aws, names_written=written
            )

    def unwanted(self, leave_alone: AbstractSet[str]) -> None:
        """Stops the tasks of services that are not desired at all."""
        for task in self.observed.tasks.values():
            if task.service not in self.state.services and task.service not in leave_alone and not task.one_off:
                self.result.stopped[task.id] = "its service is not wanted any more"

    def stops(self, configured: Sequence[int | None]) -> None:
        """Stops what is to stop: broken tasks at once, those of an older definition once their replacements are
        steady."""
        stopped, steady = self.result.stopped, self._steady(configured)
        self.result.late |= {task.id for task in self.outdated if steady.get(task.service)}
        late = {task.id for task in self.outdated} | self.handled
        for task_id in (task_id for task_id in stopped if task_id not in late):
            delay = 0 if self.routed else None
            if self.routed and task_id in self.surplus:
                # It is sound and only one too many: it may finish its requests.
                delay = self._deregistration_delay(self.observed.tasks[task_id])
            stop_task(self.plan, self.observed.tasks[task_id], stopped[task_id], deregister=delay, withdraw=True)
        shifted = self._shifts(steady)
        for task in self.outdated:
            self._retire(task, shifted.get(task.service, steady.get(task.service, ())), withdraw=True)

    def _shifts(self, steady: Mapping[str, list[int]]) -> dict[str, list[int]]:
        """By service whose requests go over to its new tasks bit by bit: the operation that sees to it, once they are
        steady."""
        found = {}
        for service, needs in steady.items():
            shift = self.state.services[service].service.deployment.shift
            if shift is not None:
                cause, title = f"its strategy is {shift.strategy}", f"shift {service} to its new tasks"
                found[service] = [self.plan.add(Verb.SHIFT_TRAFFIC, service, cause, needs, title=title)]
        return found

    def _steady(self, configured: Sequence[int | None]) -> dict[str, list[int]]:
        """By service whose old tasks stop: the operations that wait for the new ones."""
        found: dict[str, list[int]] = {}
        for task_id, service in {**self.sound, **self.result.started}.items():
            if any(task.service == service for task in self.outdated):
                wait = self.plan.add(
                    Verb.AWAIT,
                    task_id[:8],
                    "the old task stops when the new one is steady",
                    [*self.starts.get(task_id, ()), *configured],
                    condition=TASK_STEADY,
                    waiting="the old task",
                    timeout=self.state.services[service].options.time.wait_timeout,
                    task_id=task_id,
                    title=f"wait until {service} {task_id[:8]} is steady",
                )
                found.setdefault(service, []).append(wait)
        return found

    def _retire(self, task: Task, needs: Iterable[int] = (), *, withdraw: bool = False) -> int:
        """Operations that drain and stop a task which another one replaces; the id of the last one."""
        delay, reason = self._deregistration_delay(task) if self.routed else None, self.result.stopped[task.id]
        return stop_task(self.plan, task, reason, needs=needs, deregister=delay, withdraw=withdraw)

    def _deregistration_delay(self, task: Task) -> int:
        """Seconds between leaving the load balancer and SIGTERM: the longest of the target groups, capped locally."""
        desired = self.state.services[task.service]
        delay = max((group.deregistration_delay for group in desired.service.target_groups), default=0)
        return delay if desired.options.timing == "ecs" else min(delay, desired.options.time.deregistration_delay_cap)

    def front(self, balancer: Balancer, front: ContainerSpec | None, targets_change: bool) -> int | None:
        """Makes a load balancer run with the current targets; the id of the last operation, if there is any."""
        plan, environment, present = self.plan, self.factory.names, front_in(self.observed, balancer)
        if front is None:
            if present is not None:
                plan.add(Verb.REMOVE_CONTAINER, present.name, "nothing is routed any more")
            return None
        ready: list[int | None] = [self.network]
        if present is not None and present.labels.get(names.CONFIG_HASH) != front.labels.get(names.CONFIG_HASH):
            ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, "its image, ports or names changed"))
            present = None
        if present is None:
            volume, labels = front_volume(environment, balancer), environment.labels(Role.VOLUME)
            ready.append(plan.add(Verb.CREATE_VOLUME, volume, "the front's configuration", labels=labels))
            ready = [plan.add(Verb.CREATE_CONTAINER, front.name, "no front", ready, spec=front)]
            # Its targets need no address to begin with, the agent registers them. But what else is to start waits for
            # the pauses, and Docker takes longer for each container that it starts at the same time.
            ready += self.pauses
        elif present.state is ContainerState.RUNNING and not targets_change:
            return None
        return plan.add(Verb.CONFIGURE_FRONT, front.name, "targets and rules", ready, title=_TITLES[balancer])


def _udp_relay(plan: Plan, state: DesiredState, observed: Observed, network: int | None) -> None:
    """Operations that make the relay for datagrams run, where something listens for them. The agent tells it where
    they go."""
    spec, present = udp_relay_spec(state), observed.udp_relay
    ready: list[int | None] = [network]
    if present is not None and (
        spec is None or present.labels.get(names.CONFIG_HASH) != spec.labels.get(names.CONFIG_HASH)
    ):
        cause = "nothing listens for datagrams any more" if spec is None else "its image or ports changed"
        ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, cause))
        present = None
    if spec is None or (present is not None and present.state is ContainerState.RUNNING):
        return
    if present is None:
        environment = Names(state.app, state.environment)
        cause = "a network load balancer listens for datagrams"
        labels = environment.labels(Role.VOLUME)
        ready.append(plan.add(Verb.CREATE_VOLUME, environment.front_volume, cause, labels=labels))
        ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, cause, ready, spec=spec)]
    plan.add(Verb.START_CONTAINER, spec.name, "datagrams", ready, title="start the relay for datagrams")


def _too_many(observed: Observed, service: str, desired_count: int) -> bool:
    """Whether a service has far more tasks than it could need, counted or not: then something is wrong, and starting
    more makes it worse."""
    present = sum(1 for task in observed.tasks.values() if task.service == service)
    return present >= MOST_TASKS + 3 * desired_count
