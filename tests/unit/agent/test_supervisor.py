"""The scheduler's part: what breaks is replaced, what dies young is held back, a restarted agent goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from emulator.agent.scheduler.timeouts import Timeouts
from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import EngineEvent, ExecResult, Health
from emulator.errors import CopilotLocalError, EngineError, EngineTimeout
from emulator.events import discard
from emulator.model import to_json
from emulator.runtime.control.client import AgentError
from emulator.runtime.specs.connect.proxy import READY
from emulator.runtime.specs.service_connect import ServiceConnect
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Role
from tests.unit.agent.rig import SHORT, Rig
from tests.unit.runtime.world import DEMO, ROUTED, ROUTER, connected, desired_state, firelens, make_service

Until = Callable[[Callable[[], object]], None]
CHECK = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}


def acting(*services: Service) -> DesiredState:
    return desired_state(*services).model_copy(update={"acting": True})


def age(rig: Rig, seconds: float = 3600) -> None:
    rig.clock.now += seconds


class TestReplacing:
    @pytest.mark.parametrize("container", ["hello", "side", "pause"])
    def test_a_task_whose_essential_container_or_namespace_dies_is_replaced(self, rig: Rig, container: str) -> None:
        supervisor = rig.boot(acting(make_service({"hello": {}, "side": {"image": "hello:1"}})))
        supervisor.look()
        dead = rig.task
        names = {name: rig.container(name) for name in ("hello", "side")}
        names["pause"] = f"cl-demo-test-{dead.short_id}-pause"
        rig.engine.finish(names[container], 137)
        supervisor.look()
        assert rig.task.id != dead.id
        assert all(member.running for member in rig.task.members.values())

    def test_a_task_that_was_removed_is_replaced(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        for container in rig.observed.containers:
            if container.labels.get("copilot-local.task"):
                rig.engine.remove(container.name)
        supervisor.look()
        assert len(rig.tasks) == 1

    @pytest.mark.parametrize("in_charge", [True, False])
    def test_what_an_agent_that_died_left_of_a_task_is_removed(self, rig: Rig, in_charge: bool) -> None:
        """It had removed the containers and not yet the volumes. Not so while a command makes tasks by itself."""
        supervisor = rig.boot(acting(make_service()).model_copy(update={"acting": in_charge}))
        if in_charge:
            supervisor.look()
        of_task = {**DEMO.labels(Role.VOLUME), names.TASK: rig.task.id if in_charge else "other"}
        rig.engine.ensure_volume("used", of_task)
        rig.engine.ensure_volume("left", {**of_task, names.TASK: "gone"})
        rig.engine.ensure_volume("shared", DEMO.labels(Role.VOLUME))
        supervisor.remove_left_volumes()
        assert {"used", "shared"} <= set(rig.engine.list_volumes({}))
        assert ("left" in rig.engine.list_volumes({})) is not in_charge

    def test_a_volume_that_could_not_be_removed_with_its_task_is_removed_later(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(firelens()))
        supervisor.look()
        before = set(rig.engine.list_volumes({**DEMO.labels(), names.TASK: rig.task.id}))
        assert before
        rig.engine.fail("remove_volume", EngineTimeout("Docker did not remove it within 30 s"))
        rig.engine.finish(rig.container("hello"), 1)
        supervisor.look()
        assert before & set(rig.engine.list_volumes({}))
        supervisor.look()
        assert not before & set(rig.engine.list_volumes({}))

    def test_where_no_thread_can_be_started_the_work_is_done_later(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        dead, spawn = rig.task, supervisor._spawn

        def no_thread(_: object) -> None:
            raise RuntimeError("can't start new thread")

        supervisor._spawn = no_thread
        rig.engine.finish(rig.container("hello"), 1)
        supervisor.look()
        supervisor._spawn = spawn
        supervisor.look()
        assert rig.task.id != dead.id

    def test_a_death_wakes_the_agent(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        dead = rig.task
        rig.run()
        until(lambda: "events " in rig.did("events"))
        rig.engine.finish(rig.container("hello"), 1)
        until(lambda: [task.id != dead.id for task in rig.tasks] == [True])

    def test_an_event_stream_that_breaks_is_opened_again(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        dead = rig.task
        rig.engine.fail("events", EngineError("unexpected EOF"), times=2)
        rig.run()
        until(lambda: rig.did("events") == ["events "] * 3)
        rig.engine.finish(rig.container("hello"), 1)
        until(lambda: [task.id != dead.id for task in rig.tasks] == [True])

    def test_a_dead_router_hangs_nothing(self, rig: Rig) -> None:
        rig.engine.behave("*-pause", Behaviour(listens=("unix://*/relay.sock",)))
        supervisor = rig.boot(acting(make_service({"hello": ROUTED, "firelens_log_router": ROUTER})))
        supervisor.look()
        dead = rig.task
        rig.engine.finish(rig.container("firelens_log_router"), 139)
        rig.engine.fail("start", EngineError("gone"), target=f"*{dead.short_id}-firelens_log_router")
        supervisor.look()
        assert rig.task.id != dead.id
        assert "create_container drain" not in rig.did("create_container"), "the relay takes what comes"

    @pytest.mark.parametrize("proxy", ["envoy", "none"])
    def test_a_task_whose_stop_had_begun_stays_unless_its_proxy_was_drained(self, rig: Rig, proxy: str) -> None:
        state = acting(connected("api", serves="api")).model_copy(update={"proxy_image": "envoy:1"})
        api = state.services["api"]
        api.options = api.options.model_copy(update={"connect_proxy": proxy})
        rig.engine.add_image("envoy:1")
        rig.engine.behave("*-service-connect", Behaviour(log=(READY,)))
        supervisor = rig.boot(state)
        supervisor.scheduler.connect = ServiceConnect(rig.engine, DEMO)  # without the files that proxies read
        supervisor.look()
        before = rig.task.id
        supervisor.scheduler.connect.withdraw(before)
        supervisor.look()
        assert (rig.task.id == before) is (proxy == "none")
        assert not supervisor.scheduler.connect.is_leaving(rig.task.id)

    def test_a_container_that_is_not_essential_may_stop(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service({"hello": {}, "db": {"essential": False}})))
        supervisor.look()
        kept = rig.task.id
        rig.engine.finish(rig.container("db"), 1)
        supervisor.look()
        assert rig.task.id == kept

    def test_one_that_cannot_be_started_is_no_end_of_its_task(self, rig: Rig) -> None:
        rig.engine.fail("start", EngineError("exec: /nothing/here: no such file"), target="*-db")
        supervisor = rig.boot(acting(make_service({"hello": {}, "db": {"essential": False}})))
        supervisor.look()
        rig.watch()
        [told] = supervisor.scheduler.history.tasks()
        assert told["desiredStatus"] == "RUNNING"
        assert not told.get("stopCode")

    def test_an_unhealthy_essential_container_is_replaced_after_the_grace_period(self, rig: Rig) -> None:
        service = make_service({"hello": CHECK})
        service.health_check_grace_period = 0
        supervisor = rig.boot(acting(service))
        supervisor.look()
        sick = rig.task
        rig.engine.set_health(rig.container("hello"), Health.UNHEALTHY)
        supervisor.look()
        assert rig.task.id != sick.id

    def test_an_unhealthy_container_has_its_grace_period(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service({"hello": CHECK})))
        supervisor.look()
        kept = rig.task.id
        rig.engine.set_health(rig.container("hello"), Health.UNHEALTHY)
        supervisor.look()
        assert rig.task.id == kept


class TestBackingOff:
    """A task that dies young: its first replacement comes at once, then after 1 s, 2 s, 4 s, … up to a minute."""

    def die(self, rig: Rig) -> None:
        for task in rig.tasks:
            rig.engine.finish(task.members["hello"].container.name, 1)
        rig.supervisor.look()

    def test_replacements_come_ever_later(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        self.die(rig)
        assert len(rig.tasks) == 1, "the first time may be an accident"
        for delay in (1, 2, 4, 8, 16, 32, 60, 60):
            self.die(rig)
            assert rig.tasks == [], "it is removed at once, but not replaced"
            age(rig, delay - 0.01)
            rig.supervisor.look()
            assert rig.tasks == []
            age(rig, 0.02)
            rig.supervisor.look()
            assert len(rig.tasks) == 1

    def test_it_is_said(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        self.die(rig)
        self.die(rig)
        assert rig.agent.status()["services"]["hello"]["failed_starts"] == 2

    def test_as_many_are_said_as_are_listed_although_the_first_lived(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        age(rig, 61)
        for _ in range(3):
            rig.watch()
            self.die(rig)
        rig.watch()
        stopped = [task for task in rig.agent.tasks() if task["lastStatus"] == "STOPPED"]
        assert rig.agent.status()["services"]["hello"]["failed_starts"] == len(stopped) == 3

    def test_it_is_said_no_longer_once_a_task_lives(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        self.die(rig)
        age(rig, 61)
        assert (
            rig.agent.status()["services"]["hello"] | {"failed_starts": 0, "last_failure": ""}
            == (rig.agent.status()["services"]["hello"])
        )

    def test_a_task_that_lived_was_no_failed_start(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        for _ in range(4):
            age(rig, 61)
            self.die(rig)
            assert len(rig.tasks) == 1
        assert rig.agent.status()["services"]["hello"]["failed_starts"] == 0

    def test_other_services_do_not_wait(self, rig: Rig) -> None:
        rig.boot(acting(make_service(), make_service(name="web"))).look()
        for _ in range(2):
            hello = [task for task in rig.tasks if task.service == "hello"]
            rig.engine.finish(hello[0].members["hello"].container.name, 1)
            rig.supervisor.look()
        web = next(task for task in rig.tasks if task.service == "web")
        rig.engine.finish(web.members["web"].container.name, 1)
        rig.supervisor.look()
        assert [task.service for task in rig.tasks] == ["web"]

    def test_a_new_deployment_does_not_wait(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        self.die(rig)
        self.die(rig)
        assert rig.tasks == []
        rig.agent.apply(desired_state(make_service()), Private(), discard)
        assert len(rig.tasks) == 1
        assert rig.agent.status()["services"]["hello"]["failed_starts"] == 0

    def test_a_task_that_cannot_be_started_counts_as_dead(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        rig.engine.fail("start", EngineError("no space left"), target="*-hello", times=3)
        for _ in range(3):
            supervisor.look()
        assert rig.agent.status()["services"]["hello"]["failed_starts"] == 2


class TestWhyItStops:
    def stopped(self, rig: Rig) -> list[dict[str, str]]:
        """The tasks that stopped, as DescribeTasks has them."""
        rig.watch()
        return [task for task in rig.agent.tasks() if task["lastStatus"] == "STOPPED"]

    def reason(self, rig: Rig) -> str:
        return str(rig.agent.status()["services"]["hello"]["last_failure"])

    def test_an_image_that_is_gone(self, rig: Rig, until: Until) -> None:
        rig.boot(acting(make_service())).look()
        rig.run()
        rig.engine.remove_image("hello:1")
        rig.engine.finish(rig.container("hello"), 1)
        until(lambda: "No such image: hello:1" in self.reason(rig))
        until(lambda: "TaskFailedToStart" in [task["stopCode"] for task in self.stopped(rig)])
        reason = next(task["stoppedReason"] for task in self.stopped(rig) if task["stopCode"] == "TaskFailedToStart")
        assert reason.startswith("CannotPullContainerError: pull image manifest has been retried 1 time(s): ")

    @pytest.mark.parametrize(
        ("verb", "name"), [("create_container", "CannotCreateContainerError"), ("start", "CannotStartContainerError")]
    )
    def test_a_container_that_docker_does_not_make_or_start(self, rig: Rig, verb: str, name: str) -> None:
        supervisor = rig.boot(acting(make_service()))
        rig.engine.fail(verb, EngineError("no space left on device"), target="*-hello", times=None)
        supervisor.look()
        supervisor.look()
        assert self.reason(rig) == f"{name}: no space left on device"

    def test_a_task_that_comes_and_goes_between_two_looks_at_the_targets(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        rig.engine.fail("start", EngineError("no space left on device"), target="*-hello", times=1)
        supervisor.look()
        [failed] = rig.tasks
        supervisor.look()
        assert failed.id not in [task.id for task in rig.tasks]
        [stopped] = self.stopped(rig)
        assert stopped["taskArn"].endswith(failed.id)
        assert stopped["startedBy"].startswith("ecs-svc/")
        assert stopped["stoppedReason"] == "CannotStartContainerError: no space left on device"

    def test_an_essential_container_that_exits(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        rig.engine.finish(rig.container("hello"), 3)
        rig.supervisor.look()
        assert self.reason(rig) == "essential container hello exited with code 3"


class TestTrouble:
    def test_what_fails_is_tried_again(self, rig: Rig, until: Until) -> None:
        rig.boot(acting(make_service()))
        rig.engine.fail("create_container", EngineTimeout("Docker did not answer"), target="*-pause", times=3)
        rig.run()
        until(lambda: [member.running for task in rig.tasks for member in task.members.values()] == [True])

    def test_it_does_not_spin(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(acting(make_service()), Timeouts(first_trouble=600, longest_trouble=600))
        heard: list[EngineEvent] = []
        supervisor.on_event = heard.append
        rig.engine.fail("create_container", EngineTimeout("Docker did not answer"), target="*-pause", times=None)
        rig.run()
        until(lambda: rig.did("create_container").count("create_container pause") == 1)
        for _ in range(20):
            rig.engine.kill("cl-demo-test-agent", "SIGUSR1")
        until(lambda: len(heard) == 20)
        assert rig.did("create_container").count("create_container pause") == 1


class TestKeeping:
    def test_what_a_task_printed_is_written_by_the_agent_itself(self, rig: Rig) -> None:
        """A container that is made for it takes Docker more time than all else of a small task's end."""
        options = {"awslogs-group": "/copilot/demo", "awslogs-stream-prefix": "copilot", "awslogs-region": "eu-west-1"}
        logging = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
        rig.boot(acting(make_service({"hello": logging}))).look()
        rig.engine.print_line(rig.container("hello"), "good morning")
        rig.agent.restart(["hello"], discard)
        [kept] = rig.logs.iterdir()
        assert "good morning" in kept.read_text()
        assert not [target for verb, target in rig.engine.calls if verb == "create_container" and "-keep-" in target]


class TestRestarting:
    """The agent's container has a restart policy; its process starts anew with what is on its volume."""

    def test_an_agent_that_was_in_charge_goes_on_at_once(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        rig.agent.hold(Private()).hand_over()
        rig.supervisor.look()
        kept = rig.task.id
        rig.supervisor.retire()
        supervisor = rig.boot()
        supervisor.look()
        assert rig.agent.status()["acting"] is True
        assert rig.task.id == kept, "what runs is not touched"
        rig.engine.finish(rig.container("hello"), 1)
        supervisor.look()
        assert rig.task.id != kept

    def test_restart_policies_hold_while_a_command_is_in_charge(self, rig: Rig) -> None:
        policy = {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 0}}
        service = make_service({"hello": policy, "web": {}})
        supervisor = rig.boot(acting(service))
        supervisor.look()
        rig.agent.hold(Private())
        rig.engine.finish(rig.container("hello"), 1)
        rig.engine.finish(rig.container("web"), 1)
        supervisor.look()
        members = rig.task.members
        assert (members["hello"].running, members["web"].running) == (True, False)

    def test_an_exit_while_another_container_is_started_again_is_answered_by_its_policy_too(self, rig: Rig) -> None:
        policy = {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 0}}
        supervisor = rig.boot(acting(make_service({"hello": policy, "web": {**policy, "essential": False}})))
        supervisor.look()
        task, hello = rig.task.id, rig.container("hello")

        def exit_too(verb: str, target: str) -> None:
            if verb == "start" and target.endswith("-web"):
                rig.engine.finish(hello, 1)

        rig.engine.before = exit_too
        rig.engine.finish(rig.container("web"), 1)
        supervisor.look()
        rig.engine.before = lambda verb, target: None
        supervisor.look()
        assert rig.task.id == task
        assert rig.task.members["hello"].running

    def test_an_agent_that_was_not_waits_for_its_command(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        rig.supervisor.retire()
        supervisor = rig.boot()
        supervisor.look()
        assert rig.tasks == []

    def test_it_takes_private_values_back_from_the_containers(self, rig: Rig) -> None:
        state = desired_state(make_service())
        state.services["hello"].private_names = {"hello": ["PASSWORD"]}
        rig.boot(state)
        rig.agent.hold(Private(services={"hello": {"hello": {"PASSWORD": "hunter2"}}})).hand_over()
        rig.supervisor.look()
        rig.supervisor.retire()
        supervisor = rig.boot()
        rig.engine.finish(rig.container("hello"), 1)
        supervisor.look()
        assert rig.engine.spec(rig.container("hello")).environment["PASSWORD"] == "hunter2"

    def test_where_they_are_gone_the_service_fails_and_says_so(self, rig: Rig) -> None:
        state = acting(make_service(), make_service(name="web"))
        state.services["hello"].private_names = {"hello": ["PASSWORD"]}
        supervisor = rig.boot(state)
        supervisor.look()
        assert [task.service for task in rig.tasks] == ["web"], "no task of it starts without its secret"
        assert rig.agent.status()["services"]["hello"]["failure"] == "its secrets are gone, run up again"
        private = Private(services={"hello": {"hello": {"PASSWORD": "new"}}})
        rig.agent.apply(desired_state(make_service()), private, discard)
        assert sorted(task.service for task in rig.tasks) == ["hello", "web"]
        assert rig.agent.status()["services"]["hello"]["failure"] == ""


class TestScaling:
    def test_more_tasks_and_fewer(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        rig.agent.scale({"hello": 3}, discard)
        assert len(rig.tasks) == 3
        rig.agent.scale({"hello": 0}, discard)
        assert rig.tasks == []
        supervisor.look()
        assert rig.tasks == [], "until the next up"

    def test_an_unknown_service_is_refused(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        with pytest.raises(AgentError, match="other does not run here") as caught:
            rig.agent.scale({"other": 1}, discard)
        assert "hello" in caught.value.hint

    def test_a_service_that_came_up_with_no_tasks_is_not_scaled_but_brought_up(self, rig: Rig) -> None:
        state = acting(make_service())
        state.services["hello"] = state.services["hello"].model_copy(
            update={
                "service": state.services["hello"].service.model_copy(update={"desired_count": 0}),
                "options": state.services["hello"].options.model_copy(update={"images": {}}),
            }
        )
        rig.boot(state).look()
        rig.run()
        with pytest.raises(CopilotLocalError, match="hello came up with no tasks"):
            rig.agent.scale({"hello": 1}, discard)
        rig.agent.scale({"hello": 0}, discard)
        assert rig.observed.tasks == {}

    def test_a_task_that_is_stopped_is_replaced(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(make_service()))
        supervisor.look()
        stopped = rig.task
        rig.agent.stop_task(stopped.id[:6], discard)
        supervisor.look()
        assert rig.task.id != stopped.id

    def test_a_task_is_stopped_for_the_reason_that_is_given(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        rig.watch()
        rig.agent.stop_task(rig.task.id, discard, "cancelled by the pipeline")
        rig.watch()
        stopped = [task for task in rig.agent.tasks() if task["lastStatus"] == "STOPPED"]
        assert [(task["stopCode"], task["stoppedReason"]) for task in stopped] == [
            ("UserInitiated", "cancelled by the pipeline")
        ]

    def test_a_task_that_is_not_there_cannot_be_stopped(self, rig: Rig) -> None:
        rig.boot(acting(make_service())).look()
        with pytest.raises(AgentError, match="no task of that id: nothing"):
            rig.agent.stop_task("nothing", discard)


def test_an_agent_that_retires_in_the_middle_of_a_plan_ends_it(rig: Rig) -> None:
    waits = {"dependsOn": [{"containerName": "db", "condition": "COMPLETE"}]}
    supervisor = rig.boot(acting(make_service({"hello": waits, "db": {"essential": False}})), SHORT)

    def retire(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-db"):
            supervisor.retire()

    rig.engine.before = retire
    supervisor.look()
    assert "start hello" not in rig.did("start")


def test_a_deployment_that_waits_holds_up_no_other_service(rig: Rig) -> None:
    supervisor = rig.boot(acting(make_service(), make_service(name="web")))
    supervisor.look()
    [dead] = rig.observed.tasks_of("web")
    begun, go_on = threading.Event(), threading.Event()

    def wait(verb: str, target: str) -> None:
        if verb == "start" and "-test-hello-" in target and not begun.is_set():
            begun.set()
            go_on.wait(10)

    rig.engine.before = wait
    threading.Thread(target=rig.monitor.run, daemon=True).start()  # which says when the new task is steady
    deployment = threading.Thread(target=supervisor.deployments.redeploy, args=(["hello"], discard))
    deployment.start()
    assert begun.wait(10)
    rig.engine.finish(next(iter(dead.members.values())).container.name, 1)
    supervisor.look()
    assert [task.id != dead.id for task in rig.observed.tasks_of("web")] == [True]
    go_on.set()
    deployment.join(10)
    assert len(rig.observed.tasks_of("hello")) == 1


class TestPrivateValues:
    def test_a_changed_secret_replaces_the_task(self, rig: Rig) -> None:
        state = acting(make_service())
        rig.boot(state)
        threading.Thread(target=rig.monitor.run, daemon=True).start()
        rig.supervisor.deployments.apply(state, Private(services={"hello": {"hello": {"KEY": "old"}}}), discard)
        old = rig.task.id
        rig.supervisor.deployments.apply(state, Private(services={"hello": {"hello": {"KEY": "old"}}}), discard)
        assert rig.task.id == old
        rig.supervisor.deployments.apply(state, Private(services={"hello": {"hello": {"KEY": "new"}}}), discard)
        assert rig.task.id != old
        assert rig.engine.variables(rig.container("hello"))["KEY"] == "new"


def test_what_started_before_the_agent_could_hear_of_it_is_checked_at_once(rig: Rig, until: Until) -> None:
    """A task starts while the agent does: Docker tells of no start that came before it was listened to."""
    check = {"healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 300}}
    service = make_service({"hello": check})
    answered = Behaviour(health=(Health.STARTING,), exec=lambda _: ExecResult(0, b"", b""))
    rig.engine.behave("*-hello", answered)
    rig.boot(acting(service)).look()
    rig.state_file.write_bytes(to_json(desired_state(service)))
    supervisor = rig.boot()
    rig.run()
    supervisor.held(Private())
    supervisor.begin(desired_state(service), Private())
    until(lambda: [result["passed"] for result in supervisor.status()["checks"].values()] == [True])


def test_docker_is_asked_for_services_only_where_something_may_have_happened(rig: Rig, until: Until) -> None:
    asking: list[threading.Thread] = []
    rig.boot(acting(make_service()))
    rig.run()
    until(lambda: len(rig.tasks) == 1 and "hello" in rig.task.members)
    rig.engine.before = lambda verb, _: asking.append(threading.current_thread()) if verb == "list_containers" else None

    def asks() -> bool:
        asking.clear()
        [service] = rig.supervisor.services()
        assert service["serviceName"] == "hello"
        return threading.current_thread() in asking

    def is_quiet() -> bool:
        age(rig, 10)
        asks()
        return not asks()

    until(is_quiet)
    rig.engine.finish(rig.container("hello"), 1)
    until(asks)
