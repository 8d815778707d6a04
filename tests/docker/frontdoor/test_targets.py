"""Targets of a running front: health gating, failing open, draining, reloading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    LogGroup,
    PathPattern,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.frontdoor import Target

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import StartFront, Upstream

    Make = Callable[[str], Upstream]

pytestmark = pytest.mark.docker


def service(**group: object) -> Service:
    check = TargetHealthCheck(path="/health", interval=1, timeout=1, healthy_threshold=2, unhealthy_threshold=2)
    return Service(
        app="app",
        environment="test",
        name="web",
        type="Load Balanced Web Service",
        task_definition=TaskDefinition(
            family="app-test-web", container_definitions=[ContainerDefinition(name="web", image="web")]
        ),
        main_container="web",
        target_groups=[
            TargetGroup.model_validate(
                {"name": "default", "container_name": "web", "container_port": 80, "health_check": check, **group}
            )
        ],
        listener_rules=[
            ListenerRule(
                name="HTTPListenerRule",
                conditions=[PathPattern(values=["/*"])],
                action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
                root=True,
            )
        ],
        log_group=LogGroup(name="/copilot/app-test-web"),
    )


def target(upstream: Upstream) -> Target:
    return Target(upstream.name, "web", "default", "127.0.0.1", upstream.port)


def test_a_target_gets_requests_from_its_first_success_on(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()]), upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.step()
    assert front.get("/").status == 503
    one.health = 200
    front.settle(one="healthy")
    assert front.get("/").seen["target"] == "one"
