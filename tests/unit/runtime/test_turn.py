"""Whose turn it is: an agent that answers, one that is about to, one that was left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from emulator.engine.interface import Container
from emulator.errors import EnvironmentBusy
from emulator.runtime.control.client import AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.lifecycle import contention
from emulator.runtime.lifecycle.contention import Turns, is_orphaned
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.state.names import MADE_BY
from emulator.runtime.state.process_identity import Owner, this_process
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, DEMO, desired_state, make_service


def dead() -> Owner:
    """A process of this machine that runs no more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    return replace(this_process(), pid=process.pid)


def create(bench: Bench, maker: Owner) -> None:
    """An agent that this process created and did not start yet."""
    spec = agent_spec(bench.engine, DEMO, desired_state(make_service()))
    bench.engine.ensure_network(DEMO.network, DEMO.labels())
    bench.engine.create_container(replace(spec, labels={**spec.labels, MADE_BY: str(maker)}))


def agent(bench: Bench) -> Container:
    found = bench.observed.agent
    assert found is not None
    return found


def turns(bench: Bench, **times: float) -> Turns:
    return Turns(bench.engine, DEMO, bench.emit, bench.cancelled, **times)


def at_the_second_look(bench: Bench, act: Callable[[], object]) -> None:
    looks = iter(range(100))

    def look(verb: str, target: str) -> None:
        del target
        if verb == "list_containers" and next(looks) == 1:
            act()

    bench.engine.before = look


class TestAnAgentThatIsOnlyCreated:
    def test_is_waited_for_until_its_maker_starts_it(self, bench: Bench) -> None:
        create(bench, this_process())
        at_the_second_look(bench, lambda: bench.engine.start(DEMO.agent))
        found = turns(bench).observe()
        assert found.agent is not None
        assert found.agent.state == "running"
        assert [event.message for event in bench.events] == [
            "another copilot-local command is bringing up demo/test; waiting for it"
        ]

    def test_or_takes_it_back(self, bench: Bench) -> None:
        create(bench, this_process())
        at_the_second_look(bench, lambda: bench.engine.remove(DEMO.agent))
        assert turns(bench).observe().agent is None

    def test_is_not_waited_for_where_its_maker_has_died(self, bench: Bench) -> None:
        create(bench, dead())
        assert is_orphaned(agent(bench))
        turns(bench).observe()
        assert bench.events == []

    def test_is_given_up_after_a_while_where_its_maker_is_unknown(self, bench: Bench) -> None:
        create(bench, replace(this_process(), machine="elsewhere"))
        assert not is_orphaned(agent(bench))
        assert turns(bench, under_way=0.0).observe().agent is not None

    def test_ends_the_waiting_in_the_end(self, bench: Bench) -> None:
        create(bench, this_process())
        with pytest.raises(EnvironmentBusy, match="is bringing up demo/test") as caught:
            turns(bench, timeout=0.0).observe()
        assert caught.value.hint

    def test_can_be_waited_for_until_an_interruption(self, bench: Bench) -> None:
        create(bench, this_process())
        bench.cancelled.set()
        with pytest.raises(Cancelled):
            turns(bench).observe()


class TestAnAgentThatAnotherCommandHolds:
    @pytest.fixture
    def held(self, bench: Bench) -> Bench:
        bench.up(make_service())
        bench.agent.status |= {"held": True, "acting": False}
        bench.agent.refuses_apply = {"message": "is bringing it up", "hint": "wait", "busy": True}
        return bench

    def test_is_asked_again_when_it_is_free(self, held: Bench) -> None:
        waiting = threading.Event()
        held.on_event = lambda event: waiting.set() if "waiting for it" in event.message else None

        def free() -> None:
            waiting.wait(10)
            held.agent.refuses_apply = None
            held.agent.status |= {"held": False, "acting": True}

        other = threading.Thread(target=free)
        other.start()
        held.up(make_service())
        other.join(10)
        assert [verb for verb in held.agent.said if verb != "status"] == ["hold", "begin", "apply", "apply"]

    def test_refuses_where_the_command_turns_out_to_stay(self, held: Bench) -> None:
        def stay() -> None:
            held.agent.status |= {"stays": True}
            held.agent.refuses_apply = {"message": "a foreground `copilot-local up` is in charge", "hint": "end it"}

        held.on_event = lambda event: stay() if "waiting for it" in event.message else None
        with pytest.raises(AgentError, match="a foreground `copilot-local up` is in charge"):
            held.up(make_service())

    def test_makes_room_where_it_goes_away(self, held: Bench) -> None:
        def take_down() -> None:
            held.agent.refuses_apply = None
            for container in held.observed.containers:
                held.engine.remove(container.id)

        held.on_event = lambda event: take_down() if "waiting for it" in event.message else None
        assert held.up(make_service()).fresh
        assert set(held.states().values()) == {"running"}


def test_an_agent_of_a_command_that_was_killed_is_replaced_though_it_was_never_started(bench: Bench) -> None:
    create(bench, dead())
    assert bench.up(make_service()).fresh
    assert agent(bench).image == AGENT
    assert agent(bench).labels[MADE_BY] == str(this_process())


@pytest.mark.parametrize("answered", [True, False], ids=["refuses", "ends the connection"])
def test_an_agent_is_taken_back_a_while_after_its_connections_have_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """Docker lists it as running until then; one that refuses is there."""
    monkeypatch.setattr(contention, "REMOVAL", 0.0)
    monkeypatch.setattr(contention, "STOPPED_AGENT", 100.0)
    create(bench, this_process())
    bench.engine.start(DEMO.agent)
    found = agent(bench)
    at_the_second_look(bench, lambda: bench.engine.remove(DEMO.agent))
    assert turns(bench).is_taken_back(found, answered=answered) is not answered
