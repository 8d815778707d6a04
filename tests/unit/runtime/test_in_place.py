"""Which containers are replaced in the tasks that run, as the plan's text, and what is left to a new task."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerState
from emulator.model import from_plain, to_plain
from emulator.runtime.planning.replace_containers import Edit, edit
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.operations import Verb
from tests.unit.runtime.world import ROOT, World, desired_state, firelens, lines, make_service, nginx_sidecar, text_of


def with_image(state: DesiredState, container: str, image: str, service: str = "hello") -> DesiredState:
    """The state with another image in one container, as after a build."""
    desired = state.services[service]
    options = desired.options.model_copy(update={"images": {**desired.options.images, container: image}})
    changed = desired.model_copy(update={"options": options})
    return state.model_copy(update={"services": {**state.services, service: changed}})


def edited(world: World, wanted: DesiredState, private: Private | None = None, before: Private | None = None) -> Edit:
    old = TaskFactory(world.state, before or Private(), ROOT)
    new = TaskFactory(wanted, private or Private(), ROOT)
    return edit(old, new, list(wanted.services), world.observed)


def leaves_to_a_new_task(world: World, wanted: DesiredState) -> bool:
    result = edited(world, wanted)
    desired, before = result.state.services["hello"], world.state.services["hello"]
    assert text_of(result.plan) == ""
    return desired.revision == before.revision + 1 and desired.equal_hashes == []


def variant(service: Service, **fields: Any) -> DesiredState:
    """The state of the service with other fields in its first container."""
    changed = deepcopy(service)
    first = changed.task_definition.container_definitions[0]
    changed.task_definition.container_definitions[0] = from_plain(ContainerDefinition, {**to_plain(first), **fields})
    return desired_state(changed)


def test_one_container_is_replaced_where_it_is_and_the_task_counts_as_new() -> None:
    world = World(nginx_sidecar())
    task = world.runs_task()
    world.runs_front()
    result = edited(world, with_image(world.state, "hello", "sha256:new"))
    assert text_of(result.plan) == lines("""
        #1 create container hello-00000001-hello-2: it is made from something else now
        #2 stop container hello-00000001-hello after #1: it is made from something else now
        #3 start container hello-00000001-hello-2 after #2: it is made from something else now
        #4 remove container hello-00000001-hello after #3: it is made from something else now
    """)
    create, stop, _, _ = result.plan.operations
    assert stop.timeout == 2
    assert create.spec is not None
    assert create.spec.image == "sha256:new"
    assert create.spec.network == "container:cl-demo-test-00000001-pause"
    desired = result.state.services["hello"]
    assert (desired.revision, create.spec.labels["com.amazonaws.ecs.task-definition-version"]) == (1, "1")

    world.state, world.factory = result.state, TaskFactory(result.state, Private(), ROOT)
    assert str(world.reconcile().plan) == ""
    assert world.observed.tasks[task].config_hash in desired.accepted_hashes()


def test_a_second_replacement_finds_the_task_of_the_first() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    world.state = edited(world, with_image(world.state, "hello", "sha256:second")).state
    again = edited(world, with_image(world.state, "nginx", "sha256:third"))
    assert {operation.subject.removesuffix("-2").rpartition("-")[2] for operation in again.plan.operations} == {"nginx"}
    world.state, world.factory = again.state, TaskFactory(again.state, Private(), ROOT)
    world.runs_front()
    assert str(world.reconcile().plan) == ""


def test_every_task_of_the_service_is_edited_and_no_other() -> None:
    world = World(make_service(count=2), make_service(name="web"))
    world.runs_task()
    world.runs_task()
    world.runs_task("web")
    plan = edited(world, with_image(world.state, "hello", "sha256:new")).plan
    assert {operation.subject.removeprefix("cl-demo-test-").removesuffix("-2") for operation in plan.operations} == {
        "hello-00000001-hello",
        "hello-00000002-hello",
    }


def test_a_container_that_has_exited_is_made_again_without_being_stopped() -> None:
    world = World(nginx_sidecar())
    world.runs_task(states={"hello": 1})
    plan = edited(world, with_image(world.state, "hello", "sha256:new")).plan
    assert [str(operation.verb) for operation in plan.operations] == [
        "create container",
        "start container",
        "remove container",
    ]


def test_a_changed_variable_is_enough() -> None:
    service = nginx_sidecar()
    world = World(service)
    world.runs_task()
    assert len(edited(world, variant(service, environment=[{"name": "A", "value": "b"}])).plan.operations) == 4


def test_nothing_changed_nothing_is_done() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    result = edited(world, world.state)
    assert not result.plan
    assert result.state == world.state


def test_another_private_value_replaces_the_container_that_has_it() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    secret = Private(services={"hello": {"hello": {"PASSWORD": "new"}}})
    old = Private(services={"hello": {"hello": {"PASSWORD": "old"}}})
    assert edited(world, world.state, secret, secret).plan.operations == []
    plan = edited(world, world.state, secret, old).plan
    assert {operation.subject.removesuffix("-2") for operation in plan.operations} == {
        "cl-demo-test-hello-00000001-hello"
    }
    assert "new" not in str(plan)


def test_another_set_of_containers_is_left_to_a_new_task() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    more = make_service({"hello": {}, "nginx": {}, "cache": {}}, target=("nginx", 80))
    assert leaves_to_a_new_task(world, desired_state(more))


def test_the_log_router_is_left_to_a_new_task_and_what_logs_to_it_is_not() -> None:
    world = World(firelens())
    world.runs_task()
    assert leaves_to_a_new_task(world, with_image(world.state, "firelens_log_router", "sha256:new"))
    plan = edited(world, with_image(world.state, "hello", "sha256:new")).plan
    [start] = [operation for operation in plan.operations if operation.verb is Verb.START_CONTAINER]
    assert start.router == "cl-demo-test-hello-00000001-firelens_log_router"


@pytest.mark.parametrize("condition", ["COMPLETE", "SUCCESS"])
def test_a_container_whose_end_others_wait_for_is_left_to_a_new_task(condition: str) -> None:
    waits = {"dependsOn": [{"containerName": "setup", "condition": condition}]}
    world = World(make_service({"hello": waits, "setup": {"essential": False}}))
    world.runs_task(states={"setup": 0})
    assert leaves_to_a_new_task(world, with_image(world.state, "setup", "sha256:new"))


def test_a_private_value_of_a_log_router_makes_the_same_revision_anew() -> None:
    world = World(firelens())
    world.runs_task()
    secret = Private(services={"hello": {"firelens_log_router": {"apikey_hello": "new"}}})
    result = edited(world, world.state, secret)
    before, after = world.state.services["hello"], result.state.services["hello"]
    assert not result.plan
    assert (after.revision, after.deployments) == (before.revision, before.deployments + 1)
    assert after.config_hash() != before.config_hash()


def test_the_name_of_a_container_that_is_there_is_not_taken_again() -> None:
    world = World(nginx_sidecar())
    world.runs_task()
    first = edited(world, with_image(world.state, "hello", "sha256:new")).plan.operations[0].spec
    assert first is not None
    world.containers.append(replace(world.containers[1], id="f" * 64, name=first.name))
    second = edited(world, with_image(world.state, "hello", "sha256:newer")).plan.operations[0]
    assert second.subject == first.name.removesuffix("-2") + "-3"


def test_of_two_containers_of_one_name_the_running_one_is_meant() -> None:
    world = World(nginx_sidecar())
    task = world.runs_task()
    [running] = [c for c in world.containers if c.name.endswith("-hello")]
    world.containers += [replace(running, id="e" * 64, name=f"{running.name}-2", state=ContainerState.CREATED)]
    assert world.observed.tasks[task].members["hello"].container == running
    world.containers.reverse()
    assert world.observed.tasks[task].members["hello"].container == running


def test_a_new_revision_is_one_that_is_not_registered() -> None:
    world = World(make_service())
    wanted = with_image(world.state, "hello", "sha256:new")
    free = {"hello": wanted.services["hello"].model_copy(update={"revision": 5})}
    wanted = wanted.model_copy(update={"services": free})
    merged = world.state.merged_with(wanted)
    assert merged.services["hello"].revision == 5
    assert merged.merged_with(with_image(wanted, "hello", "sha256:newer")).services["hello"].revision == 6
    assert world.state.merged_with(world.state).services["hello"].revision == 1, "nothing has changed"
