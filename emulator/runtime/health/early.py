"""Container health checks before their first success, where times are local.

Docker lets the whole interval go by before it checks a container for the first time, and before each further time. What
the agent does instead until a check has succeeded once: it runs the check itself, at once and every second. One success
makes a container healthy, as with Docker and ECS; from Docker's own first verdict on, that alone counts, with the
check's own interval, retries and start period. A failure before that counts for nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import Container, Health
from emulator.runtime.health.reasons import CheckResult
from emulator.runtime.state.observed import Member, Observed, Task, sort_containers

if TYPE_CHECKING:
    from emulator.ecs.task_definition import HealthCheck


def check_command(check: HealthCheck | None) -> tuple[str, ...] | None:
    """The command of a check as Docker runs it inside the container; None where there is none."""
    kind, *words = check.command if check is not None and check.command else ("NONE",)
    if kind == "CMD-SHELL" and words:
        return ("/bin/sh", "-c", words[0])
    return tuple(words) if kind == "CMD" and words else None


def results_from(status: Mapping[str, Any]) -> dict[str, CheckResult]:
    """The results of checks in the agent's status, by container id. An agent of an older version has none."""
    return {name: CheckResult(**content) for name, content in status.get("checks", {}).items()}


def judged_container(container: Container, checks: Mapping[str, CheckResult]) -> Container:
    """The container, healthy where its check has succeeded and Docker has no verdict yet."""
    result = checks.get(container.id)
    if container.health is Health.STARTING and result is not None and result.passed:
        return replace(container, health=Health.HEALTHY)
    return container


def judged(observed: Observed, checks: Mapping[str, CheckResult]) -> Observed:
    """What runs, with the results of checks that Docker has no verdict for yet."""
    return sort_containers([judged_container(container, checks) for container in observed.containers])


def judged_task(task: Task, checks: Mapping[str, CheckResult]) -> Task:
    """The same for one task."""
    members = {name: Member(judged_container(member.container, checks)) for name, member in task.members.items()}
    return replace(task, members=members)


def starting(tasks: Sequence[Task]) -> bool:
    """Whether any container has a health check without a verdict."""
    return any(member.container.health is Health.STARTING for task in tasks for member in task.members.values())
