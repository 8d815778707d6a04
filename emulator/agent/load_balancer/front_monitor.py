"""Watches over the load balancers: one loop that sees what runs and keeps the targets of each as they are."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from emulator.agent.load_balancer.access_log import AccessLog
from emulator.agent.load_balancer.balancer_monitor import AWAITED, AWAITED_SHARE, BUSY, IDLE, BalancerMonitor
from emulator.agent.load_balancer.shares import Shares
from emulator.agent.load_balancer.udp_targets import UdpTargets, routes_of
from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import CopilotLocalError, EngineError
from emulator.frontdoor.access_log import LoadBalancerName
from emulator.frontdoor.balancers import Balancer, balancer_of
from emulator.frontdoor.options import ACCESS_LOG_SOCKET
from emulator.frontdoor.target_health import TargetHealth, TargetState
from emulator.runtime.listeners.front_ports import balanced, udp_bind_ports
from emulator.runtime.specs.load_balancer import FrontControl, front_in, front_specs, target_name, targets_of
from emulator.runtime.specs.udp_relay import UDP_SOCKET
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe

log = logging.getLogger(__name__)

RESTLESS = 3.0
"""Seconds after an event in which listings are taken again: Docker tells of a change before it lists it."""
RESTLESS_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between the first two of those; each next pause is as long as all before it, up to the longest."""
ASKED_TIMEOUT = 1.0
"""Seconds for which a question about targets waits for a load balancer that is slow to answer."""
SIGNALLED = (0, 128 + 9, 128 + 15)
"""Exit codes of an HAProxy that was ended, not of one that cannot run."""
DEAF = 30.0
"""Seconds after which a load balancer that runs and answers nothing is started again; it may be busy for a while."""
STOP_TIMEOUT = 2
FINISH = 1.0
"""Seconds for what was logged to be stored when the agent ends."""
LISTING = 10.0
"""Seconds between two listings when no event asks for one."""


@dataclass(frozen=True, slots=True)
class FailingTarget:
    """A target that its load balancer found unhealthy: its group's ARN, the port, and what is wrong in the load
    balancer's words."""

    target_group: str
    port: int
    description: str


class FrontMonitor(FrontControl):
    """The load balancers as the agent sees them. `folders` are their volumes."""

    def __init__(self, environment: Names, engine: Engine, folders: Mapping[Balancer, Path]) -> None:
        super().__init__(environment)
        self.engine = engine
        self.shares = Shares()
        self.monitors = {
            balancer: BalancerMonitor(environment, balancer, folder, self.shares)
            for balancer, folder in folders.items()
        }
        self.fronts = self.monitors
        self._udp = UdpTargets(folders[Balancer.PUBLIC] / UDP_SOCKET)
        self._observed = Observed([])
        self._listed = -inf
        self._leaving: dict[str, float] = {}
        """Task id to the monotonic time until which its targets drain."""
        self._silent_since: dict[Balancer, float] = {}
        """Which load balancers run and do not answer, and since when, on the monotonic clock."""
        self._kept: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._stands_down = threading.Event()
        self._refreshed = -inf
        """When something happened last, of the monotonic clock, as `_listed` is."""
        self._changed = threading.Condition()
        self._configuring = threading.Lock()
        """Held while a load balancer is started or its rules are loaded."""
        self._looking = threading.RLock()
        """Held while the load balancers are asked: the loop and every question about targets do."""
        self.on_verdict: Callable[[], None] = lambda: None
        """Called when the verdict on a target changes."""
        self.on_look: Callable[[Observed, frozenset[str], frozenset[str]], None] = lambda *_: None
        """Called after each listing with it, the tasks with a registered target and those that drain, by id."""

    def take_access_logs(self, store: Path) -> None:
        """From now on what the load balancers log goes to the log store, a folder."""
        for monitor in self.monitors.values():
            monitor.access_log = AccessLog(monitor.folder / ACCESS_LOG_SOCKET, store, monitor.logged())
            monitor.access_log.start()

    def finish_access_logs(self, *, killed: bool = False) -> None:
        """Stores what the load balancers have logged by now; what comes next waits for the next agent. Those that are
        being `killed` have logged all when their connections end."""
        for monitor in self.monitors.values():
            if monitor.access_log is not None:
                monitor.access_log.finish(FINISH, ends=killed)

    # what the supervisor and the control API use

    def stand_down(self) -> None:
        """The environment is going away: a load balancer that ends is not started again."""
        self._stands_down.set()

    def refresh(self) -> None:
        """Something happened to a container: look at the listing again."""
        self._refreshed = time.monotonic()
        self._wake.set()

    @contextlib.contextmanager
    def keeping(self, tasks: Collection[str]) -> Iterator[None]:
        """Within this block these tasks, by id, stay targets whatever happens to their containers."""
        self._keep(self._kept | frozenset(tasks))
        try:
            yield
        finally:
            self.refresh()
            self._keep(self._kept - frozenset(tasks))

    def _keep(self, tasks: frozenset[str]) -> None:
        self._kept = tasks
        for monitor in self.monitors.values():
            monitor.kept = tasks

    def share(self, service: str, hashes: Collection[str], part: float) -> None:
        """From now on tasks with these configuration hashes get this part (0 to 1) of the service's requests, its
        others the rest."""
        self.shares.set(service, hashes, part)
        self.refresh()
        self._ask_now()

    def _health(self) -> list[TargetHealth]:
        return [health for monitor in self.monitors.values() for health in monitor.health]

    def targets(self) -> list[dict[str, Any]]:
        """The health of every target as the load balancers say at this moment, as JSON."""
        self._ask_now()
        return [
            {
                "name": health.name,
                "service": health.service,
                "target_group": health.target_group,
                "load_balancer": balancer.value,
                "state": str(health.state),
                "reason_code": health.reason_code,
                "description": health.description,
                "check": health.check,
                "code": health.code,
            }
            for balancer, monitor in self.monitors.items()
            for health in monitor.health
        ]

    def _ask_now(self) -> None:
        """A verdict of the loop's last round may be of a load balancer that was started again since."""
        if self._looking.acquire(timeout=ASKED_TIMEOUT):
            try:
                if self.state is not None and self.state.services:
                    now = time.monotonic()
                    leaving = self._leaving_targets(now)
                    for monitor in self.monitors.values():
                        self._look_at(monitor, leaving, now)
            finally:
                self._looking.release()
        else:
            for monitor in self.monitors.values():
                monitor.lose_sight()

    def task_healthy(self, task_id: str) -> bool:
        """Whether every target of a task is healthy; a task without targets is."""
        task = self._observed.tasks.get(task_id)
        if task is None or self.state is None:
            return False
        desired = self.state.services.get(task.service)
        groups = list(balanced(desired.service)) if desired is not None else []
        # A target that no rule forwards to is never checked.
        good = (TargetState.HEALTHY, TargetState.UNUSED)
        healthy = [h for h in self._health() if h.name == target_name(task) and h.state in good]
        return len(healthy) >= len(groups)

    def failing_targets(self) -> dict[str, FailingTarget]:
        """Task id to its target that is unhealthy."""
        unhealthy = {h.name: h for h in self._health() if h.state is TargetState.UNHEALTHY}
        found = {}
        for task in self._observed.tasks.values():
            health = unhealthy.get(target_name(task))
            desired = self.state.services.get(task.service) if self.state is not None else None
            if health is not None and desired is not None and (failing := _failing(desired, health)) is not None:
                found[task.id] = failing
        return found

    def prepare(self, engine: Engine, container: str) -> None:
        """Nothing: `configure` writes the files when it is known which targets there are."""

    def configure(self, engine: Engine, container: str) -> None:
        """Writes a load balancer's rules and loads them where they changed; targets alone need no reload."""
        with self._configuring:
            try:
                super().configure(engine, container)
            except EngineError:
                found = [one for one in observe(engine, self.names).containers if one.name == container]
                if not any(map(_was_killed, found)):
                    raise
                super().configure(engine, container)  # it was killed meanwhile, and begins with the new rules
        self.refresh()

    def deregister(self, engine: Engine, task_id: str, delay: int) -> None:  # noqa: ARG002 - the base class's signature
        """Drains the task's targets until they have no request, `delay` seconds at most, then forgets them."""
        deadline = time.monotonic() + delay
        with self._changed:
            self._leaving[task_id] = deadline
        self.refresh()
        task = self._observed.tasks.get(task_id)
        while task is not None and time.monotonic() < deadline:
            monitor = self._balancer_of(task.service)
            if front_in(self._observed, monitor.balancer) is None or monitor.has_drained(target_name(task)):
                break
            time.sleep(BUSY)
        with self._changed:
            self._leaving[task_id] = 0.0
        self.refresh()

    def spare(self, tasks: Collection[str]) -> None:
        """These tasks, by id, stay: where one's targets had been deregistered, they are registered again."""
        with self._changed:
            back = self._leaving.keys() & tasks
            for task_id in back:
                del self._leaving[task_id]
        if back:
            self.refresh()

    def _balancer_of(self, service: str) -> BalancerMonitor:
        """The load balancer that a service is behind; the public one for a service that is not wanted any more."""
        desired = self.state.services.get(service) if self.state is not None else None
        return self.monitors[balancer_of(desired.service) if desired is not None else Balancer.PUBLIC]

    # the loop

    def close(self) -> None:
        """Ends the watch."""
        self._closed.set()
        self._wake.set()
        self._udp.close()

    def run(self) -> None:
        """Watches until it is closed."""
        while not self._closed.is_set():
            pause = IDLE
            try:
                pause = self.look()
            except CopilotLocalError as error:
                log.debug("the listing could not be had: %s", error)
            except Exception:
                log.exception("looking at the front failed")
            self._wake.wait(pause)
            self._wake.clear()

    def look(self) -> float:
        """One round; returns the seconds until the next."""
        now = time.monotonic()
        if self._due() <= now:
            self._listed = now
            self._observed = observe(self.engine, self.names)
            self._start_again()
            self.on_look(self._observed, *self._registered(now))
        idle = min(IDLE, max(0.0, self._due() - now))
        if self.state is None or not self.state.services:
            return idle  # the command has not sent the desired state yet
        with self._looking:
            leaving = self._leaving_targets(now)
            pauses = [self._look_at(monitor, leaving, now) for monitor in self.monitors.values()]
        if udp_bind_ports(self.state):
            targets = targets_of(self.state, self._observed, self._kept)
            known = self._udp.tell(routes_of(self.state, targets, self._health()))
            pauses.append(IDLE if known else BUSY)
        return min([idle, *pauses])

    def _due(self) -> float:
        """When the next listing is to be taken, of the monotonic clock."""
        since = self._listed - self._refreshed
        if since < 0:
            return self._refreshed
        return self._listed + (LISTING if since > RESTLESS else min(max(RESTLESS_PAUSE, since), LONGEST_PAUSE))

    def _is_restless(self) -> bool:
        return time.monotonic() - self._refreshed < RESTLESS

    def _start_again(self) -> None:
        """Starts load balancers that were ended, as Docker does with those that crash. No plan can: the one at work
        may be waiting for their targets."""
        wanted = front_specs(self.state) if self.state is not None else {}
        for balancer in wanted if not self._stands_down.is_set() else ():
            front = front_in(self._observed, balancer)
            if front is None or not _was_killed(front):
                continue
            with self._configuring, contextlib.suppress(EngineError):  # it may be removed by now
                log.info("%s has ended (%s) and is started again", front.name, front.exit_code)
                self.engine.start(front.name)

    def _look_at(self, monitor: BalancerMonitor, leaving: Mapping[str, float], now: float) -> float:
        """One round at one load balancer; returns the seconds until it is to be looked at again."""
        front = front_in(self._observed, monitor.balancer)
        if front is None:
            monitor.lose_sight()
            return IDLE
        try:
            changed, told = monitor.look(self._observed, leaving, now)
        except (CopilotLocalError, OSError) as error:  # it is starting, going, or hangs
            log.debug("the %s load balancer does not answer: %s", monitor.balancer, error)
            if monitor.lose_sight():
                self.on_verdict()
            self._start_anew_where_deaf(front, monitor.balancer, now)
            return AWAITED if self._is_restless() else BUSY
        self._silent_since.pop(monitor.balancer, None)
        if changed:
            self.on_verdict()
        if (waited := monitor.waited(now)) is not None:
            return min(max(AWAITED, waited * AWAITED_SHARE), IDLE)
        return IDLE if not told and not self._is_restless() else BUSY

    def _start_anew_where_deaf(self, front: Container, balancer: Balancer, now: float) -> None:
        """Starts a load balancer anew that has run without an answer for `DEAF` seconds: it hangs, and Docker, which
        sees its process, does nothing."""
        if front.state is not ContainerState.RUNNING or self._stands_down.is_set():
            self._silent_since.pop(balancer, None)
            return
        if now - self._silent_since.setdefault(balancer, now) < DEAF:
            return
        del self._silent_since[balancer]
        log.warning("%s has not answered for %.0f s and is started anew", front.name, DEAF)
        with self._configuring, contextlib.suppress(EngineError):  # it may be removed by now
            self.engine.stop(front.name, STOP_TIMEOUT)
            self.engine.start(front.name)

    def _registered(self, now: float) -> tuple[frozenset[str], frozenset[str]]:
        """The tasks that have a target, and those whose targets drain."""
        known = {health.name for health in self._health() if health.state is not TargetState.DRAINING}
        with self._changed:
            draining = frozenset(task_id for task_id, until in self._leaving.items() if until > now)
        return frozenset(t.id for t in self._observed.tasks.values() if target_name(t) in known), draining

    def _leaving_targets(self, now: float) -> dict[str, float]:
        """By the name of a target that is leaving, until when it drains; those that are done draining are past it."""
        with self._changed:
            found = {
                target_name(self._observed.tasks[task_id]): until
                for task_id, until in self._leaving.items()
                if task_id in self._observed.tasks
            }
            self._leaving = {t: until for t, until in self._leaving.items() if t in self._observed.tasks or until > now}
        return found


def _was_killed(front: Container) -> bool:
    return front.state is ContainerState.EXITED and front.exit_code in SIGNALLED


def _failing(desired: DesiredService, health: TargetHealth) -> FailingTarget | None:
    service, options = desired.service, desired.options
    group = next((group for group in service.target_groups if group.name == health.target_group), None)
    if group is None:
        return None  # the service is desired otherwise since it was checked
    balancer = LoadBalancerName(service.app, service.environment, options.region, options.account)
    arn = balancer.target_group_arn(service.name, health.target_group)
    return FailingTarget(arn, group.container_port, health.description)
