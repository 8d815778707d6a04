"""What is known of one deployment, and how that is kept for the next agent."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.agent.scheduler.described.configuration import described_configuration
from emulator.agent.scheduler.described.reasons import TASKS_FAILED
from emulator.ecs.identity import ecs_arn, service_arn, task_definition_arn
from emulator.model import from_plain, to_plain
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.observed import Task
from emulator.runtime.state.task_role import TaskRole


class State(enum.StrEnum):
    """ECS's `rolloutState`."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


def of_deployment(task: Task, desired: DesiredService) -> bool:
    """Whether a task is made as a service is desired now."""
    return task.config_hash in desired.accepted_hashes()


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_number() -> int:
    """The number that a deployment and its service revision share: 19 digits."""
    return 10**18 + secrets.randbelow(9 * 10**18)


@dataclass(frozen=True, slots=True)
class Hook:
    """A PAUSE hook that a deployment waits at. Times are ISO 8601."""

    id: str
    expires: str
    on_timeout: str

    def as_plain(self) -> dict[str, Any]:
        """DescribeServiceDeployments' `DeploymentLifecycleHookDetail`."""
        return {
            "hookId": self.id,
            "targetType": "PAUSE",
            "status": "AWAITING_ACTION",
            "expiresAt": self.expires,
            "timeoutAction": self.on_timeout,
        }


@dataclass(slots=True)
class Rollout:
    """One deployment of a service. Times are ISO 8601."""

    number: int
    service: str
    service_arn: str
    task_definition: str
    """ARN."""
    revision: int
    hash: str
    desired: int
    state: State
    reason: str
    created: str
    updated: str
    rolls_back: str = ""
    """The failed deployment whose place it takes."""
    wanted: bool = False
    """A command has asked for it since."""
    failed_tasks: int = 0
    failures: int = 0
    """Failed tasks as the circuit breaker counts them."""
    threshold: int = 0
    breaker: bool = True
    last_failure: str = ""
    running: int = 0
    pending: int = 0
    configuration: dict[str, Any] = field(default_factory=dict)
    """DescribeServiceDeployments' `deploymentConfiguration`."""
    stage: str = ""
    """Its lifecycle stage, where its strategy shifts traffic."""
    part: float = 0.0
    """The part (0 to 1) of the requests that go to its tasks meanwhile."""
    hook: Hook | None = None

    @classmethod
    def of(
        cls, desired: DesiredService, cluster: str, state: State, reason: str = "", *, rolls_back: str = ""
    ) -> Rollout:
        """A deployment that begins now, or (COMPLETED) is not known to have begun."""
        number, at, options = new_number(), now(), desired.options
        family = desired.service.task_definition.family
        words = {State.IN_PROGRESS: "in progress", State.COMPLETED: "completed", State.FAILED: "failed"}[state]
        breaker = desired.service.deployment.breaker
        return cls(
            number=number,
            service=desired.service.name,
            service_arn=service_arn(options.region, cluster, desired.service.name, options.account),
            task_definition=task_definition_arn(options.region, family, desired.revision, options.account),
            revision=desired.revision,
            hash=desired.config_hash(),
            desired=desired.desired_count,
            state=state,
            reason=reason or f"ECS deployment ecs-svc/{number} {words}.",
            created=at,
            updated=at,
            rolls_back=rolls_back,
            threshold=breaker.threshold(desired.desired_count),
            breaker=breaker.enable and not desired.is_attended,
            configuration=described_configuration(desired.service.deployment),
        )

    @property
    def strategy(self) -> str:
        """ROLLING, BLUE_GREEN, LINEAR or CANARY."""
        return str(self.configuration.get("strategy", "ROLLING"))

    @property
    def id(self) -> str:
        """As ECS names it: `ecs-svc/` and the number."""
        return f"ecs-svc/{self.number}"

    @property
    def revision_arn(self) -> str:
        """The ARN of the service revision that it brings."""
        head, _, path = self.service_arn.partition(":service/")
        return f"{head}:service-revision/{path}/{self.number}"

    def touch(self) -> None:
        """It has changed now."""
        self.updated = now()

    def follow(self, desired: DesiredService) -> None:
        """Its service is desired so, without another deployment."""
        self.desired, self.revision, self.hash = desired.desired_count, desired.revision, desired.config_hash()
        self.threshold = desired.service.deployment.breaker.threshold(self.desired)

    def reach(self, stage: str, part: float | None, hook: Hook | None) -> bool:
        """It is at a stage, with `part` of the requests on its tasks (None: as before), and waits at `hook`. Returns
        whether that is news."""
        before = (self.stage, self.part)
        self.stage, self.hook = stage, hook
        self.part = self.part if part is None else part
        self.touch()
        return before != (self.stage, self.part) or hook is not None

    def fail(self, why: str) -> None:
        """It has failed."""
        self.state, self.reason = State.FAILED, why
        self.touch()

    def complete(self) -> None:
        """It has reached its aim."""
        self.state, self.reason = State.COMPLETED, f"ECS deployment {self.id} completed."
        self.touch()

    def count(self, tasks: Iterable[Task]) -> None:
        """These tasks are its own."""
        tasks = list(tasks)
        begun = [task for task in tasks if task.members and all(one.started for one in task.members.values())]
        running = sum(1 for task in begun if task.fault(()) is None)
        pending = sum(1 for task in tasks if task.fault(()) is None) - running
        if (running, pending) != (self.running, self.pending):
            self.running, self.pending = running, pending
            self.touch()

    def as_plain(self, status: str) -> dict[str, Any]:
        """DescribeServices' `Deployment`."""
        return {
            "id": self.id,
            "status": status,
            "taskDefinition": self.task_definition,
            "desiredCount": self.desired if status == "PRIMARY" else 0,
            "pendingCount": self.pending,
            "runningCount": self.running,
            "failedTasks": self.failed_tasks,
            "createdAt": self.created,
            "updatedAt": self.updated,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "rolloutState": self.state.value,
            "rolloutStateReason": self.reason,
        }


_BREAKERS = {"IN_PROGRESS": "MONITORING", "SUCCESSFUL": "MONITORING_COMPLETE", "STOPPED": "MONITORING_COMPLETE"}


@dataclass(slots=True)
class Former:
    """A service deployment: one attempt to bring a revision, with its rollback."""

    rollout: Rollout
    status: str
    finished: str = ""
    reason: str = ""
    """Why it is rolled back; empty where it is not."""
    rollback: dict[str, str] = field(default_factory=dict)
    """DescribeServiceDeployments' `rollback`."""

    @classmethod
    def of(cls, rollout: Rollout, status: str, reason: str = "") -> Former:
        """As it is now; over unless it is in progress."""
        found = cls(rollout, status)
        found.end(status, reason)
        return found

    @property
    def id(self) -> str:
        """Of its deployment."""
        return self.rollout.id

    def end(self, status: str, reason: str = "") -> None:
        """It has come to this, for a reason where it is another one than before."""
        self.status, self.reason = status, reason or self.reason
        self.finished = "" if status.endswith("IN_PROGRESS") else now()

    def roll_back(self, to: str, reason: str) -> None:
        """It is rolled back from now on, to what the deployment with the id `to` brought."""
        arn = f"{self.rollout.revision_arn.rpartition('/')[0]}/{to.rpartition('/')[2]}"
        self.end("ROLLBACK_IN_PROGRESS", reason)
        self.rollback = {"reason": reason, "startedAt": now(), "serviceRevisionArn": arn}

    def why(self) -> str:
        """What it failed of, in one line."""
        failed, last = self.rollout.failed_tasks, self.rollout.last_failure
        return f"{self.rollout.reason.rstrip('.')} ({failed} failed: {last})" if last else self.rollout.reason

    def as_plain(self) -> dict[str, Any]:
        """DescribeServiceDeployments' `ServiceDeployment`."""
        rollout = self.rollout
        triggered = rollout.state is State.FAILED and rollout.reason == TASKS_FAILED
        breaker = "TRIGGERED" if triggered else _BREAKERS.get(self.status, "MONITORING_COMPLETE")
        found: dict[str, Any] = {
            "serviceDeploymentArn": rollout.revision_arn.replace(":service-revision/", ":service-deployment/"),
            "serviceArn": rollout.service_arn,
            "clusterArn": cluster_of(rollout.service_arn),
            "taskDefinition": rollout.task_definition,
            "status": self.status,
            "statusReason": self.reason or rollout.reason,
            "createdAt": rollout.created,
            "startedAt": rollout.created,
            "updatedAt": rollout.updated,
            "targetServiceRevision": {
                "arn": rollout.revision_arn,
                "requestedTaskCount": rollout.desired,
                "runningTaskCount": rollout.running,
                "pendingTaskCount": rollout.pending,
            },
            "deploymentCircuitBreaker": {
                "status": breaker if rollout.breaker else "DISABLED",
                "failureCount": rollout.failures,
                "threshold": rollout.threshold,
            },
        }
        if rollout.configuration:
            found["deploymentConfiguration"] = rollout.configuration
        if rollout.stage and rollout.state is State.IN_PROGRESS:
            found["lifecycleStage"] = rollout.stage
        if rollout.hook is not None:
            found["lifecycleHookDetails"] = [rollout.hook.as_plain()]
        if self.rollback:
            found["rollback"] = self.rollback
        if self.finished:
            found["finishedAt"] = self.finished
        return found


def cluster_of(arn: str) -> str:
    """The ARN of the cluster that a service is in."""
    _, _, _, region, account, path = arn.split(":", 5)
    return ecs_arn(region, f"cluster/{path.split('/')[1]}", account)


@dataclass(frozen=True, slots=True)
class Target:
    """What a service is rolled back to: its last successful deployment, with its private values."""

    desired: DesiredService
    values: Mapping[str, dict[str, str]] = field(repr=False)
    role: TaskRole | None = field(repr=False)
    certificate: str | None = field(repr=False)
    id: str = ""

    @classmethod
    def of(cls, desired: DesiredService, private: Private, id: str = "") -> Target:
        """A service as it is, with what of the private values is its own."""
        name = desired.service.name
        values = private.services.get(name, {})
        return cls(desired, values, private.task_roles.get(name), private.certificates.get(name), id)

    def private(self, present: Private) -> Private:
        """The private values with these in place of the service's present ones."""
        name = self.desired.service.name
        roles = {key: role for key, role in present.task_roles.items() if key != name}
        certificates = {key: text for key, text in present.certificates.items() if key != name}
        return Private(
            services={**present.services, name: dict(self.values)},
            task_roles={**roles, **({name: self.role} if self.role is not None else {})},
            certificates={**certificates, **({name: self.certificate} if self.certificate is not None else {})},
        )

    def as_kept(self) -> dict[str, Any]:
        """What stands in the file: no private value."""
        return {"desired": to_plain(self.desired), "id": self.id}


def with_values_of(present: Private, state: DesiredState, private: Private, services: Iterable[str]) -> Private:
    """The private values as they are, with those that services had when `state` was desired."""
    for name in services:
        if name in state.services:
            present = Target.of(state.services[name], private).private(present)
    return present


@dataclass(slots=True)
class Kept:
    """What the next agent has to know, by service."""

    current: dict[str, Rollout] = field(default_factory=dict)
    """The PRIMARY deployments."""
    former: dict[str, list[Rollout]] = field(default_factory=dict)
    """The others that still have tasks."""
    ended: dict[str, list[Former]] = field(default_factory=dict)
    """The last service deployments."""
    targets: dict[str, Target] = field(default_factory=dict)
    """What services are rolled back to, in the file without its private values."""


class RolloutFile:
    """The records as a file on the agent's volume. Nothing ends because it cannot be written or read: a deployment
    without a record counts as successful."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Kept:
        """What was written last; nothing where that cannot be read."""
        try:
            content = json.loads(self._path.read_bytes())
            current = {name: _rollout(one) for name, one in content["current"].items()}
            former = {name: [_rollout(one) for one in found] for name, found in content.get("former", {}).items()}
            ended = {
                name: [Former(**{**one, "rollout": _rollout(one["rollout"])}) for one in found]
                for name, found in content["ended"].items()
            }
            targets = {
                name: Target.of(from_plain(DesiredService, one["desired"]), Private(), one["id"])
                for name, one in content.get("targets", {}).items()
            }
        except (OSError, ValueError, TypeError, KeyError):
            return Kept()
        return Kept(current, former, ended, targets)

    def write(self, kept: Kept) -> None:
        """Replaces the file."""
        content = {
            "current": {name: asdict(one) for name, one in kept.current.items()},
            "former": {name: [asdict(one) for one in found] for name, found in kept.former.items()},
            "ended": {name: [asdict(one) for one in found] for name, found in kept.ended.items()},
            "targets": {name: one.as_kept() for name, one in kept.targets.items()},
        }
        new = self._path.with_suffix(".new-records")
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(content))
            os.replace(new, self._path)
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _rollout(content: Mapping[str, Any]) -> Rollout:
    return Rollout(**{**content, "state": State(content["state"]), "hook": None})
