"""What is missing for an environment to be healthy, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from emulator.ecs.service import Service
from emulator.engine.interface import Container, ContainerState, Health
from emulator.runtime.state import names
from emulator.runtime.state.observed import sort_containers
from emulator.testing.readiness import missing

TASK = "0123456789abcdef"
LABELS = {names.SERVICE: "web", names.TASK: TASK, names.APP: "shop", names.ENVIRONMENT: "test"}


def pause() -> Container:
    labels = {**LABELS, names.ROLE: names.Role.PAUSE}
    return Container("p", "p", "busybox", ContainerState.RUNNING, "Up", labels, datetime.now(UTC))


def member(state: ContainerState = ContainerState.RUNNING, health: Health = Health.NONE) -> Container:
    labels = {**LABELS, names.ROLE: names.Role.MEMBER, names.CONTAINER: "web"}
    code = 1 if state is ContainerState.EXITED else None
    return Container("w", "w", "web", state, "", labels, datetime.now(UTC), exit_code=code, health=health)


def status(*targets: str, desired: int = 1, failure: str = "") -> dict[str, Any]:
    return {
        "services": {"web": {"desired_count": desired, "failure": failure}},
        "targets": [{"name": f"web-{TASK[:8]}", "state": state, "description": ""} for state in targets],
    }


def reasons(
    containers: list[Container], answer: dict[str, Any], services: dict[str, Service] | None = None
) -> list[str]:
    return missing(services or {}, sort_containers(containers), answer)


def test_a_task_that_runs_is_enough() -> None:
    assert reasons([pause(), member()], status("healthy")) == []


def test_a_task_that_lost_a_container_does_not_count() -> None:
    assert reasons([pause(), member(ContainerState.EXITED)], status()) == ["web runs 0 tasks of 1"]


def test_more_tasks_than_wanted_are_not_settled() -> None:
    assert reasons([pause(), member()], status("healthy", desired=0)) == ["web runs 1 tasks of 0"]


def test_health_of_containers_and_targets_is_waited_for() -> None:
    assert reasons([pause(), member(health=Health.STARTING)], status("initial")) == [
        "container web of web is starting",
        "target web-01234567 is initial",
    ]


def test_a_service_that_failed_for_good_is_told() -> None:
    assert reasons([pause(), member()], status("healthy", failure="its secrets are gone")) == [
        "web: its secrets are gone"
    ]


def test_a_task_that_is_known_to_be_dead_does_not_count_although_it_is_listed_as_running() -> None:
    assert missing({}, sort_containers([pause(), member()]), status("healthy"), {TASK}) == ["web runs 0 tasks of 1"]
