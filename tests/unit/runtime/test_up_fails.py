"""A start that fails: one error that says why, and nothing left behind unless asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import Container, ContainerSpec, ContainerState
from emulator.errors import (
    TAKEN_DOWN,
    ContainerFailed,
    CopilotLocalError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    EnvironmentBusy,
    PortInUse,
    TaskError,
    Unsupported,
)
from emulator.events import Event, EventKind, discard
from emulator.runtime.control import direct
from emulator.runtime.control.http import AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.lifecycle import bring_up
from emulator.runtime.lifecycle.down import down
from emulator.runtime.lifecycle.environment_lock import Claim
from emulator.runtime.lifecycle.running import wait_healthy
from emulator.runtime.lifecycle.up import up
from emulator.runtime.state.names import Names
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, DEMO, firelens, make_service, nginx_sidecar

NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
EXITS = Behaviour(exits=(3,), log=("reading settings", "no DATABASE_URL"))


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("verb", "target"),
    [
        ("ensure_network", "*"),
        ("ensure_volume", "cl-demo-test-logs"),
        ("create_container", "*-agent"),
        ("start", "*-agent"),
        ("exec_stream", "*-agent"),
        ("create_container", "*-pause"),
        ("start", "*-pause"),
        ("create_container", "*-firelens_log_router"),
        ("put_files", "*-firelens_log_router"),
        ("start", "*-hello"),
        ("ensure_volume", "cl-fl-*"),
        ("create_container", "*-front"),
        ("put_files", "*-front"),
        ("start", "*-front"),
    ],
)
def test_whatever_fails_is_told_and_nothing_is_left(bench: Bench, verb: str, target: str) -> None:
    bench.engine.fail(verb, EngineError("no space left on device"), target=target)
    with pytest.raises(CopilotLocalError, match="no space left on device"):
        bench.up(firelens())
    assert bench.left() == NOTHING


def test_what_a_failed_claim_made_goes_though_an_image_is_read_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, undone = threading.Event(), threading.Event()
    create, remove, undo = bench.engine.create_container, bench.engine.remove, Claim._undo
    readers: set[str] = set()

    def creating(spec: ContainerSpec) -> str:
        if spec.name == DEMO.agent:
            assert reading.wait(10)
            raise EngineError("no space left on device")
        made = create(spec)
        if "-read-" in spec.name:
            readers.add(made)
            reading.set()
        return made

    def removing(container: str) -> None:
        if container in readers:
            assert undone.wait(10)
        remove(container)

    def undoing(claim: Claim) -> None:
        undo(claim)
        undone.set()

    monkeypatch.setattr(bench.engine, "create_container", creating)
    monkeypatch.setattr(bench.engine, "remove", removing)
    monkeypatch.setattr(Claim, "_undo", undoing)
    with pytest.raises(CopilotLocalError, match="no space left on device"):
        bench.up(firelens())
    assert readers
    assert bench.left() == NOTHING


def test_an_essential_container_that_exits_at_once_fails_with_its_code_and_last_lines(bench: Bench) -> None:
    bench.engine.behave("*-hello", EXITS)
    with pytest.raises(ContainerFailed, match="container hello exited with code 3") as caught:
        bench.up(nginx_sidecar())
    assert caught.value.container_exit_code == 3
    assert caught.value.output == ["reading settings", "no DATABASE_URL"]
    assert bench.left() == NOTHING


def test_an_essential_container_that_exits_a_moment_later_is_a_failed_start_too(bench: Bench) -> None:
    timers: list[threading.Timer] = []

    def end_soon(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-hello"):
            timers.append(threading.Timer(0.1, bench.engine.finish, (target, 3)))
            timers[-1].start()

    bench.engine.before = end_soon
    with pytest.raises(ContainerFailed, match="container hello exited with code 3"):
        bench.up(make_service(), first_moments=10.0)
    assert bench.left() == NOTHING


def test_a_container_that_is_removed_to_be_made_anew_is_no_failed_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, listed = bench.up(make_service()), bench.engine.list_containers
    monkeypatch.setattr("emulator.runtime.lifecycle.running.is_local", lambda _: False)
    looks = 0

    def removing(labels: Mapping[str, str]) -> list[Container]:
        nonlocal looks
        looks += 1
        rows = listed(labels)
        return [replace(r, state=ContainerState.REMOVING) if r.name.endswith("-hello") else r for r in rows]

    def recreated(labels: Mapping[str, str]) -> list[Container]:
        return removing(labels) if looks < 3 else listed(labels)

    monkeypatch.setattr(bench.engine, "list_containers", recreated)
    wait_healthy(running, bench.cancelled, 20)
    assert looks == 3


def test_a_container_that_printed_nothing_can_be_tried_by_hand(bench: Bench) -> None:
    bench.engine.behave("*-hello", Behaviour(exits=(0,)))
    with pytest.raises(ContainerFailed, match="exited with code 0") as caught:
        bench.up(make_service())
    assert "docker run -it" in caught.value.hint


def test_the_foreground_command_sees_the_exit_itself(bench: Bench) -> None:
    bench.engine.behave("*-hello", EXITS)
    running = bench.up(make_service(), foreground=True)
    ended = running.wait_for_exit(threading.Event())
    assert ended is not None
    assert ended.container.exit_code == 3


def test_a_container_that_is_not_essential_may_exit_at_once(bench: Bench) -> None:
    bench.engine.behave("*-init", EXITS)
    bench.up(make_service({"hello": {}, "init": {"image": "db:1", "essential": False}}))


def test_a_front_that_does_not_stay_up_is_told_in_its_own_words(bench: Bench) -> None:
    bench.engine.behave("*-front", Behaviour(exits=(1,), log=("[ALERT] cannot bind socket",)))
    with pytest.raises(ContainerFailed, match="the front does not stay up") as caught:
        bench.up(make_service(target=("hello", 80)))
    assert "[ALERT] cannot bind socket" in caught.value.output
    assert bench.left() == NOTHING


def test_retain_keeps_what_was_made_without_anybody_who_would_replace_it(bench: Bench) -> None:
    bench.engine.behave("*-hello", EXITS)
    with pytest.raises(ContainerFailed):
        bench.up(make_service(), retain=True)
    states = {name.rpartition("-")[2]: state for name, state in bench.states().items()}
    assert states == {"hello": "exited", "pause": "running"}
    assert bench.left()["volumes"]
    assert "`copilot-local down` removes it" in bench.events[-1].message
    assert down(bench.engine, DEMO, bench.emit, volumes=True)
    assert bench.left() == NOTHING


def test_volumes_that_were_there_before_are_kept(bench: Bench) -> None:
    bench.up(make_service()).hand_over()
    down(bench.engine, DEMO, bench.emit)
    bench.engine.behave("*-hello", EXITS)
    with pytest.raises(ContainerFailed):
        bench.up(make_service())
    assert bench.left() == {**NOTHING, "volumes": ["cl-demo-test-access", "cl-demo-test-logs"]}


def test_what_cannot_be_removed_does_not_hide_the_first_error(bench: Bench) -> None:
    bench.engine.behave("*-hello", EXITS)
    bench.engine.fail("remove", EngineTimeout("Docker hangs"), target="*-hello", times=None)
    with pytest.raises(ContainerFailed, match="container hello exited with code 3"):
        bench.up(make_service())
    assert any("not everything could be removed" in warning for warning in bench.warnings())


def test_an_interruption_takes_everything_back(bench: Bench) -> None:
    def interrupt(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-pause"):
            bench.cancelled.set()

    bench.engine.before = interrupt
    with pytest.raises(Cancelled):
        bench.up(nginx_sidecar())
    assert bench.left() == NOTHING


def test_circular_dependencies_leave_nothing(bench: Bench) -> None:
    circle = {"dependsOn": [{"containerName": "hello", "condition": "START"}]}
    with pytest.raises(Unsupported, match="wait for each other"):
        bench.up(make_service({"hello": circle}))
    assert bench.left() == NOTHING


def test_no_docker_is_told_as_such(bench: Bench) -> None:
    bench.engine.reachable = False
    with pytest.raises(EngineUnavailable):
        bench.up(make_service())


class TestAgent:
    def test_one_that_does_not_answer_is_shown_with_its_last_lines(self, bench: Bench) -> None:
        bench.agent.mute = True
        bench.engine.behave("*-agent", Behaviour(stream=bench.agent.open, log=("Traceback", "ImportError")))
        with pytest.raises(ContainerFailed, match="the agent did not come up: no answer within") as caught:
            up(bench.engine, bench.request(make_service()), bench.emit, agent_timeout=0.05)
        assert caught.value.output == ["Traceback", "ImportError"]
        assert bench.left() == NOTHING

    def test_one_that_dies_is_shown_with_its_last_lines(self, bench: Bench) -> None:
        bench.engine.behave("*-agent", Behaviour(exits=(1,), log=("ImportError",)))
        with pytest.raises(ContainerFailed, match="the agent did not come up") as caught:
            bench.up(make_service())
        assert caught.value.container == "agent"
        assert caught.value.output[-1] == "ImportError"
        assert bench.left() == NOTHING

    def test_one_that_ends_the_connection_is_told(self, bench: Bench) -> None:
        def cut(command: object) -> object:
            stream = bench.agent.open([])
            stream.close()
            return stream

        bench.agent.mute = True
        bench.engine.behave("*-agent", Behaviour(stream=cut))  # type: ignore[arg-type]
        with pytest.raises(ContainerFailed, match="ended the connection: the connection was closed"):
            bench.up(make_service())
        assert bench.left() == NOTHING


class TestTwoAtOnce:
    def test_the_slower_of_two_ups_joins_the_other_one(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        both_looked, alone = threading.Barrier(2), direct.alone

        @contextmanager
        def meet(environment: Names) -> Iterator[None]:
            both_looked.wait(10)  # each of them has seen an environment without an agent
            with alone(environment):
                yield

        monkeypatch.setattr(direct, "alone", meet)
        with ThreadPoolExecutor(2) as pool:
            ups = [pool.submit(bench.up, make_service()) for _ in range(2)]
        assert sorted(future.result().fresh for future in ups) == [False, True]
        assert len(bench.observed.tasks) == 1
        assert set(bench.states().values()) == {"running"}
        assert sorted(bench.agent.said) == ["apply", "begin", "hold"]

    def test_a_name_that_is_taken_is_no_reason_to_wait_for_ever(self, bench: Bench) -> None:
        bench.engine.create_container(ContainerSpec(DEMO.agent, AGENT))
        with pytest.raises(EnvironmentBusy, match="another copilot-local command is bringing up demo/test"):
            bench.up(make_service())


class TestTakenDown:
    @pytest.fixture
    def at_the_start(self, bench: Bench) -> Callable[[Callable[[], object]], None]:
        """Does something when the main container is about to start."""

        def prepare(act: Callable[[], object]) -> None:
            def strike(verb: str, target: str) -> None:
                if verb == "start" and target.endswith("-hello"):
                    bench.engine.before = None
                    act()

            bench.engine.before = strike

        return prepare

    def test_by_another_command_is_told_as_such(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None]
    ) -> None:
        at_the_start(lambda: down(bench.engine, DEMO, discard, volumes=True))
        with pytest.raises(TaskError, match="demo/test was taken down by another command while it came up") as caught:
            bench.up(make_service())
        assert caught.value.hint
        assert bench.left() == NOTHING

    def test_is_told_as_such_also_while_the_agent_still_stops_what_runs(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None]
    ) -> None:
        def begin() -> None:
            bench.agent.status = {**bench.agent.status, "going": True}
            raise EngineError("the agent ended the connection")

        at_the_start(begin)
        with pytest.raises(TaskError, match="demo/test was taken down by another command while it came up"):
            bench.up(make_service())

    def test_is_told_as_such_also_by_an_agent_that_is_too_busy_to_answer_at_once(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[object] = []

        class Busy:
            def __init__(self, *_: object, **__: object) -> None:
                asked.append(self)

            def status(self) -> object:
                if len(asked) < 3:
                    raise EngineError("no answer within 1 s")
                return {"going": True}

        def begin() -> None:
            monkeypatch.setattr(bring_up, "Agent", Busy)
            monkeypatch.setattr(bring_up, "STOPPED_AGENT", 100.0)
            raise EngineError("the agent ended the connection")

        at_the_start(begin)
        with pytest.raises(TaskError, match="demo/test was taken down by another command while it came up"):
            bench.up(make_service())

    def test_is_told_as_such_where_the_agent_refuses_what_comes_then(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Silent:
            def __init__(self, *_: object, **__: object) -> None:
                pass

            def status(self) -> object:
                raise EngineError("no answer within 1 s")

        def begin() -> None:
            monkeypatch.setattr(bring_up, "Agent", Silent)
            monkeypatch.setattr(bring_up, "STOPPED_AGENT", 0.0)
            raise AgentError(TAKEN_DOWN, hint="wait for that")

        at_the_start(begin)
        with pytest.raises(TaskError, match="demo/test was taken down by another command while it came up"):
            bench.up(make_service())

    def test_is_told_as_such_also_where_the_agent_is_killed_while_it_is_asked(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed:
            def __init__(self, *_: object, **__: object) -> None:
                pass

            def status(self) -> object:
                down(bench.engine, DEMO, discard, volumes=True)
                raise EngineError("the agent ended the connection")

        def begin() -> None:
            monkeypatch.setattr(bring_up, "Agent", Killed)
            monkeypatch.setattr(bring_up, "STOPPED_AGENT", 0.0)
            raise EngineError("no such container")

        at_the_start(begin)
        with pytest.raises(TaskError, match="demo/test was taken down by another command while it came up"):
            bench.up(make_service())

    def test_what_came_up_after_that_is_left_alone(
        self, bench: Bench, at_the_start: Callable[[Callable[[], object]], None]
    ) -> None:
        def replace() -> None:
            down(bench.engine, DEMO, discard, volumes=True)
            bench.up(make_service(name="web")).hand_over()

        at_the_start(replace)
        with pytest.raises(TaskError, match="was taken down by another command"):
            bench.up(make_service())
        assert {task.service for task in bench.observed.tasks.values()} == {"web"}
        assert set(bench.states().values()) == {"running"}


class TestPort:
    def test_one_that_is_taken_is_refused_before_anything_is_made(self, bench: Bench, taken_port: int) -> None:
        with pytest.raises(PortInUse, match=f"port {taken_port} on 127.0.0.1") as caught:
            bench.up(make_service(target=("hello", 80)), port=taken_port)
        assert "--port" in caught.value.hint
        assert bench.left() == NOTHING

    def test_one_that_is_taken_meanwhile_leaves_nothing(self, bench: Bench) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        bench.engine.used_ports.add(free)
        with pytest.raises(PortInUse, match="port is already allocated"):
            bench.up(make_service(target=("hello", 80)), port=free)
        assert bench.left() == NOTHING

    def test_without_one_asked_for_the_next_free_one_is_taken(self, bench: Bench) -> None:
        first = bench.up(make_service(target=("hello", 80))).state.front_port
        down(bench.engine, DEMO, bench.emit)
        bench.engine.used_ports.add(first)
        second = bench.up(make_service(target=("hello", 80))).state.front_port
        assert second != first
        assert min(first, second) >= 8080

    def test_the_running_front_keeps_its_port(self, bench: Bench) -> None:
        first = bench.up(make_service(target=("hello", 80)))
        first.hand_over()
        bench.up(make_service(target=("hello", 80)))
        assert bench.agent.requests[-1]["state"]["front_port"] == first.state.front_port


def test_steps_that_failed_are_told_as_they_happen(bench: Bench) -> None:
    bench.engine.fail("start", EngineError("no space left"), target="*-hello")
    with pytest.raises(EngineError):
        bench.up(make_service())
    failed = [event for event in bench.events if event.kind is EventKind.STEP_FAILED]
    assert [type(event) for event in failed] == [Event]
    assert failed[0].message == "no space left"
