"""Shares of requests as weights of targets."""

from __future__ import annotations

import pytest

from emulator.agent.load_balancer.shares import Shares
from emulator.ecs.deployment import Deployment, TrafficShift
from emulator.runtime.state.desired import DesiredState
from tests.unit.runtime.world import World, desired_state, make_service


def state(command: str) -> DesiredState:
    service = make_service(target=("hello", 80))
    service.task_definition.container_definitions[0].command = [command]
    service.deployment = Deployment(shift=TrafficShift(strategy="CANARY"))
    return desired_state(service)


OLD, NEW = state("old"), state("new")


def weights(shares: Shares, *, old: int = 1, new: int = 1, desired: DesiredState = NEW) -> tuple[list[int], list[int]]:
    """Of the old tasks and of the new ones; 1 for those of which nothing is said."""
    world = World(*(one.service for one in desired.services.values()))
    before = [world.runs_task(state=OLD) for _ in range(old)]
    after = [world.runs_task(state=NEW) for _ in range(new)]
    found = shares.weights(desired, world.observed)
    return [found.get(task, 1) for task in before], [found.get(task, 1) for task in after]


def hashes(desired: DesiredState) -> frozenset[str]:
    return desired.services["hello"].accepted_hashes()


@pytest.mark.parametrize("part", [0.0, 0.001, 0.05, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("old", "new"), [(1, 1), (3, 3), (2, 5), (7, 1)])
def test_the_parts_of_old_and_new_tasks_are_as_said(part: float, old: int, new: int) -> None:
    shares = Shares()
    shares.set("hello", hashes(OLD), 1 - part)
    before, after = weights(shares, old=old, new=new)
    assert sum(after) / (sum(before) + sum(after)) == pytest.approx(part, abs=0.021)
    assert (sum(after) > 0) == (part > 0)
    assert (sum(before) > 0) == (part < 1)
    assert max(*before, *after) <= 256


def test_tasks_of_one_kind_have_no_weights() -> None:
    shares = Shares()
    shares.set("hello", hashes(OLD), 0.0)
    assert weights(shares, new=0) == ([1], [])
    assert weights(shares, old=0) == ([], [1])


def test_where_nothing_was_said_tasks_as_desired_get_all_requests() -> None:
    """As after a restart of the agent: it desires what was there before the deployment that was under way."""
    assert weights(Shares(), desired=OLD) == ([256], [0])
    assert weights(Shares(), desired=NEW) == ([0], [256])
    said = Shares()
    said.set("hello", hashes(OLD), 1.0)
    said.forget("hello")
    assert weights(said) == ([0], [256])


def test_where_tasks_are_replaced_one_by_one_nothing_has_a_weight() -> None:
    rolling = state("new")
    rolling.services["hello"].service.deployment = Deployment()
    assert weights(Shares(), desired=rolling) == ([1], [1])
