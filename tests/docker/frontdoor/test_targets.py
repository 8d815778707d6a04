"""Targets of a running front: health gating, failing open, draining, reloading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    PathPattern,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.frontdoor import Target
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Make, StartFront, Upstream

pytestmark = pytest.mark.docker


def service(**group: object) -> Service:
    check = TargetHealthCheck(path="/health", interval=1, timeout=1, healthy_threshold=2, unhealthy_threshold=2)
    rule = ListenerRule(
        name="HTTPListenerRule",
        conditions=[PathPattern(values=["/*"])],
        action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
        root=True,
    )
    settings = {"name": "default", "container_name": SERVICE, "container_port": 80, "health_check": check, **group}
    return service_with([rule], [TargetGroup.model_validate(settings)])


def target(upstream: Upstream) -> Target:
    return Target(upstream.name, SERVICE, "default", "127.0.0.1", upstream.port)


def test_a_target_gets_requests_from_its_first_success_on(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()]), upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.step()
    assert front.get("/").status == 503
    one.health = 200
    front.settle(one="healthy")
    assert front.get("/").seen["target"] == "one"
