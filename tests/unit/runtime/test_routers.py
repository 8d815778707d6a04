"""The log router: waited for at the start, and never missing while a container logs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult
from emulator.errors import (
    ContainerFailed,
    EngineError,
    EngineTimeout,
    InputError,
    LogDriverNotReady,
    NotFound,
    TaskError,
)
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.operations import Operation, Plan, Verb
from tests.unit.runtime.bench import LISTENS, Bench
from tests.unit.runtime.world import AGENT, ROUTED, desired_state, make_service
from tests.unit.runtime.world import ROUTER as ROUTER_DEFINITION

ROUTER = "cl-demo-test-hello-task0001-firelens_log_router"
HELLO = "cl-demo-test-hello-task0001-hello"
PAUSE_OF_HELLO = "cl-demo-test-task0001-pause"
RELAYS = Behaviour(listens=("unix://*/relay.sock",))
DRAIN = "cl-demo-test-task0001-drain"
NOT_YET = LogDriverNotReady("failed to initialize logging driver: dial unix fluent.sock: no such file or directory")


def logging() -> Service:
    """A service that logs through FireLens, without a load balancer."""
    return make_service({"hello": ROUTED, "firelens_log_router": ROUTER_DEFINITION})


def unrelayed() -> DesiredState:
    """The same with ECS's own driver mode, where Docker talks to the router itself."""
    state = desired_state(logging())
    state.services["hello"].options.fidelity = "ecs"
    return state


def start_of_hello(plan: Plan, timeout: int) -> Plan:
    """The plan with another timeout for the start of the container that logs."""
    for number, operation in enumerate(plan.operations):
        if operation.verb is Verb.START_CONTAINER and operation.subject == HELLO:
            plan.operations[number] = replace(operation, timeout=timeout)
    return plan


def test_a_container_is_started_again_until_its_router_listens(bench: Bench) -> None:
    bench.engine.fail("start", NOT_YET, target="*-hello", times=3)
    bench.start(desired_state(logging()))
    assert bench.did("start")[-4:] == ["start hello"] * 4
    assert bench.states()["hello-task0001-hello"] == "running"


def test_a_router_that_never_listens_is_given_up(bench: Bench) -> None:
    bench.engine.behave("*-firelens_log_router", Behaviour())
    plan = start_of_hello(bench.plan(desired_state(logging())), timeout=0)
    with pytest.raises(TaskError, match="the log router did not open its socket within 0 s") as caught:
        bench.run(plan)
    assert "firelens config" in caught.value.hint


def test_no_container_logs_to_a_router_that_has_other_outputs(bench: Bench) -> None:
    told = ExecResult(3, b'["file", "file", "http", "null"]', b"")
    bench.engine.behave("*-pause", Behaviour(exec=lambda command: told))
    with pytest.raises(InputError, match="has outputs that nothing here captures: file, http"):
        bench.start(desired_state(logging()))
    assert "start hello" not in bench.did("start")


def test_no_container_logs_to_a_router_that_does_not_tell_its_outputs(bench: Bench) -> None:
    bench.engine.behave("*-pause", Behaviour(exec=lambda command: ExecResult(1, b"", b"")))
    plan = start_of_hello(bench.plan(desired_state(logging())), timeout=0)
    with pytest.raises(TaskError, match="does not tell its outputs on port 24220 within 0 s"):
        bench.run(plan)
    assert "start hello" not in bench.did("start")


def test_a_router_that_ends_before_it_tells_its_outputs_is_what_failed(bench: Bench) -> None:
    def exec(command: Sequence[str]) -> ExecResult:
        bench.engine.finish(ROUTER, 1)
        return ExecResult(1, b"", b"")

    bench.engine.behave("*-pause", Behaviour(exec=exec))
    with pytest.raises(ContainerFailed, match="exited before it opened its socket"):
        bench.start(desired_state(logging()))


def test_a_router_that_ran_and_ended_is_not_started_again_to_hear_why(bench: Bench) -> None:
    """With `Log_Level error` it never says that it has started; it told its outputs."""
    task = bench.start(desired_state(logging()))
    bench.engine.finish(ROUTER, 1)
    bench.engine.calls.clear()
    router = bench.observed.tasks[task.id].router
    assert router is not None
    failed = container_failed(bench.engine, router, "it is essential, so its task stops")
    assert failed.message.endswith("exited with code 1: it is essential, so its task stops")
    assert bench.did("start") == []


def test_a_router_whose_outputs_are_all_live_is_not_asked(bench: Bench) -> None:
    state = unrelayed()
    state.services["hello"].options.log_destinations = {"*": "live"}
    bench.start(state)
    assert not bench.engine.execs


def test_a_router_that_exits_first_is_what_failed(bench: Bench) -> None:
    bench.engine.behave("*-firelens_log_router", Behaviour(exits=(255,), log=("[error] unknown plugin",)))
    with pytest.raises(ContainerFailed) as caught:
        bench.start(desired_state(logging()))
    assert caught.value.container == "firelens_log_router"
    assert caught.value.container_exit_code == 255
    assert caught.value.output == ["[error] unknown plugin"]
    assert "before it opened its socket" in str(caught.value)


def test_a_router_that_died_is_started_before_its_containers_stop(bench: Bench) -> None:
    task = bench.start(desired_state(logging()))
    bench.engine.finish(ROUTER, 139)
    bench.engine.calls.clear()
    bench.stop(bench.observed.tasks[task.id])
    assert bench.did("start", "stop") == ["start firelens_log_router", "stop hello", "stop firelens_log_router"]
    assert bench.states() == {}
    assert bench.warnings() == []


@pytest.mark.parametrize(
    "kept_down", [Behaviour(exits=(None, 1), listens=LISTENS.listens), "start fails", "it is removed"]
)
def test_where_the_router_does_not_come_back_a_drain_listens_in_its_place(
    bench: Bench, kept_down: Behaviour | str
) -> None:
    if isinstance(kept_down, Behaviour):
        bench.engine.behave("*-firelens_log_router", kept_down)
    task = bench.start(unrelayed())
    bench.engine.finish(ROUTER, 1)
    if kept_down == "start fails":
        bench.engine.fail("start", EngineError("cannot start"), target=ROUTER)
    elif kept_down == "it is removed":
        bench.engine.remove(ROUTER)
    bench.engine.calls.clear()
    bench.stop(bench.observed.tasks[task.id])
    assert bench.did("create_container", "stop")[:2] == ["create_container drain", "stop hello"]
    assert bench.states() == {}, "the drain goes with its task"
    assert bench.engine.list_volumes({}) == {}
    assert any("a drain takes its place" in warning for warning in bench.warnings())


def test_with_a_relay_no_drain_is_needed(bench: Bench) -> None:
    bench.engine.behave("*-firelens_log_router", Behaviour(exits=(None, 1), listens=LISTENS.listens))
    bench.engine.behave("*-pause", RELAYS)
    task = bench.start(desired_state(logging()))
    bench.engine.finish(ROUTER, 1)
    bench.engine.calls.clear()
    bench.stop(bench.observed.tasks[task.id])
    assert bench.did("create_container", "stop")[0] == "stop hello"
    assert bench.states() == {}
    assert any("goes to the log store" in warning for warning in bench.warnings())


def test_a_relay_that_died_is_replaced_by_a_drain(bench: Bench) -> None:
    task = bench.start(desired_state(logging()))
    bench.engine.finish(PAUSE_OF_HELLO, 1)
    bench.engine.calls.clear()
    bench.stop(bench.observed.tasks[task.id])
    assert bench.did("create_container") == ["create_container drain"]
    assert any("the relay of its log router is gone" in warning for warning in bench.warnings())


def test_the_relay_settles_before_its_router_stops_and_before_it_goes_itself(bench: Bench) -> None:
    task = bench.start(desired_state(logging()))
    bench.engine.calls.clear()
    bench.stop(task)
    done = bench.did("exec", "stop", "remove")
    assert done[:3] == ["stop hello", "exec pause", "stop firelens_log_router"]
    assert done[-2:] == ["exec pause", "remove pause"], "with the router gone it writes what that left in its buffer"


def test_what_a_relay_wrote_past_its_router_is_counted(bench: Bench) -> None:
    bench.engine.behave("*-pause", Behaviour(exec=lambda _: ExecResult(0, b"7", b"")))
    task = bench.start(desired_state(logging()))
    bench.stop(task)
    assert any("7 records were stored unfiltered" in warning for warning in bench.warnings())
    assert not any("lost" in warning for warning in bench.warnings())


def test_what_a_relay_could_not_write_is_told(bench: Bench) -> None:
    bench.engine.behave("*-pause", Behaviour(exec=lambda _: ExecResult(0, b"7 3", b"")))
    task = bench.start(desired_state(logging()))
    bench.stop(task)
    assert any("7 records were stored unfiltered" in warning for warning in bench.warnings())
    assert any("3 records are lost" in warning for warning in bench.warnings())


def test_the_drain_takes_the_routers_socket_and_writes_to_the_log_store(bench: Bench) -> None:
    bench.engine.behave("*-firelens_log_router", Behaviour(exits=(None, 1), listens=LISTENS.listens))
    task = bench.start(unrelayed())
    bench.engine.finish(ROUTER, 1)
    bench.perform(Operation(1, Verb.REVIVE_ROUTER, ROUTER, "", task_id=task.id))
    spec = bench.engine.spec(DRAIN)
    assert spec.image == AGENT
    assert spec.command == (
        "/copilot-local/socket",
        f"/copilot-local/logs/hello.{task.id}.drained",
        "ecs_cluster=demo-test",
        f"ecs_task_arn=arn:aws:ecs:us-east-1:000000000000:task/demo-test/{task.id}",
        "ecs_task_definition=demo-test-hello:1",
    )
    router = {mount.source for mount in bench.engine.spec(ROUTER).mounts}
    assert {mount.source for mount in spec.mounts} == router
    assert spec.network == "none"


def test_a_drain_that_is_there_already_is_used(bench: Bench) -> None:
    bench.engine.behave("*-firelens_log_router", Behaviour(exits=(None, 1), listens=LISTENS.listens))
    task = bench.start(unrelayed())
    bench.engine.finish(ROUTER, 1)
    revive = Operation(1, Verb.REVIVE_ROUTER, ROUTER, "", task_id=task.id)
    bench.perform(revive)
    bench.perform(revive)
    assert bench.states()["task0001-drain"] == "running"


def test_a_router_that_dies_while_its_container_stops_is_revived(bench: Bench) -> None:
    task = bench.start(desired_state(logging()))

    def die(verb: str, target: str) -> None:
        if (verb, target) == ("stop", HELLO) and bench.did("stop") == ["stop hello"]:
            bench.engine.finish(ROUTER, 137)

    bench.engine.before = die
    bench.stop(task)
    assert bench.did("stop")[:2] == ["stop hello", "stop hello"]
    assert bench.states() == {}


def test_a_container_that_hangs_for_another_reason_is_told(bench: Bench) -> None:
    task = bench.start(desired_state(make_service()))
    bench.engine.fail("stop", EngineTimeout("Docker did not stop hello in time"), target="*-hello")
    with pytest.raises(EngineTimeout, match="did not stop hello"):
        bench.stop(task)


def test_a_task_that_was_removed_meanwhile_needs_no_router(bench: Bench) -> None:
    bench.perform(Operation(1, Verb.REVIVE_ROUTER, ROUTER, "", task_id="gone"))
    assert bench.did("start", "create_container") == []


def test_a_missing_image_of_the_drain_is_told(bench: Bench) -> None:
    task = bench.start(unrelayed())
    bench.engine.remove(ROUTER)
    bench.executor["drain_image"] = "nowhere:1"
    with pytest.raises(NotFound, match="nowhere:1"):
        bench.stop(bench.observed.tasks[task.id])
