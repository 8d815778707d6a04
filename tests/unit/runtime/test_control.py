"""What the agent's control API promises to those who ask."""

from __future__ import annotations

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineTimeout
from emulator.runtime.control.client import Agent
from emulator.runtime.state.names import Names
from tests.unit.runtime.agent_double import AgentDouble


@pytest.mark.parametrize("ask", [Agent.status, Agent.tasks])
def test_an_agent_that_does_not_answer_is_not_waited_for(ask: object) -> None:
    names = Names("shop", "test")
    engine = FakeEngine()
    engine.add_image("agent")
    double = AgentDouble()
    double.mute = True
    engine.behave(names.agent, Behaviour(stream=double.open))
    engine.create_container(ContainerSpec(name=names.agent, image="agent"))
    engine.start(names.agent)
    assert callable(ask)
    with pytest.raises(EngineTimeout, match=r"did not answer within 0\.1 s") as raised:
        ask(Agent(engine, names, timeout=0.1))
    assert names.agent in raised.value.hint
