"""Container restart policies: a container that exits is started again in place, before its task is judged.

Source: the ECS agent's restart policy and the ECS developer guide: any exit code restarts, zero too, unless it is in
`ignoredExitCodes`; not within `restartAttemptPeriod` of the last start; the same container, with its file system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emulator.runtime.state import names
from emulator.runtime.state.observed import Member, Observed

if TYPE_CHECKING:
    from emulator.ecs.task_definition import ContainerDefinition

DEFAULT_PERIOD = 300
"""Seconds; the API takes 60 to 1800."""


@dataclass(frozen=True, slots=True)
class RestartRule:
    """When a container may be started again."""

    period: int
    ignored_exit_codes: frozenset[int]

    def label(self) -> str:
        """The rule as the text of a label: `period` or `period:code,code`."""
        codes = ",".join(str(code) for code in sorted(self.ignored_exit_codes))
        return f"{self.period}:{codes}" if codes else str(self.period)


def restart_rule(container: ContainerDefinition) -> RestartRule | None:
    """The rule of a container definition; None where nothing restarts it."""
    policy = container.restart_policy
    if policy is None or not policy.enabled:
        return None
    period = DEFAULT_PERIOD if policy.restart_attempt_period is None else policy.restart_attempt_period
    return RestartRule(period, frozenset(policy.ignored_exit_codes))


def rule_of(member: Member) -> RestartRule | None:
    """The rule that a container's label holds."""
    label = member.container.labels.get(names.RESTART_POLICY, "")
    if not label:
        return None
    period, _, codes = label.partition(":")
    return RestartRule(int(period), frozenset(int(code) for code in codes.split(",") if code))


def may_restart(member: Member) -> bool:
    """Whether its policy may start a container that has exited again, if it ran for long enough."""
    rule = rule_of(member)
    return rule is not None and not member.given_up and member.container.exit_code not in rule.ignored_exit_codes


def restartable(
    observed: Observed,
    started: Mapping[str, float],
    now: float,
    today: datetime | None = None,
    ended: Mapping[str, float] | None = None,
) -> list[Member]:
    """The exited containers that their policy starts again.

    `started` is when each container last started, by id, on the clock of `now`, in seconds. One that is not in it
    started before anybody looked: when it was made is all that is known then, against `today`, the time of day now.
    `ended` is when each exited; one that is not in it exited now.
    """
    due = []
    for task in observed.tasks.values():
        for member in task.members.values():
            rule, container = rule_of(member), member.container
            code = container.exit_code
            if rule is None or member.running or not member.started or member.given_up or code is None:
                continue
            if container.id in started:
                lived = (ended or {}).get(container.id, now) - started[container.id]
            else:
                lived = ((today or datetime.now(UTC)) - container.created).total_seconds()
            if code not in rule.ignored_exit_codes and lived >= rule.period:
                due.append(member)
    return due
