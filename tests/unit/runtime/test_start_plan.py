"""What is planned where nothing runs yet, as the plan's text."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.errors import InputError
from emulator.runtime.state.operations import Verb
from tests.unit.runtime.world import ROUTED, ROUTER, World, firelens, lines, make_service, nginx_sidecar, text_of

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}


def depends(**conditions: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": word} for name, word in conditions.items()]}


def edges(world: World) -> list[str]:
    """The starts and awaits of the containers of a plan, without their causes."""
    plan = text_of(world.reconcile().plan).replace("hello-new-0001-", "").splitlines()
    wanted = [line for line in plan if (" start " in line or " await " in line) and "-pause " not in line]
    return [line.partition(": ")[0] for line in wanted]


def test_a_sidecar_starts_beside_the_main_container_and_the_front_beside_the_task() -> None:
    plan = World(nginx_sidecar()).reconcile(network_exists=False).plan
    assert text_of(plan) == lines("""
        #1 create network cl-demo-test: no such network
        #2 create container new-0001-pause after #1: 1 desired, 0 running
        #3 start container new-0001-pause after #2: 1 desired, 0 running
        #4 create container hello-new-0001-hello after #2: 1 desired, 0 running
        #5 create container hello-new-0001-nginx after #2: 1 desired, 0 running
        #6 start container hello-new-0001-hello after #3, #4: 1 desired, 0 running
        #7 start container hello-new-0001-nginx after #3, #5: 1 desired, 0 running
        #8 create volume front: the front's configuration
        #9 create container front after #1, #8: no front
        #10 configure front front after #9, #3: targets and rules
    """)


def test_the_log_router_starts_first_and_its_socket_has_a_volume() -> None:
    plan = World(firelens()).reconcile(network_exists=False).plan
    assert text_of(plan) == lines("""
        #1 create network cl-demo-test: no such network
        #2 create volume cl-fl-new-000100000000: 1 desired, 0 running
        #3 create container new-0001-pause after #1, #2: 1 desired, 0 running
        #4 start container new-0001-pause after #3: 1 desired, 0 running
        #5 create container hello-new-0001-hello after #3, #2: 1 desired, 0 running
        #6 create container hello-new-0001-firelens_log_router after #3, #2: 1 desired, 0 running
        #7 start container hello-new-0001-firelens_log_router after #4, #6: 1 desired, 0 running
        #8 start container hello-new-0001-hello after #4, #5, #7: 1 desired, 0 running
        #9 create volume front: the front's configuration
        #10 create container front after #1, #9: no front
        #11 configure front front after #10, #4: targets and rules
    """)


def test_a_service_without_rules_has_no_front() -> None:
    plan = World(make_service(type="Backend Service")).reconcile().plan
    assert "front" not in text_of(plan)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param(
            {"hello": depends(db="START"), "db": {}},
            ["#5 start container db after #2, #4", "#6 start container hello after #2, #3, #5"],
            id="START is an edge between the starts",
        ),
        *(
            pytest.param(
                {"hello": depends(db=word), "db": {**CHECK, "essential": False}},
                [
                    "#5 start container db after #2, #4",
                    f"#6 await db {word} (for hello) after #5",
                    "#7 start container hello after #2, #3, #6",
                ],
                id=f"{word} is awaited",
            )
            for word in ("COMPLETE", "SUCCESS", "HEALTHY")
        ),
        pytest.param(
            {"hello": depends(b="START"), "a": CHECK, "b": depends(a="HEALTHY")},
            [
                "#6 start container a after #2, #4",
                "#7 await a HEALTHY (for b) after #6",
                "#8 start container b after #2, #5, #7",
                "#9 start container hello after #2, #3, #8",
            ],
            id="a chain",
        ),
        pytest.param(
            {
                "hello": {**ROUTED, **depends(firelens_log_router="HEALTHY")},
                "firelens_log_router": {**ROUTER, **CHECK},
            },
            [
                "#6 start container firelens_log_router after #3, #5",
                "#7 await firelens_log_router HEALTHY (for hello) after #6",
                "#8 start container hello after #3, #4, #7",
            ],
            id="a stricter dependency on the router replaces the one that ECS adds",
        ),
        pytest.param(
            {"hello": ROUTED, "firelens_log_router": {**ROUTER, **depends(init="SUCCESS")}, "init": {}},
            [
                "#7 start container hello after #3, #4",
                "#8 start container init after #3, #6",
                "#9 await init SUCCESS (for firelens_log_router) after #8",
                "#10 start container firelens_log_router after #3, #5, #9",
            ],
            id="a router that waits itself gets no edge, as in ECS",
        ),
    ],
)
def test_dependencies_become_edges(containers: dict[str, dict[str, Any]], expected: list[str]) -> None:
    assert edges(World(make_service(containers))) == expected


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        ({"hello": depends(db="START"), "db": depends(hello="START")}, "containers hello, db wait for each other"),
        ({"hello": depends(other="START")}, "containers hello wait for each other or for a container that is not"),
        ({"hello": depends(hello="START")}, "containers hello wait for each other"),
        (
            {"hello": depends(db="HEALTHY"), "db": {}},
            "container hello waits for db to be HEALTHY, but db has no health check",
        ),
    ],
)
def test_dependencies_that_never_resolve_are_refused(containers: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        World(make_service(containers)).reconcile()
    assert caught.value.hint


def test_an_await_lasts_as_long_as_the_dependency_may_take_to_start() -> None:
    containers = {"hello": depends(a="COMPLETE", b="COMPLETE"), "a": {"startTimeout": 7}, "b": {}}
    plan = World(make_service(containers)).reconcile().plan
    assert {o.subject.rpartition("-")[2]: o.timeout for o in plan.operations if o.condition} == {"a": 7, "b": 120}


def test_every_task_that_is_desired_starts() -> None:
    result = World(make_service(count=3), make_service(name="web")).reconcile()
    assert sorted(result.started.values()) == ["hello", "hello", "hello", "web"]
    assert [o.subject for o in result.plan.operations if o.subject.endswith("-pause") and o.spec] == [
        "cl-demo-test-new-0001-pause",
        "cl-demo-test-new-0002-pause",
        "cl-demo-test-new-0003-pause",
        "cl-demo-test-new-0004-pause",
    ]


def test_the_front_starts_after_the_pauses_that_all_else_waits_for() -> None:
    plan = text_of(World(make_service(count=2, target=("hello", 80))).reconcile().plan)
    assert "#11 configure front front after #10, #2, #6: targets and rules" in plan


def test_no_container_is_made_before_a_volume_that_it_mounts() -> None:
    plan = World(firelens()).reconcile().plan
    made = {o.subject: o.id for o in plan.operations if o.verb is Verb.CREATE_VOLUME}
    mounting = 0
    for operation in plan.operations:
        if operation.verb is Verb.CREATE_CONTAINER and operation.spec is not None:
            mine = {made[mount.source] for mount in operation.spec.mounts if mount.source in made}
            mounting += bool(mine)
            assert mine <= set(operation.needs), operation.subject
    assert mounting >= 2


def test_a_container_is_made_after_those_whose_volumes_it_takes() -> None:
    containers = {"hello": {"volumesFrom": [{"sourceContainer": "db"}]}, "db": {}}
    plan = World(make_service(containers)).reconcile().plan
    creates = {o.subject.rpartition("-")[2]: o for o in plan.operations if o.verb is Verb.CREATE_CONTAINER}
    assert creates["db"].id in creates["hello"].needs
