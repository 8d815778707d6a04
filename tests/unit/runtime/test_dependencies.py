"""Dependencies that can never be as awaited: who stops, who waits for ever, and what becomes of the task."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.agent.scheduler.history import TaskHistory, stop_for
from emulator.engine.fake import Behaviour
from emulator.engine.interface import Health
from emulator.errors import ContainerFailed, EngineError, TaskError
from emulator.runtime.specs.restart import restartable
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.settings import TimeSettings
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.test_executor import CHECK, depends, waiting
from tests.unit.runtime.world import desired_state, make_service

DB: dict[str, Any] = {"essential": False}
UNSUCCESSFUL = (
    "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [db] for target "
    "[nginx] as dependency did not exit successfully."
)


def optional(condition: str, **more: Any) -> DesiredState:
    """`nginx`, which is not essential, waits for `db`, which is not either; `hello` waits for none."""
    db = {**DB, **(CHECK if condition == "HEALTHY" else {}), **more}
    nginx = {"essential": False, **depends(db=condition)}
    return desired_state(make_service({"hello": {}, "db": db, "nginx": nginx}), time=TimeSettings(start_timeout=1))


class TestAnEssentialContainer:
    def test_whose_dependency_fails_ends_the_start_with_the_last_lines_of_that(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,), log=("connecting", "no such host")))
        with pytest.raises(ContainerFailed) as caught:
            bench.start(waiting("SUCCESS"))
        assert str(caught.value) == "container db exited with code 1: hello needs it to succeed"
        assert caught.value.hint == f"ECS says: {UNSUCCESSFUL.replace('nginx', 'hello')}"
        assert (caught.value.container, caught.value.container_exit_code) == ("db", 1)
        assert caught.value.output == ["connecting", "no such host"]

    def test_that_is_given_up_fails_its_task(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,)))
        with pytest.raises(ContainerFailed):
            bench.start(waiting("SUCCESS"))
        [task] = bench.observed.tasks.values()
        reason = task.fault(["hello", "db"])
        assert reason is not None
        assert reason.startswith("Task failed to start: CannotStartContainerError: dependency graph: ")
        assert stop_for(reason).code == "TaskFailedToStart"
        assert "start hello" not in bench.did("start")

    @pytest.mark.parametrize("condition", ["COMPLETE", "SUCCESS", "HEALTHY"])
    def test_does_not_wait_longer_than_the_start_timeout_of_its_dependency(self, bench: Bench, condition: str) -> None:
        bench.engine.behave("*-db", Behaviour(health=(Health.STARTING, Health.UNHEALTHY)))
        db: dict[str, Any] = {**DB, "startTimeout": 1, **(CHECK if condition == "HEALTHY" else {})}
        with pytest.raises(TaskError, match=f"hello waited 1 s for .*-db to be {condition}") as caught:
            bench.start(desired_state(make_service({"hello": depends(db=condition), "db": db})))
        assert caught.value.hint
        assert bench.did("start") == ["start pause", "start db"]

    def test_that_exits_ends_the_start_of_those_that_still_wait(self, bench: Bench) -> None:
        bench.engine.behave("*-web", Behaviour(exits=(4,)))
        containers = {"hello": depends(db="COMPLETE"), "web": {}, "db": {**DB, **depends(web="START")}}
        with pytest.raises(ContainerFailed, match="container web exited with code 4: it is essential"):
            bench.start(desired_state(make_service(containers)))


class TestAContainerThatIsNotEssential:
    def test_whose_dependency_fails_counts_as_stopped_with_code_143_and_the_task_goes_on(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,)))
        state = optional("SUCCESS")
        task = bench.start(state)
        nginx = task.members["nginx"].container
        assert (nginx.state, nginx.exit_code) == ("exited", 143)
        assert nginx.labels[names.GIVEN_UP] == UNSUCCESSFUL
        assert task.members["hello"].running
        assert task.fault(["hello", "db", "nginx"]) is None
        [warning] = bench.warnings()
        assert warning == (
            "it never starts: container db exited with code 1: nginx needs it to succeed. "
            "It is not essential, so its task goes on without it"
        )

    def test_is_described_with_the_reason(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,)))
        state = optional("SUCCESS")
        bench.start(state)
        history = TaskHistory()
        history.look(state, bench.observed)
        [task] = history.tasks()
        [nginx] = [container for container in task["containers"] if container["name"] == "nginx"]
        assert (nginx["lastStatus"], nginx["exitCode"], nginx["reason"]) == ("STOPPED", 143, UNSUCCESSFUL)
        assert task["lastStatus"] == "RUNNING"

    def test_that_waits_too_long_is_given_up(self, bench: Bench) -> None:
        task = bench.start(optional("COMPLETE"))
        assert task.members["nginx"].given_up.endswith(
            "dependency graph: container ordering dependency [db] for target [nginx] has timed out."
        )
        assert task.members["hello"].running

    def test_takes_those_that_wait_for_it_with_it(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,)))
        service = make_service(
            {
                "hello": {},
                "db": DB,
                "nginx": {"essential": False, **depends(db="SUCCESS")},
                "web": {"essential": False, **depends(nginx="START")},
            }
        )
        task = bench.start(desired_state(service))
        assert task.members["web"].given_up.endswith("[nginx] for target [web] because dependency will never start")

    def test_that_docker_cannot_start_does_not_stop_the_task(self, bench: Bench) -> None:
        bench.engine.fail("start", EngineError('exec: "serve": executable file not found'), target="*-db", times=None)
        task = bench.start(desired_state(make_service({"hello": {}, "db": DB})))
        assert task.members["hello"].running
        assert task.members["db"].given_up == 'CannotStartContainerError: exec: "serve": executable file not found'

    def test_is_not_started_by_a_restart_policy_once_it_is_given_up(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(1,)))
        policy = {"restartPolicy": {"enabled": True}}
        service = make_service(
            {"hello": {}, "db": DB, "nginx": {"essential": False, **depends(db="SUCCESS"), **policy}}
        )
        bench.start(desired_state(service))
        assert restartable(bench.observed, {}, 1e9) == []


class TestADependencyThatExitsBeforeItIsHealthy:
    def test_leaves_the_one_that_waits_pending_and_the_task_as_it_is(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(0,)))
        task = bench.start(optional("HEALTHY"))
        assert str(task.members["nginx"].container.state) == "created"
        assert task.fault(["hello", "db", "nginx"]) is None
        [warning] = bench.warnings()
        assert warning == "container db exited with code 0: nginx needs it to be healthy, and stays PENDING as on ECS"

    def test_leaves_those_behind_it_pending_too(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(0,)))
        db = {**DB, **CHECK}
        containers = {"hello": depends(web="START"), "web": depends(db="HEALTHY"), "db": db}
        task = bench.start(desired_state(make_service(containers)))
        assert task.stays_pending("hello")
        assert task.fault(["hello", "web", "db"]) is None

    def test_shows_its_task_as_pending(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(0,)))
        state = optional("HEALTHY")
        bench.start(state)
        history = TaskHistory()
        history.look(state, bench.observed)
        [task] = history.tasks()
        assert task["lastStatus"] == "PENDING"

    def test_is_waited_for_where_its_restart_policy_may_start_it_again(self, bench: Bench) -> None:
        bench.engine.behave("*-db", Behaviour(exits=(0,)))
        task = bench.start(optional("HEALTHY", restartPolicy={"enabled": True}))
        assert task.members["nginx"].given_up.endswith("[db] for target [nginx] has timed out.")


def test_a_container_that_never_got_a_start_is_a_fault(bench: Bench) -> None:
    """As after a command that was killed in the middle of it."""
    bench.engine.fail("start", EngineError("no space left"), target="*-pause")
    with pytest.raises(EngineError):
        bench.start(desired_state(make_service()))
    [task] = bench.observed.tasks.values()
    assert not task.stays_pending("hello")
