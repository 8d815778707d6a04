"""The deployments of each service: their records, as DescribeServices shows them, and ECS's circuit breaker.

Sources: the ECS API reference (Deployment, DeploymentCircuitBreaker, ServiceDeployment), the developer guide ("How the
Amazon ECS deployment circuit breaker detects failures", "service event messages") and AWS's announcement of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.agent.scheduler.described import reasons
from emulator.agent.scheduler.described.events import deployment_event, stage_words, steady_event
from emulator.agent.scheduler.described.messages import ServiceMessages
from emulator.agent.scheduler.described.summary import deployment_summary
from emulator.agent.scheduler.rollout_records import Former, Kept, Rollout, RolloutFile, State, Target, of_deployment
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.observed import Observed, Task

if TYPE_CHECKING:
    from emulator.agent.scheduler.rollout_records import Hook

Healthy = Callable[[Task, DesiredService], bool | None]
"""Whether a task is healthy by all that judges it; None where nothing does."""


class Rollouts:
    """The deployments of an environment's services. Thread-safe.

    `clock` gives seconds. `settle` is how many seconds a task that nothing judges has to run to count as healthy.
    `record` takes events in EventBridge's shape. `file` keeps the records for the next agent.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        settle: float,
        record: Callable[[dict[str, Any]], None],
        file: Path,
    ) -> None:
        self._clock = clock
        self._settle = settle
        self._record = record
        self._file = RolloutFile(file)
        self._lock = threading.RLock()
        kept = self._file.read()
        self._current = kept.current
        """By service, its PRIMARY deployment."""
        self._former = kept.former
        """By service, the others that still have tasks, the newest first."""
        self._ended = kept.ended
        """By service, the last service deployments, the newest first."""
        self._targets = kept.targets
        """By service, what its last successful deployment was made of."""
        self._messages = ServiceMessages()
        self._since: dict[str, float] = {}
        """Task id to when it was first seen running."""
        self._healthy: set[str] = set()
        """Ids of tasks that have been healthy."""
        self._counted: set[str] = set()
        """Ids of tasks that have failed."""
        self._steady: dict[str, bool] = {}

    def _keep(self) -> None:
        self._file.write(Kept(self._current, self._former, self._ended, self._targets))

    # what begins and ends

    def targets(self) -> dict[str, DesiredService]:
        """What each service is rolled back to, by its name."""
        with self._lock:
            return {name: target.desired for name, target in self._targets.items()}

    def give_back(self, private: Private, lost: Iterable[str]) -> None:
        """The private values of what services are rolled back to, which stand in no file; `lost` have none any more,
        and are not rolled back."""
        with self._lock:
            for name in lost:
                self._targets.pop(name, None)
            for name, target in self._targets.items():
                self._targets[name] = Target.of(target.desired, private, target.id)

    def adopt(self, state: DesiredState) -> None:
        """Deployments of services that ran before this agent was there: those without a record have succeeded."""
        with self._lock:
            for name, desired in state.services.items():
                known = self._current.get(name)
                if desired.service.schedule is None and (known is None or known.hash != desired.config_hash()):
                    self._current[name] = Rollout.of(desired, state.cluster, State.COMPLETED)

    def adopt_unknown(self, state: DesiredState) -> None:
        """Deployments of services that no command has told of begin now."""
        with self._lock:
            self.begin(state, [name for name in state.services if name not in self._current])

    def begin(
        self,
        state: DesiredState,
        services: Iterable[str],
        before: DesiredState | None = None,
        private: Private | None = None,
        *,
        again: bool = False,
    ) -> list[str]:
        """A deployment of each of these services that differs from what was desired `before` begins, and of each whose
        last one has failed; `again`: or is about to, since tasks of it have failed. `private` are the values before.
        Returns the services."""
        begun = []
        with self._lock:
            for name in services:
                desired = state.services.get(name)
                if desired is None or desired.service.schedule is not None:
                    continue
                known, old = self._current.get(name), before.services.get(name) if before is not None else None
                same = old is not None and old.config_hash() == desired.config_hash()
                failing = again and known is not None and known.state is State.IN_PROGRESS and known.failures > 0
                if same and known is not None and known.state is not State.FAILED and not failing:
                    self._hear_of_count(name, desired)
                    known.wanted = True
                    continue
                if old is not None and known is not None and known.state is not State.FAILED:
                    good = self._targets.get(name)
                    if good is None or good.desired.config_hash() == old.config_hash():
                        # It may have been scaled since.
                        self._targets[name] = Target.of(old, private or Private(), (good or known).id)
                self._replace(desired, state.cluster)
                begun.append(name)
            self._keep()
        return begun

    def _replace(self, desired: DesiredService, cluster: str, reason: str = "", *, rolls_back: str = "") -> Rollout:
        name = desired.service.name
        if (old := self._current.get(name)) is not None:
            self._former.setdefault(name, []).insert(0, old)
            if old.state is State.IN_PROGRESS:
                self._end(old, "STOPPED")
        new = self._current[name] = Rollout.of(desired, cluster, State.IN_PROGRESS, reason, rolls_back=rolls_back)
        self._steady[name] = False
        self._tell(new, "INFO", "IN_PROGRESS", f"ECS deployment {new.id} in progress.")
        return new

    def _hear_of_count(self, name: str, desired: DesiredService) -> None:
        current = self._current[name]
        if current.desired != desired.desired_count:
            current.desired, self._steady[name] = desired.desired_count, False

    def forget(self, name: str) -> None:
        """A service is not wanted any more."""
        with self._lock:
            for known in (self._current, self._former, self._ended, self._targets):
                known.pop(name, None)
            self._messages.forget(name)
            self._keep()

    def give_up(self, name: str, why: str, state: DesiredState) -> None:
        """The deployment of a service fails for another reason than its tasks. `state`: what is desired from now on."""
        with self._lock:
            current = self._current.get(name)
            if current is not None and current.state is State.IN_PROGRESS:
                self._fail(current, why)
            desired = state.services.get(name)
            if current is not None and desired is not None:
                self._end(current, "ROLLBACK_SUCCESSFUL")
                former = self._former.get(name, [])
                kept = next((one for one in former if one.hash == desired.config_hash()), None)
                self._former[name] = [current, *(one for one in former if one is not kept)]
                self._current[name] = kept or Rollout.of(desired, state.cluster, State.COMPLETED)
            else:
                self._current.pop(name, None)
            self._keep()

    # the circuit breaker

    def failed(self, desired: DesiredService, task: Task, why: str) -> bool:
        """A task of a service's deployment has failed. Returns whether that trips the circuit breaker."""
        with self._lock:
            current = self._current.get(desired.service.name)
            if current is None or current.state is not State.IN_PROGRESS or not of_deployment(task, desired):
                return False
            if task.id in self._healthy or task.id in self._counted:
                return False
            self._counted.add(task.id)
            current.failed_tasks += 1
            current.failures += 1
            current.last_failure = why
            current.touch()
            breaker = desired.service.deployment.breaker
            if not breaker.enable or desired.is_attended or current.failures < breaker.threshold(desired.desired_count):
                return False
            self._fail(current, reasons.TASKS_FAILED)
            if breaker.rollback and not current.rolls_back and self.target_of(desired) is None:
                self._end(current, "ROLLBACK_FAILED", reasons.NO_CANDIDATE)
            return True

    def failures_of(self, desired: DesiredService) -> tuple[int, int]:
        """How many failed tasks the circuit breaker counts of a service's deployment, and how many trip it."""
        with self._lock:
            current = self._current.get(desired.service.name)
            most = desired.service.deployment.breaker.threshold(desired.desired_count)
            return (current.failures if current is not None else 0, most)

    def unhealthy(self, name: str, message: str) -> None:
        """A service's event says that one of its tasks is unhealthy, and is replaced."""
        with self._lock:
            self._messages.unhealthy(name, message)

    def was_healthy(self, task: Task) -> bool:
        """Whether a task has been healthy: the circuit breaker does not count it then."""
        return task.id in self._healthy

    def _fail(self, rollout: Rollout, why: str) -> None:
        rollout.fail(why)
        name = rollout.service
        short = why.rpartition(": ")[2].rstrip(".")
        self._messages.say(name, f"(deployment {rollout.id}) deployment failed: {short[:1].lower()}{short[1:]}.")
        self._tell(rollout, "ERROR", "FAILED", why)
        for one in self._ended_of(rollout, rollout.rolls_back):
            one.end("ROLLBACK_FAILED")
        self._end(rollout, "STOPPED")
        self._keep()

    def at(self, name: str, stage: str, *, part: float | None = None, hook: Hook | None = None) -> None:
        """A service's deployment is at a stage, with `part` of the requests on its tasks; it waits at `hook`."""
        with self._lock:
            if (current := self._current.get(name)) is None or current.state is not State.IN_PROGRESS:
                return
            if current.reach(stage, part, hook):
                words = stage_words(current)
                self._messages.say(name, f"(deployment {current.id}) {words}.")
                self._tell(current, "INFO", "IN_PROGRESS", f"ECS deployment {current.id} {words}.")
            self._keep()

    def fail(self, name: str, why: str = "") -> None:
        """The deployment of a service fails because its user says so, or for another reason than its tasks."""
        with self._lock:
            if (current := self._current.get(name)) is not None and current.state is State.IN_PROGRESS:
                self._fail(current, f"ECS deployment rolled back: {why}." if why else reasons.BY_USER)

    def target_of(self, desired: DesiredService, *, asked: bool = False) -> Target | None:
        """What a failed deployment is rolled back to, if it is; `asked`: whatever its circuit breaker does."""
        with self._lock:
            current = self._current.get(desired.service.name)
            rolls_back = asked or desired.service.deployment.breaker.rollback
            if current is None or current.rolls_back or not rolls_back:
                return None
            return self._targets.get(desired.service.name)

    def roll_back(self, desired: DesiredService, cluster: str) -> None:
        """A service goes back to this, which was its last successful deployment."""
        with self._lock:
            name = desired.service.name
            failed = self._current[name]
            target = self._targets.get(name)
            good = target.id if target is not None and target.id else failed.id
            self._messages.say(name, f"rolling back to deployment {good}.")
            broken = failed.reason == reasons.TASKS_FAILED
            for one in self._ended_of(failed, failed.id):
                one.roll_back(good, reasons.BROKEN if broken else failed.reason)
            self._replace(desired, cluster, reasons.ROLLS_BACK.format(good) if broken else "", rolls_back=failed.id)
            self._keep()

    def stalled(self) -> list[str]:
        """The services that get no new task: their deployment has failed, and there is nothing to go back to."""
        with self._lock:
            return [name for name, current in self._current.items() if current.state is State.FAILED]

    def state_of(self, name: str) -> Rollout | None:
        """The PRIMARY deployment of a service."""
        with self._lock:
            return self._current.get(name)

    # what is seen

    def look(self, state: DesiredState, observed: Observed, healthy: Healthy, private: Private) -> None:
        """Brings every record up to date with the listing."""
        with self._lock:
            present = set(observed.tasks)
            for gone in (self._healthy, self._counted):
                gone &= present
            self._since = {task: since for task, since in self._since.items() if task in present}
            changed = False
            for name, desired in state.services.items():
                current = self._current.get(name)
                if current is not None and desired.service.schedule is None:
                    changed = self._look_at(current, desired, observed.tasks_of(name), healthy, private) or changed
            if changed:
                self._keep()

    def _look_at(
        self, current: Rollout, desired: DesiredService, tasks: list[Task], healthy: Healthy, private: Private
    ) -> bool:
        name = desired.service.name
        self._messages.tasks(name, {task.id for task in tasks})
        self._hear_of_count(name, desired)
        mine = [task for task in tasks if of_deployment(task, desired)]
        good = [task for task in mine if self._is_healthy(task, desired, healthy)]
        for task in good:
            if task.id not in self._healthy:
                self._healthy.add(task.id)
                if current.state is State.IN_PROGRESS and desired.service.deployment.breaker.reset_on_healthy_task:
                    current.failures = 0
        current.follow(desired)
        current.count(mine)
        kept = []
        for old in self._former.get(name, []):
            its = [task for task in tasks if task.config_hash == old.hash and task not in mine]
            old.count(its)
            if its:  # also where they have stopped and are not gone yet
                kept.append(old)
        self._former[name] = kept
        steady = len(good) == len(tasks) == desired.desired_count and not kept
        before = (current.state, self._steady.get(name))
        if steady and current.state is State.IN_PROGRESS:
            self._complete(current, desired, private)
        elif current.state is State.COMPLETED and name not in self._targets and steady:
            self._targets[name] = Target.of(desired, private, current.id)
        if steady and not self._steady.get(name) and current.state is State.COMPLETED:
            self._messages.say(name, "has reached a steady state.")
            self._record(steady_event(current))
        self._steady[name] = steady
        return before != (current.state, steady)

    def _complete(self, current: Rollout, desired: DesiredService, private: Private) -> None:
        current.complete()
        before = self._targets.get(desired.service.name)
        # A rollback brings no revision of its own.
        id_ = before.id if current.rolls_back and before is not None else current.id
        self._targets[desired.service.name] = Target.of(desired, private, id_)
        self._messages.say(current.service, f"(deployment {current.id}) deployment completed.")
        self._tell(current, "INFO", "COMPLETED", f"ECS deployment {current.id} completed.")
        if current.rolls_back:
            for one in self._ended_of(current, current.rolls_back):
                one.end("ROLLBACK_SUCCESSFUL")
        else:
            self._end(current, "SUCCESSFUL")

    def _is_healthy(self, task: Task, desired: DesiredService, healthy: Healthy) -> bool:
        verdict = healthy(task, desired)
        if verdict is not None:
            self._since.pop(task.id, None)
            return verdict
        since = self._since.setdefault(task.id, self._clock())
        return self._clock() - since >= self._settle

    def next_verdict(self) -> list[float]:
        """Seconds until each task that nothing judges has run for long enough."""
        with self._lock:
            now = self._clock()
            left = (since + self._settle - now for task, since in self._since.items() if task not in self._healthy)
            return [seconds + 0.01 for seconds in left]

    # what is told

    def deployment_id(self, task: Task) -> str:
        """The deployment that a task belongs to; empty where none does."""
        with self._lock:
            current = self._current.get(task.service)
            for one in (*([current] if current else []), *self._former.get(task.service, [])):
                if one.hash == task.config_hash:
                    return one.id
            return current.id if current is not None else ""

    def as_plain(self, name: str) -> dict[str, Any]:
        """Of a service: `deployments` and `events` of DescribeServices, and its last `serviceDeployments`."""
        with self._lock:
            current = self._current.get(name)
            deployments = [current.as_plain("PRIMARY")] if current is not None else []
            deployments += [old.as_plain("ACTIVE") for old in self._former.get(name, [])]
            ended = [one.as_plain() for one in self._ended.get(name, [])]
            if current is not None and current.state is State.IN_PROGRESS and not current.rolls_back:
                ended.insert(0, Former.of(current, "IN_PROGRESS").as_plain())
            return {"deployments": deployments, "events": self._messages.of(name), "serviceDeployments": ended}

    def summary(self, desired: DesiredService) -> dict[str, Any]:
        """Of a service, in the agent's status: where its deployment stands."""
        with self._lock:
            if (current := self._current.get(desired.service.name)) is None:
                return {}
            last = next(iter(self._ended.get(desired.service.name, [])), None)
            return deployment_summary(current, last, desired.service.deployment)

    def _tell(self, rollout: Rollout, kind: str, name: str, reason: str) -> None:
        self._record(deployment_event(rollout, kind, f"SERVICE_DEPLOYMENT_{name}", reason))

    def _end(self, rollout: Rollout, status: str, reason: str = "") -> None:
        ended = self._ended.setdefault(rollout.service, [])
        if known := self._ended_of(rollout, rollout.id):
            known[0].end(status, reason)
        elif not rollout.rolls_back:
            ended.insert(0, Former.of(rollout, status, reason))
            del ended[10:]

    def _ended_of(self, rollout: Rollout, id_: str) -> list[Former]:
        """The service deployment with the id of a deployment, if there is one."""
        return [one for one in self._ended.get(rollout.service, []) if one.id == id_]
