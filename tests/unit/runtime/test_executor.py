"""Carrying out a plan: along its edges, in parallel, until something fails or it is interrupted."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import Health, UlimitSpec
from emulator.errors import ContainerFailed, EngineError, TaskError
from emulator.events import EventKind
from emulator.frontdoor.options import backend_name
from emulator.runtime.execution import stop_container
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.daemon_quirks import DAY, has_low_limit, remember_low_limit
from emulator.runtime.state.names import LOW_LIMIT
from emulator.runtime.state.operations import TASK_STEADY, Operation, Verb
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import desired_state, make_service, nginx_sidecar

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}


def depends(**conditions: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": word} for name, word in conditions.items()]}


def waiting(condition: str) -> Any:
    """`hello` waits for `db`, which is not essential."""
    db: dict[str, Any] = {"essential": False, **(CHECK if condition == "HEALTHY" else {})}
    return desired_state(make_service({"hello": depends(db=condition), "db": db}))


def test_everything_of_a_service_runs_in_the_end(bench: Bench) -> None:
    bench.start(desired_state(nginx_sidecar()))
    assert bench.states() == {
        "task0001-pause": "running",
        "hello-task0001-hello": "running",
        "hello-task0001-nginx": "running",
        "front": "running",
    }
    configuration = bench.engine.read_file("cl-demo-test-front", "/copilot-local/front/haproxy.cfg")
    assert f"backend {backend_name('hello', 'default')} ".encode() in configuration


def test_what_nothing_orders_is_done_at_the_same_time(bench: Bench) -> None:
    together = threading.Barrier(2)

    def meet(verb: str, target: str) -> None:
        if verb == "start" and target.endswith(("-hello", "-nginx")):
            together.wait(10)  # raises unless the other start is under way too

    bench.engine.before = meet
    bench.start(desired_state(nginx_sidecar()))
    assert not together.broken


def test_a_chain_of_dependencies_starts_in_its_order(bench: Bench) -> None:
    containers = {"hello": depends(web="START"), "web": depends(db="START"), "db": {}}
    bench.start(desired_state(make_service(containers)))
    assert bench.did("start") == ["start pause", "start db", "start web", "start hello"]


@pytest.mark.parametrize(
    ("condition", "behaviour"),
    [
        ("START", Behaviour()),
        ("START", Behaviour(exits=(1,))),
        ("COMPLETE", Behaviour(exits=(1,))),
        ("SUCCESS", Behaviour(exits=(0,))),
        ("HEALTHY", Behaviour(health=(Health.STARTING, Health.UNHEALTHY, Health.HEALTHY))),
    ],
)
def test_a_container_starts_once_its_dependency_is_as_awaited(
    bench: Bench, condition: str, behaviour: Behaviour
) -> None:
    bench.engine.behave("*-db", behaviour)
    bench.start(waiting(condition))
    assert bench.states()["hello-task0001-hello"] == "running"


def fields(operation: Operation) -> dict[str, Any]:
    return {name: getattr(operation, name) for name in Operation.__dataclass_fields__}


def test_what_is_under_way_ends_before_the_first_error_is_raised(bench: Bench) -> None:
    under_way, failed = threading.Event(), threading.Event()

    def hold(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-nginx"):
            under_way.set()
            failed.wait(10)
        elif verb == "start" and target.endswith("-hello"):
            under_way.wait(10)

    bench.engine.before = hold
    bench.engine.fail("start", EngineError("no space left"), target="*-hello")
    bench.on_event = lambda event: failed.set() if event.kind is EventKind.STEP_FAILED else None
    with pytest.raises(EngineError, match="no space left"):
        bench.start(desired_state(nginx_sidecar()))
    assert bench.states()["hello-task0001-nginx"] == "running"


def test_nothing_new_begins_after_an_error(bench: Bench) -> None:
    bench.engine.fail("start", EngineError("no space left"), target="*-db")
    with pytest.raises(EngineError, match="no space left"):
        bench.start(desired_state(make_service({"hello": depends(db="START"), "db": {}})))
    assert "start hello" not in bench.did("start")


def test_an_interruption_ends_a_wait(bench: Bench) -> None:
    state = desired_state(make_service({"hello": depends(db="COMPLETE"), "db": {}}))

    def interrupt(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-db"):
            bench.cancelled.set()

    bench.engine.before = interrupt
    with pytest.raises(Cancelled):
        bench.start(state)
    assert bench.states()["hello-task0001-hello"] == "created"


def test_an_interruption_before_the_start_does_nothing(bench: Bench) -> None:
    bench.cancelled.set()
    plan = bench.plan(desired_state(nginx_sidecar()))
    with pytest.raises(Cancelled):
        bench.run(plan)
    assert bench.states() == {}


def test_a_failure_after_an_interruption_is_still_told(bench: Bench) -> None:
    def interrupt(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-pause"):
            bench.cancelled.set()

    bench.engine.before = interrupt
    bench.engine.fail("start", EngineError("the daemon is out of memory"), target="*-pause")
    with pytest.raises(EngineError, match="out of memory"):
        bench.start(desired_state(nginx_sidecar()))


RLIMIT = EngineError("OCI runtime create failed: error setting rlimit type 7: operation not permitted")


def test_a_daemon_that_cannot_give_fargates_open_file_limit_gives_a_lower_one(bench: Bench) -> None:
    bench.engine.fail("start", RLIMIT, target="*-hello")
    bench.engine.fail("start", RLIMIT, target="*-nginx")
    bench.start(desired_state(nginx_sidecar()))
    for container in ("hello", "nginx"):
        assert bench.states()[f"hello-task0001-{container}"] == "running"
        spec = bench.engine.spec(f"cl-demo-test-hello-task0001-{container}")
        assert spec.ulimits == (UlimitSpec("nofile", 16384, 16384),)
    assert bench.warnings() == ["this Docker daemon cannot give containers Fargate's open-file limit; they get 16384"]


def test_that_it_cannot_is_known_the_next_time(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    info = replace(bench.engine.engine_info, id="A1:B2")
    remember_low_limit(info)
    assert not has_low_limit(replace(info, id="C3"))
    bench.engine.engine_info = info
    bench.start(desired_state(make_service()))
    assert bench.did("start") == ["start pause", "start hello"]
    assert bench.engine.spec("cl-demo-test-hello-task0001-hello").ulimits == (UlimitSpec("nofile", 16384, 16384),)
    assert bench.warnings() == [], "it was said when it was found out"


def test_the_agent_knows_it_by_the_containers_of_a_command(bench: Bench) -> None:
    bench.engine.fail("start", RLIMIT, target="*-hello")
    bench.start(desired_state(make_service()))
    made = bench.engine.spec("cl-demo-test-hello-task0001-hello")
    with closing(Bench()) as agents:
        agents.engine.create_container(
            replace(made, name="other", network=None, labels={LOW_LIMIT: made.labels[LOW_LIMIT]})
        )
        agents.start(desired_state(make_service()))
        assert agents.did("start") == ["start pause", "start hello"]
        assert agents.engine.spec(made.name).ulimits == (UlimitSpec("nofile", 16384, 16384),)


def test_what_a_daemon_refused_a_day_ago_is_tried_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    info = replace(bench.engine.engine_info, id="A1:B2")
    remember_low_limit(info)
    [file] = (path for path in tmp_path.rglob("*") if path.is_file())
    os.utime(file, (time.time() - DAY - 1,) * 2)
    assert not has_low_limit(info)


def test_the_lower_limit_is_tried_once(bench: Bench) -> None:
    bench.engine.fail("start", RLIMIT, target="*-hello", times=None)
    with pytest.raises(EngineError, match="error setting rlimit"):
        bench.start(desired_state(make_service()))
    assert bench.did("start") == ["start pause", "start hello", "start hello"]


def proc_error(verb: str, path: str, reason: str) -> EngineError:
    start = "OCI runtime create failed: runc create failed: unable to start container process: "
    return EngineError(f"{start}error during container init: {verb} /proc/sys/{path}: {reason}: unknown")


def controls(**values: str) -> dict[str, Any]:
    """The container `hello` with these kernel parameters; `__` stands for a dot."""
    return {"systemControls": [{"namespace": k.replace("__", "."), "value": v} for k, v in values.items()]}


def test_kernel_parameters_that_are_not_here_are_skipped_aloud(bench: Bench) -> None:
    there = "no such file or directory"
    bench.engine.fail("start", proc_error("open", "net/ipv4/nosuch", there), target="*-pause")
    bench.engine.fail("start", proc_error("open", "net/core/rmem_max", "permission denied"), target="*-pause")
    hello = controls(net__ipv4__nosuch="1", net__core__rmem_max="9", net__core__somaxconn="7")
    bench.start(desired_state(make_service({"hello": hello})))
    assert bench.states()["hello-task0001-hello"] == "running"
    parameters = bench.engine.spec("cl-demo-test-task0001-pause").sysctls
    assert {"net.ipv4.nosuch", "net.core.rmem_max"}.isdisjoint(parameters)
    assert parameters["net.core.somaxconn"] == "7"
    assert [warning.split(" of ")[0] for warning in bench.warnings()] == ["net.ipv4.nosuch", "net.core.rmem_max"]


def test_containers_that_had_joined_a_pause_made_anew_join_it_again(bench: Bench) -> None:
    bench.engine.fail("start", proc_error("open", "net/ipv4/nosuch", "no such file or directory"), target="*-pause")
    bench.engine.fail("start", EngineError("No such container: 0123456789abcdef"), target="*-hello")
    bench.start(desired_state(make_service({"hello": controls(net__ipv4__nosuch="1")})))
    assert bench.states()["hello-task0001-hello"] == "running"


def test_a_container_whose_pause_is_gone_is_not_made_anew(bench: Bench) -> None:
    bench.engine.fail("start", EngineError("No such container: 0123456789abcdef"), target="*-hello")
    with pytest.raises(EngineError, match="No such container"):
        bench.start(desired_state(make_service()))


def test_a_kernel_without_ipv6_is_no_warning(bench: Bench) -> None:
    error = proc_error("open", "net/ipv6/conf/all/disable_ipv6", "no such file or directory")
    bench.engine.fail("start", error, target="*-pause")
    bench.start(desired_state(make_service()))
    assert bench.engine.spec("cl-demo-test-task0001-pause").sysctls == {}
    assert bench.warnings() == []


def test_a_value_that_the_kernel_refuses_is_named(bench: Bench) -> None:
    bench.engine.fail("start", proc_error("write", "net/core/somaxconn", "invalid argument"), target="*-pause")
    hello = controls(net__core__somaxconn="many")
    with pytest.raises(EngineError, match=r"the kernel does not take 'many' for net\.core\.somaxconn") as error:
        bench.start(desired_state(make_service({"hello": hello})))
    assert "SystemControls" in error.value.hint


def test_every_step_is_told_with_its_cause_and_how_long_it_took(bench: Bench) -> None:
    bench.start(desired_state(make_service()))
    done = [event for event in bench.events if event.kind is EventKind.STEP_DONE]
    [start] = [event for event in done if event.subject == "start hello/hello task0001"]
    assert start.fields["cause"] == "1 desired, 0 running"
    assert isinstance(start.fields["seconds"], float)
    begun = [event.subject for event in bench.events if event.kind is EventKind.STEP_STARTED]
    assert sorted(begun) == sorted(event.subject for event in done)


class TestSteady:
    """The new task of a replacement, before the old one may stop."""

    def wait(self, bench: Bench, task_id: str, timeout: int = 0) -> None:
        bench.perform(
            Operation(
                1,
                Verb.AWAIT,
                "new",
                "",
                condition=TASK_STEADY,
                waiting="the old task",
                timeout=timeout,
                task_id=task_id,
            )
        )

    def test_a_task_without_checks_is_steady_when_it_runs(self, bench: Bench) -> None:
        self.wait(bench, bench.start(desired_state(make_service())).id)

    def test_a_health_check_has_to_pass(self, bench: Bench) -> None:
        task = bench.start(desired_state(make_service({"hello": CHECK})))
        bench.engine.set_health("cl-demo-test-hello-task0001-hello", Health.UNHEALTHY)
        with pytest.raises(TaskError, match="the old task waited 0 s for new to be STEADY"):
            self.wait(bench, task.id)
        bench.engine.set_health("cl-demo-test-hello-task0001-hello", Health.HEALTHY)
        self.wait(bench, task.id)

    def test_that_of_a_container_which_is_not_essential_has_not(self, bench: Bench) -> None:
        task = bench.start(desired_state(make_service({"hello": CHECK, "web": {**CHECK, "essential": False}})))
        bench.engine.set_health("cl-demo-test-hello-task0001-hello", Health.HEALTHY)
        bench.engine.set_health("cl-demo-test-hello-task0001-web", Health.UNHEALTHY)
        self.wait(bench, task.id)

    def test_the_load_balancer_has_its_say(self, bench: Bench) -> None:
        task = bench.start(desired_state(make_service(target=("hello", 80))))
        bench.executor["target_healthy"] = lambda task_id: task_id != task.id
        with pytest.raises(TaskError, match="to be STEADY"):
            self.wait(bench, task.id)
        bench.executor["target_healthy"] = lambda task_id: task_id == task.id
        self.wait(bench, task.id)

    def test_a_task_that_breaks_fails_at_once(self, bench: Bench) -> None:
        task = bench.start(desired_state(make_service()))
        bench.engine.print_line("cl-demo-test-hello-task0001-hello", "out of luck")
        bench.engine.finish("cl-demo-test-hello-task0001-hello", 9)
        with pytest.raises(ContainerFailed, match="container hello exited with code 9") as caught:
            self.wait(bench, task.id, timeout=60)
        assert caught.value.output == ["out of luck"]
        [failed] = [event for event in bench.events if event.kind is EventKind.STEP_FAILED]
        assert (failed.fields["container"], failed.fields["output"]) == ("hello", "out of luck")

    def test_a_task_that_loses_its_namespace_fails_at_once(self, bench: Bench) -> None:
        task = bench.start(desired_state(make_service()))
        bench.engine.finish("cl-demo-test-task0001-pause", 137)
        with pytest.raises(TaskError, match="task task0001: its network namespace is gone"):
            self.wait(bench, task.id, timeout=60)


def test_a_kernel_without_ipv6_has_none_to_switch_off(bench: Bench) -> None:
    refusal = EngineError(
        "open /proc/sys/net/ipv6/conf/all/disable_ipv6: no such file (net.ipv6.conf.all.disable_ipv6)"
    )
    bench.engine.fail("start", refusal, target="*-pause")
    bench.start(desired_state(make_service()))
    assert bench.states()["hello-task0001-hello"] == "running"
    assert dict(bench.engine.spec("cl-demo-test-task0001-pause").sysctls) == {}


@pytest.mark.parametrize(("code", "said"), [(None, "(ignored its stop signal; killed)"), (0, "")])
def test_a_container_that_had_to_be_killed_is_marked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: int | None, said: str
) -> None:
    bench.engine.behave("*-hello", Behaviour(stop_code=code))
    task = bench.start(desired_state(make_service()))
    now = [1000.0]
    monkeypatch.setattr(stop_container, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))

    def takes_the_whole_timeout(verb: str, target: str) -> None:
        if verb == "stop" and target.endswith("-hello"):
            now[0] += 30

    bench.engine.before = takes_the_whole_timeout
    bench.stop(task)
    [done] = [e for e in bench.events if e.kind is EventKind.STEP_DONE and e.subject.startswith("stop hello")]
    assert done.message == said
