"""Targets of the front: registered, judged, drained and removed over HAProxy's admin socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from emulator.agent.load_balancer import balancer_monitor, front_monitor
from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ContainerState
from emulator.errors import EngineError
from emulator.frontdoor.balancers import Balancer
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

Until = Callable[[Callable[[], object]], None]
MAIN, INITIAL, OPEN = "hello:default", "initial:hello:default", "open:hello:default"


def routed(count: int = 1) -> Service:
    return make_service(count=count, target=("hello", 3000))


def look(rig: Rig, times: int = 3) -> None:
    """The monitor's rounds: one to register, one to see the verdict, one to move the target."""
    for _ in range(times):
        rig.monitor.refresh()
        rig.monitor.look()


@pytest.fixture
def fronted(rig: Rig) -> Rig:
    """A service with one task and a front that runs on the first configuration."""
    rig.boot(desired_state(routed()).model_copy(update={"acting": True})).look()
    rig.start_front()
    return rig


def states(rig: Rig) -> list[str]:
    return [target["state"] for target in rig.agent.status()["targets"]]


def test_the_first_configuration_has_the_tasks_that_run(fronted: Rig) -> None:
    name = f"hello-{fronted.task.short_id}"
    assert fronted.front.names(INITIAL) == [name]
    assert fronted.task.pause is not None
    address = fronted.task.pause.addresses[DEMO.network]
    assert fronted.front.servers[INITIAL, name].address == f"{address}:3000"
    assert fronted.did("start")[-1] == "start front"


def test_looks_at_a_target_without_a_verdict_become_rarer(fronted: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fronted.front.verdict = ("DOWN", "INI", "")
    begin = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begin)
    look(fronted, 2)
    pauses = []
    for waited in (0.0, 10.0, 600.0):
        monkeypatch.setattr(time, "monotonic", lambda waited=waited: begin + waited)
        pauses.append(fronted.monitor.look())
    assert pauses[0] == balancer_monitor.AWAITED
    assert pauses[0] < pauses[1] < pauses[2] == balancer_monitor.IDLE


def test_a_target_gets_requests_once_its_check_passes(fronted: Rig) -> None:
    name = f"hello-{fronted.task.short_id}"
    fronted.front.verdict = ("DOWN", "INI", "")
    look(fronted, 1)
    assert states(fronted) == ["initial"]
    assert not fronted.monitor.task_healthy(fronted.task.id)
    fronted.front.verdict = ("UP", "L7OK", "200")
    look(fronted)
    assert states(fronted) == ["healthy"]
    assert fronted.monitor.task_healthy(fronted.task.id)
    assert fronted.front.names(MAIN) == [name]
    assert fronted.front.names(INITIAL) == []


@pytest.mark.parametrize(
    ("verdict", "code", "description"),
    [
        (("DOWN", "L7STS", "500"), "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
        (("DOWN", "L7TOUT", ""), "Target.Timeout", "Request timed out"),
        (("DOWN", "L4CON", ""), "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_an_unhealthy_target_has_the_load_balancers_reason(
    fronted: Rig, verdict: tuple[str, str, str], code: str, description: str
) -> None:
    look(fronted)
    fronted.front.verdict = verdict
    look(fronted, 1)
    [target] = fronted.agent.status()["targets"]
    assert (target["state"], target["reason_code"], target["description"]) == ("unhealthy", code, description)
    assert target["service"] == "hello"
    failing = fronted.monitor.failing_targets()[fronted.task.id]
    assert (failing.port, failing.description) == (3000, description)
    assert failing.target_group.startswith("arn:aws:elasticloadbalancing:")


def test_another_task_is_registered_without_a_reload(fronted: Rig) -> None:
    look(fronted)
    fronted.supervisor.scheduler.state.services["hello"].count = 2
    fronted.supervisor.look()
    look(fronted)
    assert fronted.front.names(MAIN) == sorted(f"hello-{task.short_id}" for task in fronted.tasks)
    assert states(fronted) == ["healthy", "healthy"]
    assert fronted.front.reloads == 0


def test_a_task_that_is_gone_is_removed(fronted: Rig) -> None:
    look(fronted)
    for container in fronted.observed.containers:
        if container.name not in (DEMO.front, DEMO.agent):
            fronted.engine.remove(container.name)
    look(fronted)
    assert fronted.front.servers == {}
    assert states(fronted) == []


def test_the_supervisor_hears_of_a_new_verdict(fronted: Rig) -> None:
    heard: list[str] = []
    fronted.monitor.on_verdict = lambda: heard.append("verdict")
    look(fronted)
    before = len(heard)
    look(fronted)
    assert (before > 0, len(heard)) == (True, before), "and not again where nothing changed"


class TestALoadBalancerThatGoes:
    def test_its_verdicts_do_not_outlive_it(self, fronted: Rig) -> None:
        look(fronted)
        assert states(fronted) == ["healthy"]
        fronted.front.close()
        [target] = fronted.agent.status()["targets"]  # without a round of the loop
        assert (target["state"], target["reason_code"]) == ("unavailable", "Elb.InternalError")
        assert not fronted.monitor.task_healthy(fronted.task.id)
        assert fronted.monitor.failing_targets() == {}, "no task is replaced over it"

    def test_nor_does_one_that_was_started_anew_have_them(self, fronted: Rig) -> None:
        look(fronted)
        fronted.front.verdict = ("DOWN", "INI", "")
        fronted.front.load()
        assert states(fronted) == ["initial"]

    def test_its_container_is_started_while_a_plan_waits(self, fronted: Rig) -> None:
        ends: list[Callable[[str], None]] = [fronted.engine.kill, lambda front: fronted.engine.stop(front, 1)]
        for end in ends:
            end(DEMO.front)
            look(fronted, 1)
            assert fronted.observed.front is not None
            assert fronted.observed.front.state is ContainerState.RUNNING

    def test_one_that_runs_and_answers_nothing_is_started_anew_after_a_while(
        self, fronted: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look(fronted)
        fronted.front.close()
        begin = time.monotonic()
        starts = []
        for waited in (0.0, front_monitor.DEAF - 1, front_monitor.DEAF + 1, front_monitor.DEAF + 2):
            monkeypatch.setattr(time, "monotonic", lambda waited=waited: begin + waited)
            fronted.monitor.look()
            starts.append(fronted.did("start").count("start front"))
        assert [number - starts[0] for number in starts] == [0, 0, 1, 1]

    def test_one_that_was_paused_is_left_alone(self, fronted: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        look(fronted)
        fronted.front.close()
        fronted.engine.pause(DEMO.front)
        before = fronted.did("start")
        begin = time.monotonic()
        for waited in (0.0, front_monitor.DEAF + 1):
            monkeypatch.setattr(time, "monotonic", lambda waited=waited: begin + waited)
            look(fronted, 1)
        assert fronted.did("start") == before

    def test_one_that_cannot_run_is_left_to_docker(self, fronted: Rig) -> None:
        fronted.engine.behave(DEMO.front, Behaviour(exits=(1,)))
        fronted.engine.kill(DEMO.front)
        look(fronted, 1)
        starts = fronted.did("start")
        look(fronted)
        assert fronted.did("start") == starts


class TestRules:
    def change(self, rig: Rig) -> None:
        """Another path for the only rule."""
        [rule] = rig.supervisor.scheduler.state.services["hello"].service.listener_rules
        rule.conditions[0].values = ["/other/*"]

    def test_unchanged_rules_are_not_loaded_again(self, fronted: Rig) -> None:
        look(fronted)
        fronted.monitor.configure(fronted.engine, DEMO.front)
        assert fronted.front.reloads == 0

    def test_changed_rules_are_loaded_with_the_targets_where_they_are(self, fronted: Rig) -> None:
        look(fronted)
        old = fronted.front.rules
        self.change(fronted)
        fronted.monitor.configure(fronted.engine, DEMO.front)
        assert fronted.front.reloads == 1
        assert fronted.front.rules != old
        assert fronted.front.names(MAIN) == [f"hello-{fronted.task.short_id}"], "a healthy target stays so"

    def test_rules_that_haproxy_refuses_are_an_error_in_its_words(self, fronted: Rig) -> None:
        self.change(fronted)
        fronted.front.complaint = "parsing [haproxy.cfg:12] : unknown keyword"
        for _ in range(2):
            with pytest.raises(EngineError, match="HAProxy refuses the front's configuration: parsing"):
                fronted.monitor.configure(fronted.engine, DEMO.front)

    def test_a_front_that_does_not_answer_is_an_error(self, fronted: Rig) -> None:
        self.change(fronted)
        fronted.front.close()
        (fronted.folder / "front" / "run" / "master.sock").unlink()
        with pytest.raises(EngineError, match="the front does not answer"):
            fronted.monitor.configure(fronted.engine, DEMO.front)

    def test_a_front_that_is_killed_meanwhile_is_started_with_the_new_rules(self, fronted: Rig) -> None:
        self.change(fronted)
        fronted.front.close()
        (fronted.folder / "front" / "run" / "master.sock").unlink()
        fronted.engine.calls.clear()
        listings: list[str] = []

        def die(verb: str, target: str) -> None:
            listings.extend([target] * (verb == "list_containers"))
            if len(listings) == 2:
                fronted.engine.before = None
                fronted.engine.kill(DEMO.front)

        fronted.engine.before = die
        fronted.monitor.configure(fronted.engine, DEMO.front)
        assert fronted.did("start") == ["start front"]
        assert b"/other/" in fronted.engine.read_file(DEMO.front, "/copilot-local/front/haproxy.cfg")

    def test_a_stopped_front_is_started_with_what_it_needs(self, fronted: Rig) -> None:
        fronted.engine.stop(DEMO.front, 0)
        fronted.engine.calls.clear()
        self.change(fronted)
        fronted.monitor.configure(fronted.engine, DEMO.front)
        assert fronted.did("start") == ["start front"]
        assert fronted.observed.front is not None
        assert fronted.observed.front.state is ContainerState.RUNNING
        assert fronted.front.reloads == 0
        assert b"/other/" in fronted.engine.read_file(DEMO.front, "/copilot-local/front/haproxy.cfg")


class TestDraining:
    @pytest.fixture
    def busy(self, fronted: Rig) -> Rig:
        """A healthy target with requests under way."""
        look(fronted)
        fronted.front.set_sessions(2)
        return fronted

    def test_no_delay_means_no_waiting(self, busy: Rig) -> None:
        busy.monitor.deregister(busy.engine, busy.task.id, 0)
        look(busy)
        assert busy.front.servers == {}, "its requests are cut off"
        assert any(command.startswith("shutdown sessions") for command in busy.front.commands)

    def test_requests_may_end_while_no_new_ones_come(self, busy: Rig) -> None:
        draining = threading.Thread(target=busy.monitor.deregister, args=(busy.engine, busy.task.id, 600))
        draining.start()
        while states(busy) != ["draining"]:
            look(busy, 1)
        assert {row.status for row in busy.front.servers.values()} == {"MAINT"}
        assert draining.is_alive()
        busy.front.set_sessions(0)
        draining.join(10)
        assert not draining.is_alive()
        look(busy)
        assert busy.front.servers == {}
        assert states(busy) == []

    def test_the_delay_is_an_upper_bound(self, busy: Rig) -> None:
        draining = threading.Thread(target=busy.monitor.deregister, args=(busy.engine, busy.task.id, 1))
        draining.start()
        while draining.is_alive():
            look(busy, 1)
            draining.join(0.02)
        look(busy)
        assert busy.front.servers == {}

    def test_a_task_that_stays_after_all_is_a_target_again(self, busy: Rig) -> None:
        """What was to stop it failed, or was interrupted, after it had been deregistered."""
        busy.front.set_sessions(0)
        busy.monitor.deregister(busy.engine, busy.task.id, 0)
        look(busy)
        assert states(busy) == []
        busy.supervisor.look()
        look(busy)
        assert states(busy) == ["healthy"]

    def test_a_task_that_is_gone_already_is_not_waited_for(self, busy: Rig) -> None:
        busy.monitor.deregister(busy.engine, "gone", 600)


class TestTheLoop:
    def test_it_registers_what_comes_and_survives_a_front_that_goes(self, fronted: Rig, until: Until) -> None:
        fronted.front.close()
        fronted.run()
        until(lambda: fronted.monitor.targets() == [] and "list_containers " in fronted.did("list_containers"))
        fronted.front = type(fronted.front)(fronted.folder / "front2")
        fronted.monitor.monitors[Balancer.PUBLIC].folder = fronted.folder / "front2"
        fronted.monitor.refresh()
        until(lambda: [target["state"] for target in fronted.monitor.targets()] == ["healthy"])
        fronted.front.close()

    def test_a_new_task_is_steady_only_when_the_front_says_so(self, fronted: Rig, until: Until) -> None:
        fronted.run()
        until(lambda: states(fronted) == ["healthy"])
        old = fronted.task.id
        fronted.agent.restart(["hello"], lambda event: None)
        assert fronted.task.id != old
        assert fronted.monitor.task_healthy(fronted.task.id)


def test_after_an_event_the_listing_is_looked_at_again_soon_without_a_load_balancer_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker tells of an end before it lists it, and one that is made anew has no event that asks for a look."""
    rig.boot(desired_state(make_service()).model_copy(update={"acting": True})).look()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rig.monitor.refresh()
    assert rig.monitor.look() == pytest.approx(front_monitor.RESTLESS_PAUSE)


def test_an_unknown_task_is_not_healthy(fronted: Rig) -> None:
    assert not fronted.monitor.task_healthy("unknown")


def test_a_task_without_targets_is_healthy_when_it_runs(rig: Rig) -> None:
    rig.boot(desired_state(make_service()).model_copy(update={"acting": True})).look()
    look(rig, 1)
    assert rig.monitor.task_healthy(rig.task.id)


@pytest.mark.parametrize("retired", [False, True])
def test_a_load_balancer_that_was_ended_is_started_again_unless_all_goes_away(fronted: Rig, retired: bool) -> None:
    if retired:
        fronted.supervisor.retire()
    fronted.engine.stop(DEMO.front, 0)
    look(fronted, 1)
    [front] = fronted.observed.fronts
    assert front.state is (ContainerState.EXITED if retired else ContainerState.RUNNING)
