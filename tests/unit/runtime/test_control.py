"""What the agent's control API promises to those who ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import ContainerFailed, EngineError, EngineTimeout
from emulator.events import discard
from emulator.runtime.control.client import Agent
from emulator.runtime.lifecycle import one_off_agent
from emulator.runtime.planning.up_request import SupportImages, UpRequest
from emulator.runtime.state.desired import Private
from emulator.runtime.state.names import Names, Role
from emulator.runtime.watch.changes import FileChanges
from emulator.runtime.watch.watch import Watch
from emulator.settings import Settings
from tests.unit.runtime.agent_double import AgentDouble
from tests.unit.runtime.world import desired_state, make_service

NAMES = Names("shop", "test")
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def double() -> AgentDouble:
    return AgentDouble()


@pytest.fixture
def engine(double: AgentDouble) -> FakeEngine:
    """One on which the agent runs."""
    engine = FakeEngine()
    engine.add_image("agent")
    engine.behave(NAMES.agent, Behaviour(stream=double.open))
    engine.create_container(ContainerSpec(name=NAMES.agent, image="agent", labels=NAMES.labels(Role.AGENT)))
    engine.start(NAMES.agent)
    return engine


@pytest.mark.parametrize("ask", [Agent.status, Agent.tasks])
def test_an_agent_that_does_not_answer_is_not_waited_for(ask: object, engine: FakeEngine, double: AgentDouble) -> None:
    double.mute = True
    assert callable(ask)
    with pytest.raises(EngineTimeout, match=r"did not answer within 0\.1 s") as raised:
        ask(Agent(engine, NAMES, timeout=0.1))
    assert NAMES.agent in raised.value.hint


class TestAConnectionThatWasOpenedAhead:
    def test_is_closed_where_docker_does_not_say_whether_it_goes_on(
        self, engine: FakeEngine, double: AgentDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent = Agent(engine, NAMES)
        agent.connect_ahead()
        [ahead] = double.streams

        def fail() -> int:
            raise EngineError("the daemon does not know this exec")

        monkeypatch.setattr(ahead, "exit_code", fail)
        assert agent.status()["acting"]
        assert [stream.closed for stream in double.streams] == [True, True]

    def test_is_closed_with_a_watch_that_cannot_be_closed(
        self, engine: FakeEngine, double: AgentDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        settings, support = Settings(), SupportImages("", "", lambda _: "")
        request = UpRequest(environment=NAMES, services=(), support=support, settings=settings, workspace=tmp_path)
        watch = Watch(engine, request, lambda: request, discard)
        close = FileChanges.close

        def fail(changes: FileChanges) -> None:
            close(changes)
            raise OSError("no more file descriptors")

        monkeypatch.setattr(FileChanges, "close", fail)
        watch._agent.connect_ahead()
        with pytest.raises(OSError, match="no more"):
            watch.close()
        assert all(stream.closed for stream in double.streams)


def test_an_agent_that_answers_too_late_for_a_one_off_task_is_hung_up_on(
    engine: FakeEngine, double: AgentDouble, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    given_up = threading.Event()
    double.before_hold = lambda: given_up.wait(10)
    monkeypatch.setattr(one_off_agent, "AGENT_TIMEOUT", 0.05)
    state = desired_state(make_service())
    [desired] = state.services.values()
    attended = one_off_agent.attended(engine, NAMES, state, desired, Private(), discard, threading.Event())
    with pytest.raises(ContainerFailed, match=r"no answer within 0\.05 s"), attended:
        pytest.fail("it began")
    given_up.set()
    until(lambda: double.streams and all(stream.closed for stream in double.streams))


def test_leaving_that_is_interrupted_closes_the_connection(engine: FakeEngine, double: AgentDouble) -> None:
    lease = Agent(engine, NAMES).hold()
    interrupt = KeyboardInterrupt()

    def fail(*_: object) -> None:
        raise interrupt

    double.answer = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        lease.leave()
    assert all(stream.closed for stream in double.streams)
