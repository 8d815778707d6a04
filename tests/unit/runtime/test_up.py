"""Bringing an environment up where it does not run, and joining one that does."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import File, Health
from emulator.errors import EngineTimeout, ImageError, InputError, NotHealthy, TaskError, Unsupported, UsageError
from emulator.events import Event, EventKind, discard
from emulator.model import from_json, to_json
from emulator.runtime.control.client import AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.lifecycle import bring_up
from emulator.runtime.lifecycle.down import down
from emulator.runtime.lifecycle.dry_run import dry_run
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.specs.agent import STATE_FILE, STATE_FOLDER
from emulator.runtime.state.desired import DesiredState, Private
from emulator.settings import Settings, TimeSettings
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, firelens, make_service, nginx_sidecar


def names_of(bench: Bench) -> list[str]:
    return sorted({c.name.rpartition("-")[2] for c in bench.observed.containers})


def test_a_service_runs_beside_its_front_and_its_agent(bench: Bench) -> None:
    running = bench.up(nginx_sidecar())
    assert names_of(bench) == ["agent", "front", "hello", "nginx", "pause"]
    assert set(bench.states().values()) == {"running"}
    assert running.url == f"http://127.0.0.1:{running.state.front_port}"
    assert running.fresh


def test_a_service_without_rules_has_no_url(bench: Bench) -> None:
    assert bench.up(make_service()).url is None
    assert names_of(bench) == ["agent", "hello", "pause"]


def test_the_command_is_in_charge_until_it_hands_over(bench: Bench) -> None:
    running = bench.up(make_service())
    assert bench.agent.said == ["hold", "begin"]
    running.hand_over()
    assert bench.agent.said == ["hold", "begin", "act"]


def test_the_agent_finds_what_should_run_without_any_secret(bench: Bench) -> None:
    private = Private(services={"hello": {"hello": {"PASSWORD": "hunter2"}}})
    bench.up(make_service(), private=private)
    begin = bench.agent.requests[-1]
    assert list(begin["state"]["services"]) == ["hello"]
    assert "hunter2" not in json.dumps(begin["state"])
    assert begin["private"]["services"]["hello"]["hello"] == {"PASSWORD": "hunter2"}
    assert "hunter2" not in str(bench.engine.spec(DEMO.agent).command)


def test_a_secret_reaches_its_container_as_a_variable_and_no_label(bench: Bench) -> None:
    private = Private(services={"hello": {"hello": {"PASSWORD": "hunter2"}}})
    bench.up(make_service({"hello": {"secrets": [{"name": "PASSWORD", "valueFrom": "/p"}]}}), private=private)
    [hello] = [c for c in bench.observed.containers if c.name.endswith("-hello")]
    spec = bench.engine.spec(hello.name)
    assert spec.environment["PASSWORD"] == "hunter2"
    assert "hunter2" not in json.dumps([dict(spec.labels), spec.command, spec.log_options])


def test_values_that_nothing_gives_are_asked_for_together(bench: Bench) -> None:
    def variable(name: str) -> dict[str, object]:
        return {"name": name, "value": {"kind": "import", "name": f"export-{name}"}}

    containers = {"hello": {"environment": [variable("A"), variable("B")]}, "web": {"environment": [variable("C")]}}
    with pytest.raises(InputError) as caught:
        bench.up(make_service(containers))
    for name in ("export-A", "export-B", "export-C"):
        assert name in str(caught.value)
    assert "[values]" in str(caught.value)
    assert bench.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.mark.parametrize("run", ["up", "dry run"])
def test_what_does_not_run_here_is_refused_before_anything_is_made(bench: Bench, run: str) -> None:
    service = make_service({"hello": {"privileged": True}})
    with pytest.raises(Unsupported, match="container hello is privileged"):
        bench.up(service) if run == "up" else dry_run(bench.engine, bench.request(service))
    assert bench.left() == {"containers": [], "networks": [], "volumes": []}


def test_the_first_image_that_is_missing_leaves_nothing_behind(bench: Bench) -> None:
    with pytest.raises(ImageError, match="cannot pull private:1"):
        bench.up(make_service({"hello": {"image": "private:1"}}))
    assert bench.left() == {"containers": [], "networks": [], "volumes": []}


class TestJoining:
    """A second `up`: the agent that runs does the work."""

    @pytest.fixture
    def running(self, bench: Bench) -> Bench:
        bench.up(make_service()).hand_over()
        bench.agent.said.clear()
        bench.engine.calls.clear()
        return bench

    def test_the_agent_gets_what_should_run_and_nothing_else_is_done(self, running: Bench) -> None:
        running.agent.events = [Event(EventKind.STEP_DONE, "start hello")]
        joined = running.up(make_service(), make_service(name="web"), private=Private(services={"web": {}}))
        assert running.agent.said == ["apply"]
        assert sorted(running.agent.requests[-1]["state"]["services"]) == ["hello", "web"]
        assert running.agent.requests[-1]["private"]["services"] == {"web": {}}
        assert running.did("create_container", "start", "stop", "remove") == []
        assert "start hello" in [event.subject for event in running.events]
        assert not joined.fresh

    def test_what_the_agent_says_against_it_is_told(self, running: Bench) -> None:
        running.agent.refuses = {"message": "container web exited", "hint": "look", "output": ["boom"]}
        with pytest.raises(AgentError, match="container web exited") as caught:
            running.up(make_service())
        assert (caught.value.hint, caught.value.output) == ("look", ["boom"])
        assert names_of(running) == ["agent", "hello", "pause"], "what ran before goes on"

    def test_a_dead_agent_is_replaced(self, running: Bench) -> None:
        running.engine.stop(DEMO.agent, 0)
        joined = running.up(make_service())
        assert joined.fresh
        assert running.states()["agent"] == "running"
        assert running.agent.said == ["hold", "begin"]
        stored = running.engine.read_file(DEMO.agent, "/copilot-local/state/desired.json")
        assert list(from_json(DesiredState, stored).services) == ["hello"], "it knows at once what runs"
        assert running.did("create_container") == ["create_container agent"], "the task that runs is kept"


class TestWaiting:
    """`up --wait`."""

    def target(self, state: str = "healthy", description: str = "") -> dict[str, str]:
        return {"name": "hello-x", "service": "hello", "state": state, "description": description}

    def test_it_ends_when_containers_and_targets_are_healthy(self, bench: Bench) -> None:
        verdicts = iter(["initial", "unhealthy", "healthy"])

        def look() -> None:
            bench.agent.status["targets"] = [self.target(next(verdicts, "healthy"))]

        bench.agent.before_status = look
        check = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}
        bench.engine.behave("*-hello", Behaviour(health=(Health.STARTING, Health.STARTING, Health.HEALTHY)))
        bench.up(make_service({"hello": check}, target=("hello", 80)), wait=True)
        assert bench.agent.status["targets"] == [self.target("healthy")]

    def test_it_asks_over_the_connection_that_it_holds(self, bench: Bench) -> None:
        bench.agent.status["targets"] = [self.target()]
        bench.up(make_service(target=("hello", 80)), wait=True)
        assert bench.agent.said == ["hold", "begin", "status"]
        assert len(bench.agent.streams) == 1

    def test_where_that_connection_is_gone_it_asks_over_another_one(self, bench: Bench) -> None:
        bench.agent.status["targets"] = [self.target()]
        bench.agent.before_status = lambda: bench.agent.streams[0].close()
        bench.up(make_service(target=("hello", 80)), wait=True)
        assert bench.agent.said == ["hold", "begin", "status", "status"]
        assert len(bench.agent.streams) == 2

    def test_a_target_of_a_group_that_no_rule_names_is_not_waited_for(self, bench: Bench) -> None:
        bench.agent.status["targets"] = [self.target("unused")]
        bench.up(make_service(target=("hello", 80)), wait=True)

    def test_what_is_not_healthy_in_time_is_named(self, bench: Bench) -> None:
        def look() -> None:
            [task] = bench.observed.tasks.values()
            target = self.target("unhealthy", "Health checks failed")
            bench.agent.status["targets"] = [{**target, "name": f"hello-{task.short_id}", "target_group": "default"}]

        bench.agent.before_status = look
        settings = Settings(time=TimeSettings(wait_timeout=1))
        words = r"not healthy after 1 s: hello \w{8}: its target is unhealthy \(Health checks failed\)"
        with pytest.raises(NotHealthy, match=words):
            bench.up(make_service(target=("hello", 80)), wait=True, settings=settings)
        assert bench.left()["containers"] == []

    def test_a_task_whose_containers_are_being_removed_is_not_healthy(self, bench: Bench) -> None:
        verdicts = iter(["initial", "healthy"])

        def look() -> None:
            bench.agent.status["targets"] = [self.target(next(verdicts, "healthy"))]
            for container in bench.observed.containers:
                if container.name.endswith("-hello"):
                    bench.engine.remove(container.name)

        bench.agent.before_status = look
        settings = Settings(time=TimeSettings(wait_timeout=4))
        with pytest.raises(TaskError, match="container hello is not there"):
            bench.up(make_service(target=("hello", 80)), wait=True, settings=settings)

    def test_an_environment_that_is_taken_down_is_not_waited_for(self, bench: Bench) -> None:
        bench.agent.status["targets"] = [self.target("initial")]

        def take_down() -> None:
            down(bench.engine, DEMO, discard, volumes=True)

        bench.agent.before_status = take_down
        with pytest.raises(TaskError, match="demo/test was taken down by another command"):
            bench.up(make_service(target=("hello", 80)), wait=True)

    def test_an_interruption_ends_it(self, bench: Bench) -> None:
        threading.Timer(0.2, bench.cancelled.set).start()
        with pytest.raises(Cancelled):
            bench.up(make_service(target=("hello", 80)), wait=True)
        assert bench.left()["containers"] == []


def store_state(bench: Bench, running: Running) -> None:
    """As the agent does with what it is to run."""
    content = File(STATE_FILE, to_json(running.state))
    bench.engine.put_files(DEMO.agent, STATE_FOLDER, [content])


class TestDryRun:
    """The plan, and nothing done."""

    def test_it_prints_what_up_would_do(self, bench: Bench) -> None:
        plan = str(dry_run(bench.engine, bench.request(firelens())))
        assert plan.startswith("#1 create network cl-demo-test: no such network")
        assert "start container" in plan
        assert bench.left() == {"containers": [], "networks": [], "volumes": []}

    def test_nothing_is_to_be_done_where_all_of_it_runs(self, bench: Bench) -> None:
        bench.up(nginx_sidecar())
        assert str(dry_run(bench.engine, bench.request(nginx_sidecar()))) == ""

    def test_an_image_that_was_built_and_has_not_changed_is_the_one_that_runs(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        folder = {"hello": str(tmp_path)}
        store_state(bench, bench.up(make_service(), replacements=folder))
        assert str(dry_run(bench.engine, bench.request(make_service(), replacements=folder))) == ""
        bench.engine.builds.clear()  # as after a change of a file
        plan = str(dry_run(bench.engine, bench.request(make_service(), replacements=folder))).splitlines()
        [task] = bench.observed.tasks.values()
        assert plan[:2] == [
            f"build {tmp_path}/Dockerfile: its context changed",
            f"replace hello {task.short_id}: {tmp_path}/Dockerfile is built anew; where the image comes out the same,"
            " the task stays",
        ]
        assert any(line.endswith(": its image is built anew") for line in plan)

    def test_it_says_which_variables_differ_and_no_value(self, bench: Bench) -> None:
        def hello(level: str, *more: dict[str, str]) -> Service:
            variables = [{"name": "LEVEL", "value": level}, *more]
            return make_service({"hello": {"environment": variables, "command": ["run", level]}})

        store_state(bench, bench.up(hello("info", {"name": "OLD", "value": "x"})))
        [task] = bench.observed.tasks.values()
        plan = str(dry_run(bench.engine, bench.request(hello("debug", {"name": "NEW", "value": "y"}))))
        assert plan.splitlines()[0] == (
            f"replace hello {task.short_id}: variable NEW of hello is new, variable OLD of hello is gone,"
            " variable LEVEL of hello changed, command of hello changed"
        )
        assert f": in place of {task.short_id}" in plan
        assert "debug" not in plan

    def test_new_tasks_are_numbered(self, bench: Bench) -> None:
        plan = str(dry_run(bench.engine, bench.request(make_service(count=2))))
        assert plan == str(dry_run(bench.engine, bench.request(make_service(count=2))))
        assert "hello-new-1-hello" in plan
        assert "hello-new-2-hello" in plan

    def test_services_that_are_not_meant_are_left_alone(self, bench: Bench) -> None:
        both = [make_service({name: {"image": "hello:1"}}, name=name) for name in ("a", "b")]
        store_state(bench, bench.up(*both))
        assert str(dry_run(bench.engine, bench.request(both[0]))) == ""

    def test_a_private_value_that_changed_is_named(self, bench: Bench) -> None:
        private = Private(services={"hello": {"hello": {"TOKEN": "hush-1"}}})
        store_state(bench, bench.up(make_service(), private=private))
        assert str(dry_run(bench.engine, bench.request(make_service(), private=private))) == ""
        newer = Private(services={"hello": {"hello": {"TOKEN": "hush-2"}}})
        plan = str(dry_run(bench.engine, bench.request(make_service(), private=newer)))
        assert "the private value of variable TOKEN of hello changed" in plan.splitlines()[0]
        assert "hush" not in plan

    def test_a_replacement_of_an_unknown_container_is_refused(self, bench: Bench) -> None:
        with pytest.raises(UsageError, match="there is no container nginx"):
            dry_run(bench.engine, bench.request(make_service(), replacements={"nginx": "nginx:1"}))


class TestUntilItEnds:
    """What a foreground `up` waits for."""

    def test_the_essential_container_that_exits(self, bench: Bench) -> None:
        running = bench.up(make_service({"hello": {}, "init": {"essential": False, "image": "db:1"}}))
        [init] = [c.name for c in bench.observed.containers if c.name.endswith("-init")]
        [hello] = [c.name for c in bench.observed.containers if c.name.endswith("-hello")]
        bench.engine.finish(init, 1)
        threading.Timer(0.05, bench.engine.finish, (hello, 7)).start()
        ended = running.wait_for_exit(threading.Event())
        assert ended is not None
        assert (ended.name, ended.container.exit_code) == ("hello", 7)

    def test_one_that_its_restart_policy_covers_has_a_moment_to_come_back(self, bench: Bench) -> None:
        running = bench.up(make_service({"hello": {"restartPolicy": {"enabled": True, "ignoredExitCodes": [3]}}}))
        [hello] = [c.name for c in bench.observed.containers if c.name.endswith("-hello")]
        bench.engine.finish(hello, 1)
        interrupted = threading.Event()

        def again() -> None:
            bench.engine.start(hello)
            bench.engine.finish(hello, 3)

        threading.Timer(0.3, again).start()
        ended = running.wait_for_exit(interrupted)
        assert ended is not None
        assert ended.container.exit_code == 3, "not the exit that its policy answers"

    def test_an_interruption(self, bench: Bench) -> None:
        interrupted = threading.Event()
        interrupted.set()
        assert bench.up(make_service()).wait_for_exit(interrupted) is None

    def test_a_down_from_elsewhere_is_no_failure(self, bench: Bench) -> None:
        running = bench.up(make_service())
        [hello] = [c.name for c in bench.observed.containers if c.name.endswith("-hello")]
        bench.engine.kill(DEMO.agent)  # which is what `down` begins with
        bench.engine.stop(hello, 0)
        threading.Timer(0.3, bench.engine.remove, (DEMO.agent,)).start()
        assert running.wait_for_exit(threading.Event()) is None


@pytest.mark.parametrize(
    ("times", "replaced"),
    [
        (TimeSettings(wait_timeout=600, start_timeout=5, deregistration_delay_cap=1, ecs_limits=False), False),
        (TimeSettings(stop_timeout=7), True),
    ],
)
def test_how_long_to_wait_for_a_task_makes_no_other_task(times: TimeSettings, replaced: bool) -> None:
    before, after = desired_state(make_service()), desired_state(make_service(), time=times)
    assert (before.services["hello"].config_hash() != after.services["hello"].config_hash()) is replaced
    assert after.services["hello"].options.time == times
    assert before.merged_with(after).services["hello"].options.time == times, "the next wait is as long as asked for"


@pytest.mark.parametrize("step", ["OwnAddresses", "wait_healthy"], ids=["is watched", "is waited for"])
def test_a_listing_that_fails_once_while_it_comes_up_ends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    begin = getattr(bring_up, step)

    def late(*args: object) -> object:
        bench.engine.fail("list_containers", EngineTimeout("Docker did not list containers within 30 s"))
        return begin(*args)

    monkeypatch.setattr(bring_up, step, late)
    assert bench.up(make_service(), wait=True).fresh
    assert set(bench.states().values()) == {"running"}
