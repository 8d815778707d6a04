"""Joining an environment whose agent is of another version."""

from __future__ import annotations

import pytest

from emulator.engine.interface import Container
from emulator.runtime.specs.agent import agent_spec
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, DEMO, desired_state, make_service


def agent(bench: Bench) -> Container:
    found = bench.observed.agent
    assert found is not None
    return found


class TestAnotherVersion:
    @pytest.fixture
    def older(self, bench: Bench) -> Bench:
        """An environment whose agent was made from another image."""
        bench.up(make_service()).hand_over()
        bench.engine.add_image("agent:0")
        state = desired_state(make_service()).model_copy(update={"agent_image": "agent:0"})
        bench.engine.remove(DEMO.agent)
        bench.engine.create_container(agent_spec(bench.engine, DEMO, state))
        bench.engine.start(DEMO.agent)
        bench.engine.calls.clear()
        bench.agent.said.clear()
        return bench

    def test_its_agent_is_replaced_and_the_tasks_go_on(self, older: Bench) -> None:
        older.up(make_service())
        assert agent(older).image == AGENT
        assert older.did("create_container", "stop", "remove") == [
            "stop agent",
            "remove agent",
            "create_container agent",
        ]
        assert older.agent.said[-1] == "apply"

    def test_not_while_a_command_is_in_charge(self, older: Bench) -> None:
        older.agent.status["held"] = True
        older.up(make_service())
        assert agent(older).image == "agent:0", "the agent's own refusal says who is in charge"
        assert not [event for event in older.events if "replace the agent" in event.subject]

    def test_one_that_another_command_has_made_meanwhile_stays(self, older: Bench) -> None:
        made: list[str] = []

        def be_faster(verb: str, target: str) -> None:
            if verb == "stop":
                older.engine.before = None
                older.up(make_service())
                made.append(agent(older).id)

        older.engine.before = be_faster
        older.up(make_service())
        assert made == [agent(older).id]
        assert set(older.states().values()) == {"running"}
