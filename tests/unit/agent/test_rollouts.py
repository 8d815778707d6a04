"""Deployments: their records, ECS's circuit breaker, the way back, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.deployment import CircuitBreaker, Deployment
from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health
from emulator.errors import EngineError
from emulator.events import Event, EventKind, discard
from emulator.runtime.control.client import AgentError
from emulator.runtime.health.watch import known_from
from emulator.runtime.state.desired import DesiredState, Private
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import desired_state, make_service

BAD = {"hello": {"command": ["bad"]}}
STARTING = Behaviour(health=(Health.STARTING,), exec=lambda _: ExecResult(1, b"", b""))
CHECKED = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}


def with_breaker(service: Service, **breaker: Any) -> Service:
    deployment = Deployment(circuit_breaker=CircuitBreaker(**breaker))
    return service.model_copy(update={"deployment": deployment})


def runs(rig: Rig, *services: Service) -> None:
    """The first deployment of these services has succeeded."""
    rig.boot(desired_state(*services))
    lease = rig.agent.hold(Private())
    lease.begin(desired_state(*services), Private())
    lease.hand_over()
    settle(rig)


def settle(rig: Rig) -> None:
    rig.supervisor.look()
    rig.watch()
    rig.supervisor.look()
    rig.clock.now += 6
    rig.supervisor.look()


def breaks(rig: Rig, **behaviour: Any) -> None:
    rig.engine.behave("*-hello", Behaviour(exits=(1,), **behaviour))


def service(rig: Rig, name: str = "hello") -> dict[str, Any]:
    [found] = [one for one in rig.agent.services() if one["serviceName"] == name]
    return found


def primary(rig: Rig, name: str = "hello") -> dict[str, Any]:
    found: dict[str, Any] = service(rig, name)["deployments"][0]
    assert found["status"] == "PRIMARY"
    return found


def told(rig: Rig, kind: str = "ECS Deployment State Change") -> list[tuple[str, str]]:
    """Name and reason of every event of a kind."""
    found = [event for event in rig.agent.task_events(follow=False) if event["detail-type"] == kind]
    return [(event["detail"]["eventName"], event["detail"].get("reason", "")) for event in found]


def said(rig: Rig) -> list[str]:
    """The service's events, the oldest first."""
    return [event["message"] for event in reversed(service(rig)["events"])]


class TestASuccess:
    def test_is_one_also_while_a_container_that_is_not_essential_is_unhealthy(self, rig: Rig) -> None:
        checked = make_service({"hello": CHECKED, "db": {**CHECKED, "essential": False}})
        rig.engine.behave("*-hello", Behaviour(health=(Health.HEALTHY,)))
        rig.engine.behave("*-db", Behaviour(health=(Health.UNHEALTHY,)))
        runs(rig, checked)
        assert primary(rig)["rolloutState"] == "COMPLETED"

    def test_is_in_progress_until_its_tasks_have_settled(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        lease = rig.agent.hold(Private())
        lease.begin(desired_state(make_service()), Private())
        lease.hand_over()
        rig.supervisor.look()
        first = primary(rig)
        assert first["rolloutState"] == "IN_PROGRESS"
        assert first["rolloutStateReason"] == f"ECS deployment {first['id']} in progress."
        rig.clock.now += 6
        after = primary(rig)
        assert (after["id"], after["rolloutState"]) == (first["id"], "COMPLETED")
        assert after["rolloutStateReason"] == f"ECS deployment {first['id']} completed."
        assert (after["desiredCount"], after["runningCount"], after["pendingCount"], after["failedTasks"]) == (
            1,
            1,
            0,
            0,
        )
        assert [name for name, _ in told(rig)] == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]
        assert [name for name, _ in told(rig, "ECS Service Action")] == ["SERVICE_STEADY_STATE"]
        [task] = rig.tasks
        assert said(rig) == [
            f"(service hello) has started 1 tasks: (task {task.id}).",
            f"(service hello) (deployment {first['id']}) deployment completed.",
            "(service hello) has reached a steady state.",
        ]
        [one] = service(rig)["serviceDeployments"]
        assert (one["status"], one["deploymentCircuitBreaker"]["status"]) == ("SUCCESSFUL", "MONITORING_COMPLETE")
        assert one["targetServiceRevision"]["arn"].rpartition("/")[2] == first["id"].rpartition("/")[2]

    def test_of_a_checked_task_waits_for_its_health(self, rig: Rig) -> None:
        rig.engine.behave("*-hello", STARTING)
        runs(rig, make_service({"hello": CHECKED}))
        assert primary(rig)["rolloutState"] == "IN_PROGRESS"
        rig.engine.set_health(rig.container("hello"), Health.HEALTHY)
        assert primary(rig)["rolloutState"] == "COMPLETED"

    def test_a_change_of_the_number_is_no_deployment(self, rig: Rig) -> None:
        runs(rig, make_service())
        first = primary(rig)["id"]
        rig.agent.scale({"hello": 2}, discard)
        rig.clock.now += 6
        rig.supervisor.look()
        rig.clock.now += 6
        assert primary(rig)["id"] == first
        assert (primary(rig)["desiredCount"], primary(rig)["runningCount"]) == (2, 2)
        assert said(rig)[-1] == "(service hello) has reached a steady state."

    def test_a_forced_one_is_a_deployment(self, rig: Rig) -> None:
        runs(rig, make_service())
        first = primary(rig)["id"]
        rig.agent.restart(["hello"], discard)
        assert primary(rig)["id"] != first
        assert len(service(rig)["deployments"]) == 1, "the old task is gone"

    def test_comes_no_sooner_than_the_old_task_is_gone(self, rig: Rig) -> None:
        """A waiter takes one deployment for the end of it: a pipeline goes on then."""
        runs(rig, make_service())
        seen: list[dict[str, Any]] = []

        def look(verb: str, target: str) -> None:
            if verb == "remove" and target.endswith("-hello"):
                rig.engine.before = None
                seen.extend(service(rig)["deployments"])

        rig.engine.before = look
        rig.agent.restart(["hello"], discard)
        assert [(one["status"], one["rolloutState"], one["runningCount"]) for one in seen] == [
            ("PRIMARY", "IN_PROGRESS", 1),
            ("ACTIVE", "COMPLETED", 0),
        ]

    def test_is_known_to_the_next_agent(self, rig: Rig) -> None:
        runs(rig, make_service())
        before = service(rig)
        rig.boot()
        after = service(rig)
        assert after["deployments"] == before["deployments"]
        assert after["serviceDeployments"] == before["serviceDeployments"]

    @pytest.mark.parametrize("content", ["", "{}", "[1]", '{"current": {"hello": {}}, "ended": {}}'])
    def test_records_that_cannot_be_read_are_made_anew(self, rig: Rig, content: str) -> None:
        runs(rig, make_service())
        rig.state_file.with_name("deployments.json").write_text(content)
        rig.boot()
        assert primary(rig)["rolloutState"] == "COMPLETED"


class TestAFailedUpdate:
    def deploy(self, rig: Rig, changed: Service, emit: Any = discard) -> AgentError:
        with pytest.raises(AgentError) as caught:
            rig.agent.apply(desired_state(changed), Private(), emit)
        return caught.value

    def test_is_rolled_back_at_the_threshold_and_the_old_task_stays(self, rig: Rig) -> None:
        runs(rig, make_service())
        [old], first = rig.tasks, primary(rig)["id"]
        breaks(rig, log=("no settings",))
        events: list[Event] = []
        error = self.deploy(rig, make_service(BAD), events.append)
        assert error.message.startswith("the deployment of hello failed, rolled back to revision 1: ")
        assert "container hello exited with code 1" in error.message
        assert error.output == ["no settings"]
        warned = [event.message for event in events if event.kind is EventKind.WARNING]
        assert [line.rpartition("(")[2] for line in warned] == [f"{n} of 3 failed tasks)" for n in (1, 2, 3)]
        rig.supervisor.look()
        assert [task.id for task in rig.tasks] == [old.id]
        now = service(rig)
        [after] = now["deployments"]
        assert after["rolloutStateReason"].endswith("completed.")
        assert after["id"] != first
        assert after["taskDefinition"].endswith(":1")
        assert now["taskDefinition"].endswith(":1")
        failed = now["serviceDeployments"][0]
        assert failed["status"] == "ROLLBACK_SUCCESSFUL"
        exceeded = "Service deployment rolled back because the circuit breaker threshold was exceeded."
        assert failed["statusReason"] == failed["rollback"]["reason"] == exceeded
        assert failed["rollback"]["serviceRevisionArn"].endswith(first.partition("/")[2])
        assert failed["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}

    def test_is_told_alike_everywhere(self, rig: Rig) -> None:
        runs(rig, make_service())
        first = primary(rig)["id"]
        breaks(rig)
        self.deploy(rig, make_service(BAD))
        failed = service(rig)["serviceDeployments"][0]["targetServiceRevision"]["arn"].rpartition("/")[2]
        second = f"ecs-svc/{failed}"
        back = primary(rig)["id"]
        assert told(rig)[2:] == [
            ("SERVICE_DEPLOYMENT_IN_PROGRESS", f"ECS deployment {second} in progress."),
            ("SERVICE_DEPLOYMENT_FAILED", "ECS deployment circuit breaker: tasks failed to start."),
            ("SERVICE_DEPLOYMENT_IN_PROGRESS", f"ECS deployment {back} in progress."),
            ("SERVICE_DEPLOYMENT_COMPLETED", f"ECS deployment {back} completed."),
        ]
        ours = [line for line in said(rig) if "deployment" in line][1:]
        assert ours == [
            f"(service hello) (deployment {second}) deployment failed: tasks failed to start.",
            f"(service hello) rolling back to deployment {first}.",
            f"(service hello) (deployment {back}) deployment completed.",
        ]
        status = rig.agent.status()
        assert status["services"]["hello"]["deployment"]["rolled_back"].startswith("ECS deployment circuit breaker")
        state = desired_state(make_service())
        assert known_from(state, status).failing[0].startswith("hello: the last deployment was rolled back: ")
        rig.agent.apply(state, Private(), discard)
        assert known_from(state, rig.agent.status()).failing == (), "what runs is what is asked for"

    def test_without_rollback_keeps_the_old_task_and_starts_no_other(self, rig: Rig) -> None:
        runs(rig, make_service())
        [old] = rig.tasks
        breaks(rig)
        error = self.deploy(rig, with_breaker(make_service(BAD), rollback=False))
        assert "there is nothing to roll back to" in error.message
        for _ in range(3):
            rig.clock.now += 100
            rig.supervisor.look()
        assert [task.id for task in rig.tasks] == [old.id]
        assert (primary(rig)["rolloutState"], primary(rig)["failedTasks"]) == ("FAILED", 3)
        assert primary(rig)["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
        rig.engine.behave("*-hello", Behaviour())
        rig.agent.apply(desired_state(make_service(BAD)), Private(), discard)
        assert [task.id == old.id for task in rig.tasks] == [False]

    @pytest.mark.parametrize(
        ("breaker", "count", "threshold"),
        [
            ({"threshold_type": "COUNT", "threshold_value": 1}, 1, 1),
            ({"threshold_type": "COUNT", "threshold_value": 5}, 1, 5),
            ({"threshold_type": "UNBOUNDED_PERCENT", "threshold_value": 50}, 2, 1),
            ({"threshold_type": "BOUNDED_PERCENT", "threshold_value": 100}, 4, 4),
        ],
    )
    def test_has_the_threshold_of_its_definition(
        self, rig: Rig, breaker: dict[str, Any], count: int, threshold: int
    ) -> None:
        runs(rig, make_service(count=count))
        breaks(rig)
        self.deploy(rig, with_breaker(make_service(BAD, count=count), **breaker))
        found = service(rig)["serviceDeployments"][0]["deploymentCircuitBreaker"]
        assert found["threshold"] == threshold
        assert found["failureCount"] >= threshold

    def test_counts_tasks_that_docker_does_not_start(self, rig: Rig) -> None:
        runs(rig, make_service())
        rig.engine.fail("start", EngineError("no space left"), target="*-hello", times=3)
        self.deploy(rig, make_service(BAD))
        assert service(rig)["serviceDeployments"][0]["deploymentCircuitBreaker"]["failureCount"] == 3
        rig.supervisor.look()
        assert len(rig.tasks) == 1

    def test_a_second_try_that_works_succeeds(self, rig: Rig) -> None:
        runs(rig, make_service())
        rig.engine.fail("start", EngineError("no space left"), target="*-hello", times=2)
        rig.agent.apply(desired_state(make_service(BAD)), Private(), discard)
        assert primary(rig)["failedTasks"] == 2
        rig.supervisor.look()
        rig.clock.now += 6
        assert primary(rig)["rolloutState"] == "COMPLETED"

    def test_takes_its_secrets_back_too(self, rig: Rig) -> None:
        runs(rig, make_service())
        rig.agent.apply(desired_state(make_service()), Private(services={"hello": {"hello": {"KEY": "old"}}}), discard)
        settle(rig)
        breaks(rig)
        new = Private(services={"hello": {"hello": {"KEY": "new"}}})
        with pytest.raises(AgentError):
            rig.agent.apply(desired_state(make_service(BAD)), new, discard)
        rig.engine.behave("*-hello", Behaviour())
        rig.engine.finish(rig.container("hello"), 1)
        rig.supervisor.look()
        assert rig.engine.spec(rig.container("hello")).environment["KEY"] == "old"

    def test_of_one_service_leaves_the_other_deployed(self, rig: Rig) -> None:
        runs(rig, make_service(), make_service(name="web"))
        breaks(rig)
        both = desired_state(make_service(BAD), make_service({"web": {"command": ["new"]}}, name="web"))
        with pytest.raises(AgentError, match="the deployment of hello failed"):
            rig.agent.apply(both, Private(), discard)
        assert service(rig, "web")["taskDefinition"].endswith(":2")
        assert service(rig)["taskDefinition"].endswith(":1")
        assert len(rig.observed.tasks_of("web")) == 1


class TestAFirstDeployment:
    def test_that_fails_starts_no_more_tasks(self, rig: Rig) -> None:
        runs(rig, make_service())
        rig.engine.behave("*-web", Behaviour(exits=(1,)))
        with pytest.raises(AgentError, match="the deployment of web failed, there is nothing to roll back to"):
            rig.agent.apply(desired_state(make_service(name="web")), Private(), discard)
        for _ in range(3):
            rig.clock.now += 100
            rig.supervisor.look()
        assert [task.service for task in rig.tasks] == ["hello"]
        assert (primary(rig, "web")["rolloutState"], primary(rig, "web")["failedTasks"]) == ("FAILED", 3)
        rig.engine.behave("*-web", Behaviour())
        rig.agent.apply(desired_state(make_service(name="web")), Private(), discard)
        assert len(rig.observed.tasks_of("web")) == 1, "another `up` tries again"

    def test_whose_tasks_die_later_stops_at_the_threshold(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        lease = rig.agent.hold(Private())
        lease.begin(desired_state(make_service()), Private())
        lease.hand_over()
        for _ in range(6):
            rig.supervisor.look()
            for task in rig.tasks:
                rig.engine.finish(task.members["hello"].container.name, 1)
            rig.clock.now += 3
        rig.clock.now += 100
        rig.supervisor.look()
        assert rig.tasks == []
        assert (primary(rig)["rolloutState"], primary(rig)["failedTasks"]) == ("FAILED", 3)
        [line] = known_from(desired_state(make_service()), rig.agent.status()).failing
        assert "no task is started any more" in line

    def test_that_is_failing_begins_again_with_the_next_up(self, rig: Rig) -> None:
        """The last task of the one before must not end the new one: it began before its cause was mended."""
        breaks(rig)
        rig.boot(desired_state(make_service()))
        lease = rig.agent.hold(Private())
        lease.begin(desired_state(make_service()), Private())
        lease.hand_over()
        for _ in range(3):
            rig.supervisor.look()
            rig.clock.now += 120
        before = primary(rig)
        assert (before["rolloutState"], before["failedTasks"]) == ("IN_PROGRESS", 2)
        rig.engine.behave("*-hello", Behaviour())
        rig.agent.scale({"hello": 1}, discard)
        assert primary(rig)["id"] == before["id"], "a change of the number is none"
        rig.agent.apply(desired_state(make_service()), Private(), discard)
        settle(rig)
        assert primary(rig)["id"] != before["id"]
        assert (primary(rig)["rolloutState"], primary(rig)["runningCount"]) == ("COMPLETED", 1)


class TestALateFailure:
    """The command has its answer, and the old task is gone."""

    def test_brings_the_old_definition_back(self, rig: Rig) -> None:
        runs(rig, make_service())
        rig.agent.apply(desired_state(make_service(BAD)), Private(), discard)
        for _ in range(3):
            rig.engine.finish(rig.container("hello"), 1)
            rig.supervisor.look()
            rig.clock.now += 3
            rig.supervisor.look()
        assert rig.task.revision == "1"
        assert service(rig)["serviceDeployments"][0]["status"] == "ROLLBACK_IN_PROGRESS"
        assert primary(rig)["rolloutStateReason"].startswith(
            "ECS deployment circuit breaker: rolling back to deploymentId"
        )
        rig.clock.now += 6
        rig.supervisor.look()
        assert service(rig)["serviceDeployments"][0]["status"] == "ROLLBACK_SUCCESSFUL"
        assert b'"bad"' not in rig.state_file.read_bytes(), "a restarted agent goes on with it"

    def test_after_success_is_no_failed_deployment(self, rig: Rig) -> None:
        runs(rig, make_service())
        for _ in range(5):
            rig.clock.now += 61
            rig.engine.finish(rig.container("hello"), 1)
            rig.supervisor.look()
        assert (primary(rig)["rolloutState"], primary(rig)["failedTasks"]) == ("COMPLETED", 0)

    @pytest.mark.parametrize(("resets", "state"), [(True, "IN_PROGRESS"), (False, "FAILED")])
    def test_a_healthy_task_sets_the_count_back(self, rig: Rig, resets: bool, state: str) -> None:
        rig.engine.behave("*-hello", STARTING)
        checked = with_breaker(make_service({"hello": CHECKED}, count=2), reset_on_healthy_task=resets)
        rig.boot(desired_state(checked))
        lease = rig.agent.hold(Private())
        lease.begin(desired_state(checked), Private())
        lease.hand_over()
        rig.supervisor.look()

        def one_dies() -> None:
            rig.engine.finish(rig.tasks[-1].members["hello"].container.name, 1)
            for _ in range(2):
                rig.supervisor.look()
                rig.clock.now += 70

        one_dies()
        one_dies()
        rig.engine.set_health(rig.tasks[0].members["hello"].container.name, Health.HEALTHY)
        rig.supervisor.look()
        one_dies()
        assert primary(rig)["rolloutState"] == state
        assert primary(rig)["failedTasks"] == 3


@pytest.mark.parametrize(
    ("kind", "value", "desired", "threshold"),
    [
        ("COUNT", 1, 10, 1),
        ("COUNT", 7, 1, 7),
        ("BOUNDED_PERCENT", 50, 0, 3),
        ("BOUNDED_PERCENT", 50, 6, 3),
        ("BOUNDED_PERCENT", 50, 7, 4),
        ("BOUNDED_PERCENT", 50, 1000, 200),
        ("BOUNDED_PERCENT", 10, 30, 3),
        ("UNBOUNDED_PERCENT", 50, 1, 1),
        ("UNBOUNDED_PERCENT", 50, 1000, 500),
        ("UNBOUNDED_PERCENT", 7, 100, 7),
    ],
)
def test_thresholds(kind: Any, value: float, desired: int, threshold: int) -> None:
    assert CircuitBreaker(threshold_type=kind, threshold_value=value).threshold(desired) == threshold


def test_a_service_without_a_breaker_is_deployed_as_before(rig: Rig) -> None:
    """The first failure ends the command, and what ran goes on."""
    runs(rig, make_service())
    [old] = rig.tasks
    breaks(rig)
    with pytest.raises(AgentError, match=r"^container hello exited"):
        rig.agent.apply(desired_state(with_breaker(make_service(BAD), enable=False)), Private(), discard)
    rig.supervisor.look()
    assert [task.id for task in rig.tasks] == [old.id]
    assert primary(rig)["rolloutState"] == "COMPLETED"


def test_jobs_have_no_deployments(rig: Rig) -> None:
    from emulator.ecs.job import JobSchedule

    job = make_service(name="cleanup", count=0).model_copy(
        update={"schedule": JobSchedule(expression="rate(1 hour)", retries=0)}
    )
    state: DesiredState = desired_state(job)
    rig.boot(state.model_copy(update={"acting": True}))
    assert rig.agent.services() == []


class TestARestartOfTheAgentInTheMiddle:
    def test_goes_on_and_rolls_back_to_what_ran_before(self, rig: Rig) -> None:
        """With the private values of the old tasks, which stand in no file."""
        good = desired_state(make_service())
        good.services["hello"].private_names = {"hello": ["TOKEN"]}
        values = Private(services={"hello": {"hello": {"TOKEN": "correct-horse"}}})
        rig.boot(good)
        lease = rig.agent.hold(values)
        lease.begin(good, values)
        lease.hand_over()
        settle(rig)
        before = primary(rig)
        breaks(rig)
        bad = desired_state(make_service(BAD))
        bad.services["hello"].private_names = {"hello": ["TOKEN"]}
        rig.agent.order(bad, Private(services={"hello": {"hello": {"TOKEN": "new"}}}))
        begun = primary(rig)
        assert (begun["rolloutState"], begun["id"] != before["id"]) == ("IN_PROGRESS", True)
        rig.boot()
        assert [one["id"] for one in service(rig)["deployments"]] == [begun["id"], before["id"]]
        for _ in range(12):
            rig.clock.now += 60
            settle(rig)
        after = primary(rig)
        assert (after["rolloutState"], after["taskDefinition"]) == ("COMPLETED", before["taskDefinition"])
        assert rig.supervisor.scheduler.private.of("hello", "hello") == {"TOKEN": "correct-horse"}
        assert "correct-horse" not in rig.state_file.with_name("deployments.json").read_text()


def test_a_task_that_a_rolled_back_deployment_was_to_replace_goes_on(rig: Rig) -> None:
    runs(rig, make_service())
    [old] = rig.agent.tasks("hello")
    breaks(rig)
    rig.agent.order(desired_state(make_service(BAD)), Private())
    for _ in range(12):
        rig.clock.now += 60
        settle(rig)
    assert primary(rig)["rolloutState"] == "COMPLETED"
    [task] = [one for one in rig.agent.tasks("hello") if one["taskArn"] == old["taskArn"]]
    assert (task["desiredStatus"], task["lastStatus"], task.get("stopCode")) == ("RUNNING", "RUNNING", None)
