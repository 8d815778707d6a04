"""The health of targets in the load balancer's own words: states, reason codes, descriptions.

Source: the elbv2 API (DescribeTargetHealth) and the user guide on target group health checks.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.ecs.service import Service
from emulator.frontdoor.haproxy.admin import Server, View
from emulator.frontdoor.options import Target
from emulator.frontdoor.routing.rules import group_table


class TargetState(enum.StrEnum):
    """The states of the elbv2 API that a local target can be in."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    UNUSED = "unused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """The health of one target; no reason while it is healthy."""

    name: str
    service: str
    target_group: str
    state: TargetState
    reason_code: str = ""
    description: str = ""
    check: str = ""
    """The result of the last check in HAProxy's words (`L7STS`, `L4CON`), before there is a verdict too."""
    code: int | None = None
    """The status of the last check, where it failed over that."""


_REGISTERING = (TargetState.INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress")
_CHECKING = (TargetState.INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress")
_DRAINING = (TargetState.DRAINING, "Target.DeregistrationInProgress", "Target deregistration is in progress")
_NOT_IN_USE = (
    TargetState.UNUSED,
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_NO_ANSWER = (TargetState.UNAVAILABLE, "Elb.InternalError", "Health checks failed due to an internal error")
_UNKNOWN_CODE = (TargetState.UNHEALTHY, "Target.ResponseCodeMismatch", "Health checks failed")
_TIMEOUTS = ("L4TOUT", "L6TOUT", "L7TOUT")


def target_health(
    services: Sequence[Service],
    servers: Sequence[Server],
    targets: Sequence[Target],
    draining: Sequence[Target],
    previous: Sequence[TargetHealth] = (),
) -> list[TargetHealth]:
    """The health of every target, in the order given, those that are draining last.

    `previous` is what this function said last: HAProxy forgets the code of a failed check while the next one runs.
    """
    groups = group_table(services)
    known = {(item.service, item.target_group, item.name): item for item in previous}
    result = []
    for target in targets:
        group = groups.get((target.service, target.target_group))
        view = View(servers, target)
        before = known.get((target.service, target.target_group, target.name))
        if group is None:
            verdict = _NOT_IN_USE
        elif view.outdated or not view.servers:
            verdict = _REGISTERING
        elif view.main is not None:
            verdict = _judged(view.main)
        elif view.initial is not None and view.fallback is not None:
            verdict = _unhealthy(view.initial)
        else:
            # Also where a verdict is there, but what follows from it (requests or none) is not in force yet.
            verdict = _CHECKING
        if verdict == _UNKNOWN_CODE and before is not None and before.reason_code == verdict[1]:
            verdict = (before.state, before.reason_code, before.description)
        last_check = _last_check(view, before)
        result.append(TargetHealth(target.name, target.service, target.target_group, *verdict, *last_check))
    result += [TargetHealth(target.name, target.service, target.target_group, *_DRAINING) for target in draining]
    return result


def unanswered(previous: Sequence[TargetHealth]) -> list[TargetHealth]:
    """The health of the same targets while the load balancer does not answer: what it said last is not known to hold.

    Not `unhealthy`: no task is replaced over a load balancer that is down.
    """
    return [TargetHealth(item.name, item.service, item.target_group, *_NO_ANSWER) for item in previous]


def _last_check(view: View, before: TargetHealth | None) -> tuple[str, int | None]:
    """The result of the last check that has ended, and its status."""
    server = view.main or view.initial
    if server is None or view.outdated or server.check_status in ("", "INI"):
        return ("", None)
    code = server.check_code
    if code is None and before is not None and before.check == server.check_status:
        code = before.code
    return (server.check_status, code)


def _judged(server: Server) -> tuple[TargetState, str, str]:
    if server.status.startswith("UP"):
        return (TargetState.HEALTHY, "", "")
    return _unhealthy(server)


def _unhealthy(server: Server) -> tuple[TargetState, str, str]:
    if server.check_status == "L7STS":
        if server.check_code is None:
            return _UNKNOWN_CODE
        description = f"Health checks failed with these codes: [{server.check_code}]"
        return (TargetState.UNHEALTHY, "Target.ResponseCodeMismatch", description)
    if server.check_status in _TIMEOUTS:
        return (TargetState.UNHEALTHY, "Target.Timeout", "Request timed out")
    return (TargetState.UNHEALTHY, "Target.FailedHealthChecks", "Health checks failed")
