from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.firelens.destinations import Destinations
from emulator.firelens.differences import router_differences
from emulator.firelens.local import local_router_configuration
from emulator.settings import LogPolicy

MakeTask = Callable[..., TaskDefinition]


@pytest.mark.parametrize(
    ("policies", "shown"),
    [
        ({}, ["any main file", "the router's network"]),
        ({"*": "local-aws"}, ["any main file", "the router's network"]),
        ({"web": "live"}, ["any main file"]),
        ({"*": "live"}, []),
    ],
)
def test_what_the_router_may_do_is_shown_by_its_destinations(
    make_task: MakeTask, fargate_task: TaskIdentity, policies: Mapping[str, LogPolicy], shown: list[str]
) -> None:
    destinations = Destinations(policies)
    local = local_router_configuration(make_task(), fargate_task, service="hello", destinations=destinations)
    found = router_differences(local, destinations)
    assert len(found) == len(shown)
    for difference, text in zip(found, shown, strict=True):
        assert text in difference.ecs[0]
        assert difference.local != difference.ecs
