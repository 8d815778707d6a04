"""In which order a task's containers stop: the reverse of their dependencies, the log router late, pause last."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.runtime.planning.stop_plan import stop_ahead, stop_task
from emulator.runtime.state.operations import Plan, Verb
from tests.unit.runtime.world import ROUTED, ROUTER, World, firelens, lines, make_service, text_of


def depends(*containers: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": "START"} for name in containers]}


def stop_plan(world: World, **options: Any) -> Plan:
    [task] = world.observed.tasks.values()
    plan = Plan()
    stop_task(plan, task, "down", **options)
    return plan


def stops(plan: Plan) -> dict[str, set[str]]:
    """Each container that is stopped, with those whose stop comes before."""
    name = {o.id: o.subject.rpartition("-")[2] for o in plan.operations if o.verb is Verb.STOP_CONTAINER}
    return {name[o.id]: {name[n] for n in o.needs if n in name} for o in plan.operations if o.id in name}


def test_the_router_stops_after_those_that_log_to_it_and_pause_goes_last() -> None:
    world = World(firelens())
    world.runs_task()
    assert text_of(stop_plan(world)) == lines("""
        #1 stop container hello-00000001-hello: down
        #2 stop container hello-00000001-firelens_log_router after #1: down
        #3 remove container hello-00000001-hello after #1, #2: down
        #4 remove container hello-00000001-firelens_log_router after #1, #2: down
        #5 remove container 00000001-pause after #3, #4: down
        #6 remove volume 00000001000000010000000100000001 after #5: volumes of the task
    """)


def test_pause_can_go_beside_the_stopped_containers() -> None:
    world = World(make_service())
    world.runs_task()
    assert text_of(stop_plan(world, at_once=True)) == lines("""
        #1 stop container hello-00000001-hello: down
        #2 remove container hello-00000001-hello after #1: down
        #3 remove container 00000001-pause after #1: down
        #4 remove volume 00000001000000010000000100000001 after #2, #3: volumes of the task
    """)


def test_pause_stays_to_the_end_where_it_relays_what_containers_log() -> None:
    world = World(firelens())
    world.runs_task()
    assert text_of(stop_plan(world, at_once=True)) == text_of(stop_plan(world))


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ({"hello": {}, "nginx": {}}, {"hello": set(), "nginx": set()}),
        ({"hello": depends("db"), "db": {}}, {"hello": set(), "db": {"hello"}}),
        (
            {"hello": depends("db", "cache"), "db": {}, "cache": {}},
            {"hello": set(), "db": {"hello"}, "cache": {"hello"}},
        ),
        (
            {"hello": depends("db"), "web": depends("db"), "db": depends("disk"), "disk": {}},
            {"hello": set(), "web": set(), "db": {"hello", "web"}, "disk": {"db"}},
        ),
        (
            {"hello": ROUTED, "web": ROUTED, "firelens_log_router": ROUTER, "other": {}},
            {"hello": set(), "web": set(), "other": set(), "firelens_log_router": {"hello", "web"}},
        ),
        (
            # ECS makes nothing depend on a router that has dependencies itself, but what it routes must still arrive.
            {"hello": ROUTED, "firelens_log_router": {**ROUTER, **depends("init")}, "init": {}},
            {"hello": set(), "firelens_log_router": {"hello"}, "init": {"firelens_log_router"}},
        ),
    ],
)
def test_a_container_stops_when_all_that_depend_on_it_have(
    containers: dict[str, dict[str, Any]], expected: dict[str, set[str]]
) -> None:
    world = World(make_service(containers))
    world.runs_task()
    assert stops(stop_plan(world)) == expected


def test_a_container_that_exited_is_removed_without_being_stopped() -> None:
    world = World(make_service({"hello": depends("init"), "init": {"essential": False}}))
    world.runs_task("hello", {"init": 0})
    assert text_of(stop_plan(world)) == lines("""
        #1 stop container hello-00000001-hello: down
        #2 remove container hello-00000001-hello after #1: down
        #3 remove container hello-00000001-init after #1: down
        #4 remove container 00000001-pause after #2, #3: down
        #5 remove volume 00000001000000010000000100000001 after #4: volumes of the task
    """)


@pytest.mark.parametrize("state", [1, "created"])
def test_a_dependency_stops_where_what_depends_on_it_does_not_run(state: int | str) -> None:
    world = World(make_service({"hello": depends("db"), "db": {}}))
    world.runs_task("hello", {"hello": state})
    assert text_of(stop_plan(world)) == lines("""
        #1 stop container hello-00000001-db: down
        #2 remove container hello-00000001-hello after #1: down
        #3 remove container hello-00000001-db after #1: down
        #4 remove container 00000001-pause after #2, #3: down
        #5 remove volume 00000001000000010000000100000001 after #4: volumes of the task
    """)


@pytest.mark.parametrize("router", [1, "created", "dead"])
def test_a_dead_router_is_revived_before_anything_stops(router: int | str) -> None:
    world = World(firelens())
    world.runs_task("hello", {"firelens_log_router": router})
    assert text_of(stop_plan(world)) == lines("""
        #1 revive log router hello-00000001-firelens_log_router: containers still log to it
        #2 stop container hello-00000001-hello after #1: down
        #3 stop container hello-00000001-firelens_log_router after #1, #2: down
        #4 remove container hello-00000001-hello after #2, #3: down
        #5 remove container hello-00000001-firelens_log_router after #2, #3: down
        #6 remove container 00000001-pause after #4, #5: down
        #7 remove volume 00000001000000010000000100000001 after #6: volumes of the task
    """)


def test_a_router_that_was_removed_is_replaced_before_anything_stops() -> None:
    world = World(firelens())
    world.runs_task("hello", {"firelens_log_router": None})
    assert text_of(stop_plan(world)).splitlines()[:2] == [
        "#1 revive log router of 00000001: containers still log to it",
        "#2 stop container hello-00000001-hello after #1: down",
    ]


def test_a_dead_router_stays_dead_where_no_container_logs_to_it_any_more() -> None:
    world = World(firelens())
    world.runs_task("hello", {"hello": 1, "firelens_log_router": 1})
    assert "revive" not in text_of(stop_plan(world))


def test_a_router_stops_at_once_where_all_that_logged_to_it_have_exited() -> None:
    world = World(firelens())
    world.runs_task("hello", {"hello": 3})
    assert text_of(stop_plan(world)) == lines("""
        #1 stop container hello-00000001-firelens_log_router: down
        #2 remove container hello-00000001-hello after #1: down
        #3 remove container hello-00000001-firelens_log_router after #1: down
        #4 remove container 00000001-pause after #2, #3: down
        #5 remove volume 00000001000000010000000100000001 after #4: volumes of the task
    """)


def test_targets_leave_the_load_balancer_before_the_first_stop() -> None:
    world = World(make_service(target=("hello", 80)))
    world.runs_task()
    plan = stop_plan(world, deregister=5)
    assert text_of(plan).splitlines()[:2] == [
        "#1 deregister target 00000001: down",
        "#2 stop container hello-00000001-hello after #1: down",
    ]
    assert plan.operations[0].timeout == 5


@pytest.mark.parametrize(
    ("own", "shortened", "expected"), [(None, None, 30), (90, None, 90), (0, None, 0), (90, 2, 2), (1, 2, 1)]
)
def test_each_container_has_its_own_stop_timeout(own: int | None, shortened: int | None, expected: int) -> None:
    world = World(make_service({"hello": {} if own is None else {"stopTimeout": own}}))
    world.runs_task()
    [stop] = [o for o in stop_plan(world, timeout=shortened).operations if o.verb is Verb.STOP_CONTAINER]
    assert stop.timeout == expected


def test_circular_labels_do_not_keep_a_task_from_being_stopped() -> None:
    """ECS has no such task, but `down` must work on whatever it finds."""
    world = World(make_service({"hello": {}, "web": {}}))
    world.runs_task()
    for container, other in zip(world.containers[1:], ("web", "hello"), strict=True):
        assert isinstance(container.labels, dict)
        container.labels["copilot-local.depends-on"] = other
    assert set(stops(stop_plan(world))) == {"hello", "web"}


class TestAhead:
    """What the agent stops while `down` loads."""

    def test_everything_stops_and_nothing_is_removed(self) -> None:
        world = World(make_service({"hello": depends("db"), "db": {}}))
        world.runs_task()
        assert text_of(stop_ahead(world.observed)) == lines("""
            #1 stop container hello-00000001-hello: down
            #2 stop container hello-00000001-db after #1: down
            #3 stop container 00000001-pause after #1, #2: down
        """)

    def test_the_log_router_and_what_stops_after_it_are_left_to_the_command(self) -> None:
        world = World(firelens())
        world.runs_task()
        assert text_of(stop_ahead(world.observed)) == lines("""
            #1 stop container hello-00000001-hello: down
        """)

    def test_what_logs_to_a_router_that_has_ended_is_left_to_the_command(self) -> None:
        world = World(firelens())
        world.runs_task(states={"firelens_log_router": 1})
        assert stop_ahead(world.observed).operations == []

    def test_the_stop_timeout_is_shortened(self) -> None:
        world = World(make_service())
        world.runs_task()
        assert [o.timeout for o in stop_ahead(world.observed, timeout=3).operations] == [3, 0]
