"""What is planned where something runs already, as the plan's text."""

from __future__ import annotations

from copy import deepcopy

import pytest

from emulator.ecs.deployment import Deployment, TrafficShift
from emulator.ecs.service import Service
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.operations import Verb
from tests.unit.runtime.world import (
    ExitOrState,
    World,
    desired_state,
    firelens,
    lines,
    make_service,
    nginx_sidecar,
    text_of,
)


def before(service: Service) -> DesiredState:
    """What was desired before one of its variables changed."""
    older = deepcopy(service)
    older.task_definition.container_definitions[0].command = ["old"]
    return desired_state(older)


def test_nothing_is_planned_where_all_is_as_desired() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    world.runs_front()
    result = world.reconcile()
    assert (text_of(result.plan), result.started, result.stopped) == ("", {}, {})


def test_a_changed_definition_is_replaced_when_the_new_task_is_steady() -> None:
    service = firelens()
    world = World(service)
    old = world.runs_task(state=before(service))
    world.runs_front()
    result = world.reconcile()
    assert text_of(result.plan) == lines("""
        #1 create volume cl-fl-new-000100000000: 1 desired, 0 running
        #2 create container new-0001-pause after #1: 1 desired, 0 running
        #3 start container new-0001-pause after #2: 1 desired, 0 running
        #4 create container hello-new-0001-hello after #2, #1: 1 desired, 0 running
        #5 create container hello-new-0001-firelens_log_router after #2, #1: 1 desired, 0 running
        #6 start container hello-new-0001-firelens_log_router after #3, #5: 1 desired, 0 running
        #7 start container hello-new-0001-hello after #3, #4, #6: 1 desired, 0 running
        #8 configure front front: targets and rules
        #9 await new-0001 STEADY (for the old task) after #6, #7, #8: the old task stops when the new one is steady
        #10 deregister target 00000001 after #9: its definition changed
        #11 stop container hello-00000001-hello after #10: its definition changed
        #12 stop container hello-00000001-firelens_log_router after #10, #11: its definition changed
        #13 remove container hello-00000001-hello after #11, #12: its definition changed
        #14 remove container hello-00000001-firelens_log_router after #11, #12: its definition changed
        #15 remove container 00000001-pause after #13, #14: its definition changed
        #16 remove volume 00000001000000010000000100000001 after #15: volumes of the task
    """)
    assert result.stopped == {old: "its definition changed"}


def test_requests_go_over_to_the_new_task_before_the_old_one_stops() -> None:
    service = make_service(target=("hello", 80))
    service.deployment = Deployment(shift=TrafficShift(strategy="BLUE_GREEN"))
    world = World(service)
    old = world.runs_task(state=before(service))
    world.runs_front()
    plan = world.reconcile().plan
    [shift] = [one for one in plan.operations if one.verb is Verb.SHIFT_TRAFFIC]
    [steady] = [one for one in plan.operations if one.condition == "STEADY"]
    first = next(one for one in plan.operations if one.task_id == old)
    assert (shift.subject, shift.needs, first.needs) == ("hello", (steady.id,), (shift.id,))


def test_without_room_for_another_task_the_old_one_stops_before_the_new_one_starts() -> None:
    """`rolling: recreate` in the manifest: 0 % to 100 %."""
    service = make_service()
    service.deployment.minimum_healthy_percent, service.deployment.maximum_percent = 0, 100
    world = World(service)
    world.runs_task(state=before(service))
    assert text_of(world.reconcile().plan) == lines("""
        #1 stop container hello-00000001-hello: its definition changed
        #2 remove container hello-00000001-hello after #1: its definition changed
        #3 remove container 00000001-pause after #2: its definition changed
        #4 remove volume 00000001000000010000000100000001 after #3: volumes of the task
        #5 create container new-0001-pause after #4: 1 desired, 0 running
        #6 start container new-0001-pause after #5: 1 desired, 0 running
        #7 create container hello-new-0001-hello after #5: 1 desired, 0 running
        #8 start container hello-new-0001-hello after #6, #7: 1 desired, 0 running
    """)


def test_each_service_is_replaced_without_waiting_for_another() -> None:
    world = World(make_service(name="a"), make_service(name="b"))
    world.runs_task("a", state=desired_state(make_service({"a": {"command": ["old"]}}, name="a")))
    world.runs_task("b", state=desired_state(make_service({"b": {"command": ["old"]}}, name="b")))
    plan = text_of(world.reconcile().plan).splitlines()
    awaits = {line.split()[2]: line.split()[0] for line in plan if " await " in line}
    stops = {line.split()[3]: line.split("after ")[1].split(":")[0] for line in plan if " stop container " in line}
    assert stops == {"a-00000001-a": awaits["new-0001"], "b-00000002-b": awaits["new-0002"]}


def test_a_missing_task_is_started_beside_those_that_run() -> None:
    world = World(make_service(count=2))
    world.runs_task()
    assert text_of(world.reconcile().plan) == lines("""
        #1 create container new-0001-pause: 2 desired, 1 running
        #2 start container new-0001-pause after #1: 2 desired, 1 running
        #3 create container hello-new-0001-hello after #1: 2 desired, 1 running
        #4 start container hello-new-0001-hello after #2, #3: 2 desired, 1 running
    """)


def test_the_youngest_of_too_many_tasks_stop() -> None:
    world = World(make_service(count=1))
    kept, surplus = world.runs_task(), world.runs_task()
    result = world.reconcile()
    assert result.stopped == {surplus: "more tasks than the desired 1"}
    assert result.started == {}
    assert kept[:8] not in text_of(result.plan)


def test_a_task_that_is_only_one_too_many_finishes_its_requests_and_a_broken_one_is_cut_off() -> None:
    world = World(make_service(count=1, target=("hello", 80)))
    world.runs_front()
    world.runs_task()
    world.runs_task()
    [surplus] = [o for o in world.reconcile().plan.operations if o.verb is Verb.DEREGISTER]
    assert surplus.timeout == world.state.services["hello"].options.time.deregistration_delay_cap
    broken = World(make_service(count=1, target=("hello", 80)))
    broken.runs_front()
    broken.runs_task(states={"hello": 1})
    [cut] = [o for o in broken.reconcile().plan.operations if o.verb is Verb.DEREGISTER]
    assert cut.timeout == 0


def test_the_tasks_of_a_service_that_is_not_wanted_any_more_stop() -> None:
    world = World(make_service())
    world.runs_task()
    gone = world.runs_task("gone", state=desired_state(make_service(name="gone")))
    result = world.reconcile()
    assert result.stopped == {gone: "its service is not wanted any more"}
    assert (
        text_of(result.plan).splitlines()[0]
        == "#1 stop container gone-00000002-gone: its service is not wanted any more"
    )


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ({"hello": 3}, "essential container hello exited with code 3"),
        ({"hello": 0}, "essential container hello exited with code 0"),
        ({"hello": "dead"}, "essential container hello exited"),
        ({"hello": "created"}, "container hello was never started"),
        ({"hello": None}, "container hello is missing"),
        ({"pause": 137}, "its network namespace is gone"),
        ({"pause": None}, "its network namespace is gone"),
    ],
)
def test_a_broken_task_is_stopped_and_replaced_at_once(states: dict[str, ExitOrState], reason: str) -> None:
    world = World(nginx_sidecar())
    broken = world.runs_task("hello", states)
    world.runs_front()
    result = world.reconcile()
    assert result.stopped == {broken: reason}
    assert list(result.started.values()) == ["hello"]
    assert " await " not in text_of(result.plan), "nothing keeps a broken task waiting"


def test_a_container_that_is_not_essential_may_exit() -> None:
    world = World(make_service({"hello": {}, "init": {"essential": False}}))
    world.runs_task("hello", {"init": 1})
    assert text_of(world.reconcile().plan) == ""


def test_a_paused_container_counts_as_running() -> None:
    world = World(make_service())
    world.runs_task("hello", {"hello": "paused"})
    assert text_of(world.reconcile().plan) == ""


def test_a_service_that_is_held_back_loses_its_broken_tasks_and_gets_no_new_one() -> None:
    world = World(make_service())
    broken = world.runs_task("hello", {"hello": 1})
    result = world.reconcile(held_back=["hello"])
    assert text_of(result.plan) == lines("""
        #1 remove container hello-00000001-hello: essential container hello exited with code 1
        #2 remove container 00000001-pause after #1: essential container hello exited with code 1
        #3 remove volume 00000001000000010000000100000001 after #2: volumes of the task
    """)
    assert (list(result.stopped), result.started) == ([broken], {})


def test_a_service_that_is_held_back_keeps_what_runs_on_its_old_definition() -> None:
    service = make_service()
    world = World(service)
    world.runs_task(state=before(service))
    result = world.reconcile(held_back=["hello"])
    assert (text_of(result.plan), result.stopped) == ("", {})


def test_a_front_of_another_port_is_made_anew() -> None:
    world = World(nginx_sidecar(), port=8081)
    world.runs_task()
    world.runs_front(port=8080)
    assert text_of(world.reconcile().plan) == lines("""
        #1 remove container front: its image, ports or names changed
        #2 create volume front: the front's configuration
        #3 create container front after #1, #2: no front
        #4 configure front front after #3: targets and rules
    """)


def test_a_stopped_front_is_started_again() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    world.runs_front(state="exited")
    assert text_of(world.reconcile().plan) == "#1 configure front front: targets and rules"


def test_new_rules_reach_a_front_whose_tasks_stay() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    world.runs_front()
    assert text_of(world.reconcile(fresh_front_rules=True).plan) == "#1 configure front front: targets and rules"


def test_the_front_goes_with_the_last_rule() -> None:
    world = World(make_service())
    world.runs_task()
    world.runs_front()
    assert text_of(world.reconcile().plan) == "#1 remove container front: nothing is routed any more"


def test_a_task_that_lacks_a_container_of_the_new_definition_runs_until_the_new_one_is_steady() -> None:
    world = World(nginx_sidecar())
    old = world.runs_task(state=desired_state(make_service(target=("hello", 80))))
    world.runs_front()
    result = world.reconcile()
    assert result.stopped == {old: "its definition changed"}
    stops = [str(operation) for operation in result.plan.operations if operation.subject.endswith("-00000001-hello")]
    assert all("its definition changed" in stop for stop in stops)
    [steady] = [operation.id for operation in result.plan.operations if operation.condition == "STEADY"]
    [deregistered] = [operation for operation in result.plan.operations if operation.task_id == old][:1]
    assert steady in deregistered.needs
