"""`run` on an engine in memory: a Scheduled Job once, to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.errors import Conflict, ContainerFailed, EngineTimeout, ExitCode, TaskError
from emulator.runtime.control import direct
from emulator.runtime.execution.executor import remove_rest
from emulator.runtime.lifecycle import jobs
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from tests.unit.runtime.agent_double import document
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service

JOB = make_service(name="hello", type="Scheduled Job")


@pytest.mark.parametrize("when", ["_wait", "_clean_up"], ids=["while it runs", "at its end"])
@pytest.mark.parametrize("code", [0, 3])
def test_a_listing_that_fails_once_ends_no_run_and_leaves_no_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, when: str, code: int
) -> None:
    step = getattr(jobs, when)

    def late(*args: Any) -> Any:
        error = EngineTimeout("Docker did not list containers within 30 s")
        bench.engine.fail("list_containers", error, times=2)  # one of them may be for another thread
        return step(*args)

    monkeypatch.setattr(jobs, when, late)
    bench.engine.behave("*-hello", Behaviour(exits=(code,)))
    if code:
        with pytest.raises(ContainerFailed, match="container hello exited with code 3"):
            run(bench)
    else:
        assert run(bench) == ExitCode.OK
    assert [name for name in bench.left()["containers"] if not name.endswith("-agent")] == []
    assert any("the run has ended" in event.message for event in bench.events)


@pytest.mark.parametrize(
    ("gone", "why"), [("-hello", "container hello is missing"), ("-pause", "its network namespace is gone")]
)
def test_a_run_whose_container_is_removed_says_so_and_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, gone: str, why: str
) -> None:
    step = jobs._wait

    def removed(*args: Any) -> Any:
        [name] = [row.name for row in bench.engine.list_containers({}) if row.name.endswith(gone)]
        bench.engine.remove(name)
        return step(*args)

    monkeypatch.setattr(jobs, "_wait", removed)
    with pytest.raises(TaskError, match=f"the job failed: {why}"):
        run(bench)
    assert [name for name in bench.left()["containers"] if not name.endswith("-agent")] == []


def test_what_is_left_goes_though_docker_calls_a_volume_in_use_for_a_moment(bench: Bench) -> None:
    bench.engine.ensure_volume("left", {**DEMO.labels(), names.TASK: "task"})
    bench.engine.fail("remove_volume", Conflict("volume is in use"), target="left", times=2)
    assert remove_rest(bench.engine, DEMO, "task")
    assert bench.left()["volumes"] == []


def run(bench: Bench) -> int:
    never = threading.Event()
    return jobs.run_job(bench.engine, bench.request(JOB), bench.emit, interrupted=never, killed=never)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set while the test's own thread works without others in between."""
    alone, main, held = direct.alone, threading.current_thread(), threading.Event()

    @contextmanager
    def noted(environment: Names) -> Iterator[None]:
        with alone(environment):
            if threading.current_thread() is not main:
                yield
                return
            held.set()
            yield
            held.clear()

    monkeypatch.setattr(direct, "alone", noted)
    return held


def test_an_up_whose_claim_fails_while_a_run_makes_what_it_lives_in_removes_nothing_of_it(
    bench: Bench, inside: threading.Event
) -> None:
    ups: list[Future[Running]] = []
    main = threading.current_thread()

    def meet(verb: str, target: str) -> None:
        if threading.current_thread() is not main:
            if (verb, target) == ("ensure_volume", DEMO.log_volume):
                raise EngineTimeout("Docker did not make the volume within 30 s")
        elif (verb, target) == ("ensure_volume", DEMO.state_volume):
            ups.append(pool.submit(bench.up, make_service(name="web")))
            if not inside.is_set():
                ups[0].exception(20)

    bench.engine.add_image("web:1")
    bench.engine.behave("*-hello", Behaviour(exits=(0,)))
    bench.engine.before = meet
    with ThreadPoolExecutor(1) as pool:
        assert run(bench) == ExitCode.OK
        assert isinstance(ups[0].exception(20), EngineTimeout)
    left = bench.left()
    assert left["networks"] == [DEMO.network]
    assert {DEMO.state_volume, DEMO.log_volume} <= set(left["volumes"])


def test_an_up_that_comes_while_a_run_removes_what_it_lived_in_loses_nothing(
    bench: Bench, inside: threading.Event
) -> None:
    ups: list[Future[Running]] = []
    main, about_to_create, ended = threading.current_thread(), threading.Event(), threading.Event()
    answer = bench.agent.answer

    def idle(request: dict[str, Any]) -> list[bytes]:
        return document({"idle": True}) if request["verb"] == "retire-if-idle" else answer(request)

    def meet(verb: str, target: str) -> None:
        if threading.current_thread() is not main:
            if (verb, target) == ("create_container", DEMO.agent):
                about_to_create.set()
                assert ended.wait(20)
        elif (verb, target) == ("remove_volume", DEMO.state_volume):
            ups.append(pool.submit(bench.up, make_service(name="web")))
            assert inside.is_set() or about_to_create.wait(20)

    bench.agent.answer = idle  # type: ignore[method-assign]
    bench.engine.add_image("web:1")
    bench.engine.behave("*-hello", Behaviour(exits=(0,)))
    bench.engine.before = meet
    with ThreadPoolExecutor(1) as pool:
        assert run(bench) == ExitCode.OK
        ended.set()
        ups[0].result(20).hand_over()
    left = bench.left()
    assert left["networks"] == [DEMO.network]
    assert {DEMO.state_volume, DEMO.log_volume} <= set(left["volumes"])
    assert {task.service for task in bench.observed.tasks.values()} == {"web"}
