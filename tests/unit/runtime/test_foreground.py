"""Foreground `up`: logs until an essential container exits or it is interrupted, then everything is removed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ContainerSpec
from emulator.errors import ContainerFailed, EngineError, EngineTimeout, ExitCode, TaskError
from emulator.events import Event, EventKind
from emulator.runtime.lifecycle.down import down
from emulator.runtime.lifecycle.foreground import run_foreground
from emulator.runtime.lifecycle.running import FirstHealth
from emulator.runtime.state import names, observed
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, firelens, make_service, nginx_sidecar

Until = Callable[[Callable[[], object]], None]


class Terminal:
    """A foreground `up` in a thread, and what a user does at its terminal."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.interrupted = threading.Event()
        self.killed = threading.Event()
        self.detach = threading.Event()
        self.code: Future[int]

    def run(self, *services: Service) -> int:
        request = self.bench.request(*services, foreground=True)
        return run_foreground(
            *(self.bench.engine, request, self.bench.emit),
            interrupted=self.interrupted,
            killed=self.killed,
            detach=self.detach,
        )

    @contextmanager
    def running(self, *services: Service) -> Iterator[None]:
        """It is up while the block runs; its code is there afterwards."""
        with ThreadPoolExecutor(1) as pool:
            self.code = pool.submit(self.run, *services)
            try:
                yield
            finally:
                self.code.exception(20)

    def container(self, name: str) -> str:
        [found] = [c.name for c in self.bench.observed.containers if c.name.endswith(f"-{name}")]
        return found

    def logged(self) -> list[tuple[str, str]]:
        return [(event.subject, event.message) for event in self.bench.events if event.kind is EventKind.LOG]


@pytest.fixture
def terminal(bench: Bench) -> Terminal:
    return Terminal(bench)


def wait_until_up(terminal: Terminal, until: Until) -> None:
    until(lambda: any("Ctrl-C" in event.message for event in terminal.bench.events))


def test_ctrl_c_stops_in_reverse_order_and_removes_all(terminal: Terminal, until: Until) -> None:
    with terminal.running(firelens()):
        wait_until_up(terminal, until)
        terminal.interrupted.set()
    assert terminal.code.result() == 130
    assert terminal.bench.left()["containers"] == []
    stops = [step for step in terminal.bench.did("stop") if step not in ("stop agent", "stop front")]
    assert stops == ["stop hello", "stop firelens_log_router"]
    said = [verb for verb in terminal.bench.agent.said if verb != "status"]  # which it asks until all are healthy
    assert said == ["hold", "begin", "leave", "retire", "finish"]


def test_ctrl_c_twice_kills_and_removes_all(terminal: Terminal, until: Until) -> None:
    with terminal.running(firelens()):
        wait_until_up(terminal, until)
        terminal.killed.set()
        terminal.interrupted.set()
    assert terminal.code.result() == 130
    assert terminal.bench.left()["containers"] == []
    assert terminal.bench.did("stop") == []


def test_to_detach_leaves_all_of_it_to_the_agent(terminal: Terminal, until: Until) -> None:
    with terminal.running(firelens()):
        wait_until_up(terminal, until)
        before = terminal.bench.left()["containers"]
        terminal.detach.set()
    assert terminal.code.result() == 0
    assert terminal.bench.left()["containers"] == before
    assert terminal.bench.events[-1].message == "Detached and still running. Stop it with `copilot-local down`."
    said = [verb for verb in terminal.bench.agent.said if verb != "status"]
    assert said[:2] == ["hold", "begin"]
    assert "leave" not in said


def test_ctrl_c_while_it_comes_up(terminal: Terminal) -> None:
    def interrupt(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-pause"):
            terminal.interrupted.set()

    terminal.bench.engine.before = interrupt
    assert terminal.run(nginx_sidecar()) == 130
    assert terminal.bench.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.mark.parametrize(
    ("states", "said"), [(["initial", "healthy", "healthy"], ["every task is healthy"]), (["healthy", "healthy"], [])]
)
def test_what_took_a_while_is_said_to_be_healthy_once(bench: Bench, states: list[str], said: list[str]) -> None:
    running = bench.up(make_service(target=("hello", 80)))
    [task] = bench.observed.tasks.values()
    target = {"name": f"hello-{task.short_id}", "service": "hello", "target_group": "default", "description": ""}
    now, found = 0.0, list[Event]()
    health = FirstHealth(running, found.append, clock=lambda: now)
    for state in states:
        bench.agent.status["targets"] = [{**target, "state": state}]
        health.look(bench.observed)
        now += 2
    assert [event.message for event in found] == said


def test_an_essential_container_that_fails_ends_it_with_its_code(terminal: Terminal, until: Until) -> None:
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        terminal.bench.engine.print_line(terminal.container("nginx"), "boom")
        terminal.bench.engine.finish(terminal.container("nginx"), 7)
    error = terminal.code.exception()
    assert isinstance(error, ContainerFailed)
    assert (error.container, error.exit_code, error.output) == ("nginx", 7, ["boom"])
    assert terminal.bench.left()["containers"] == []


def test_a_one_off_task_that_ends_does_not_end_it(terminal: Terminal, until: Until) -> None:
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        engine = terminal.bench.engine
        [member] = [c for c in terminal.bench.observed.containers if c.name.endswith("-hello")]
        labels = {**member.labels, names.TASK: "f" * 32, names.ONE_OFF: "true"}
        engine.create_container(ContainerSpec(name="one-off", image=member.image, labels=labels))
        looks = threading.Semaphore(0)
        engine.start("one-off")
        engine.finish("one-off", 1)

        def looked(verb: str, target: str) -> None:
            if verb == "list_containers":
                looks.release()

        engine.before = looked
        assert all(looks.acquire(timeout=20) for _ in range(3))
        assert not terminal.code.done()
        terminal.interrupted.set()
    assert terminal.code.result() == ExitCode.INTERRUPTED


def test_an_essential_container_that_is_done_ends_it_well(terminal: Terminal) -> None:
    terminal.bench.engine.behave("*-hello", Behaviour(exits=(0,), log=("done",)))
    assert terminal.run(make_service()) == 0
    assert terminal.logged() == [("hello", "done")]
    assert terminal.bench.left()["containers"] == []


def test_a_container_that_exits_at_once_shows_what_it_printed(terminal: Terminal) -> None:
    terminal.bench.engine.behave("*-hello", Behaviour(exits=(3,), log=("no settings",)))
    with pytest.raises(ContainerFailed) as caught:
        terminal.run(make_service())
    assert caught.value.exit_code == 3
    assert terminal.logged() == [("hello", "no settings")]


def test_a_dependency_that_fails_gives_its_code(terminal: Terminal) -> None:
    terminal.bench.engine.behave("*-db", Behaviour(exits=(4,)))
    waits = {"dependsOn": [{"containerName": "db", "condition": "SUCCESS"}]}
    with pytest.raises(ContainerFailed) as caught:
        terminal.run(make_service({"hello": waits, "db": {"essential": False}}))
    assert caught.value.exit_code == 4
    assert terminal.bench.left() == {"containers": [], "networks": [], "volumes": []}


def test_lines_are_prefixed_by_the_service_where_several_run(terminal: Terminal) -> None:
    terminal.bench.engine.behave("*-hello", Behaviour(exits=(0,), log=("hi",)))
    terminal.run(make_service(), make_service(name="web"))
    assert terminal.logged() == [("hello/hello", "hi")]


def test_a_down_from_elsewhere_ends_it_with_an_error(terminal: Terminal, until: Until) -> None:
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        down(terminal.bench.engine, DEMO, terminal.bench.emit)
    with pytest.raises(TaskError, match=r"^demo/test was taken down by another command$"):
        terminal.code.result()
    assert terminal.bench.left()["containers"] == []


def test_what_another_command_has_brought_up_since_stays(terminal: Terminal, until: Until) -> None:
    bench = terminal.bench
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        down(bench.engine, DEMO, bench.emit)
        bench.up(make_service(name="web")).hand_over()
        left = bench.left()
        terminal.interrupted.set()
    with pytest.raises(TaskError, match=r"^demo/test was taken down by another command$"):
        terminal.code.result()
    assert bench.left() == left
    assert set(bench.states().values()) == {"running"}


def test_a_container_that_a_down_from_elsewhere_ends_is_no_failure(terminal: Terminal, until: Until) -> None:
    """Its agent runs until all tasks have ended, and says that it is going."""
    bench = terminal.bench
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        bench.agent.status = {**bench.agent.status, "going": True}
        [name] = [one.name for one in bench.engine.list_containers({}) if one.name.endswith("-hello")]
        bench.engine.finish(name, 143)
        asked = len(bench.agent.said)
        until(lambda: bench.agent.said[asked:].count("status") > 2)
        down(bench.engine, DEMO, bench.emit)
    with pytest.raises(TaskError, match=r"^demo/test was taken down by another command$"):
        terminal.code.result()


def test_a_failing_start_is_an_error(terminal: Terminal) -> None:
    terminal.bench.engine.fail("start", EngineError("no space left"), target="*-hello")
    with pytest.raises(EngineError, match="no space left"):
        terminal.run(make_service())


def test_a_daemon_that_goes_away_leaves_no_connection_to_the_agent_and_it_is_said_that_all_goes_on(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed, "ANSWERS_WITHIN", 0.0)
    bench = terminal.bench

    def fail(event: Event) -> None:
        if "Ctrl-C" in event.message:
            bench.engine.fail("list_containers", EngineError("the daemon is gone"), times=None)

    bench.on_event = fail
    with pytest.raises(EngineError, match="the daemon is gone"):
        terminal.run(make_service())
    assert all(stream.closed for stream in bench.agent.streams)
    assert "What runs goes on: `copilot-local down` stops it." in bench.events[-1].message


def docker_is_late_once(bench: Bench, until: Until) -> None:
    """Docker does not list what there is, and does the next three times."""
    late = EngineTimeout("Docker did not list containers within 30 s")
    bench.engine.fail("list_containers", late, times=2)  # one of them may be for another thread
    looks = bench.engine.calls.count(("list_containers", ""))
    until(lambda: bench.engine.calls.count(("list_containers", "")) > looks + 4)


def test_a_listing_that_fails_once_does_not_end_it(terminal: Terminal, until: Until) -> None:
    with terminal.running(nginx_sidecar()):
        wait_until_up(terminal, until)
        docker_is_late_once(terminal.bench, until)
        assert set(terminal.bench.states().values()) == {"running"}
        terminal.interrupted.set()
    assert terminal.code.result() == 130
    assert terminal.bench.left()["containers"] == []


class TestJoined:
    """It runs already: logs are shown, and it keeps running."""

    def test_ctrl_c_leaves_it_running(self, terminal: Terminal, until: Until) -> None:
        terminal.bench.up(nginx_sidecar()).hand_over()
        with terminal.running(nginx_sidecar()):
            terminal.bench.engine.print_line(terminal.container("hello"), "still here")
            until(lambda: ("hello", "still here") in terminal.logged())
            terminal.interrupted.set()
        assert terminal.code.result() == 130
        assert set(terminal.bench.states().values()) == {"running"}

    def test_a_listing_that_fails_once_does_not_end_it(self, terminal: Terminal, until: Until) -> None:
        terminal.bench.up(nginx_sidecar()).hand_over()
        with terminal.running(nginx_sidecar()):
            wait_until_up(terminal, until)
            docker_is_late_once(terminal.bench, until)
            terminal.interrupted.set()
        assert terminal.code.result() == 130
        assert set(terminal.bench.states().values()) == {"running"}

    def test_it_says_that_another_command_took_it_down(self, terminal: Terminal, until: Until) -> None:
        terminal.bench.up(nginx_sidecar()).hand_over()
        with terminal.running(nginx_sidecar()):
            wait_until_up(terminal, until)
            down(terminal.bench.engine, DEMO, terminal.bench.emit)
        with pytest.raises(TaskError, match=r"^demo/test was taken down by another command$"):
            terminal.code.result()
