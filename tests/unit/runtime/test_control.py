"""What the agent's control API promises to those who ask."""

from __future__ import annotations

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineTimeout
from emulator.runtime.control import Agent
from emulator.runtime.names import Names


@pytest.mark.parametrize("ask", [Agent.status, Agent.tasks])
def test_an_agent_that_does_not_answer_is_not_waited_for(ask: object) -> None:
    names = Names("shop", "test")
    engine = FakeEngine()
    engine.add_image("agent")
    engine.create_container(ContainerSpec(name=names.agent, image="agent"))
    engine.start(names.agent)
    assert callable(ask)
    with pytest.raises(EngineTimeout, match=r"did not answer within 0\.1 s") as raised:
        ask(Agent(engine, names, patience=0.1))  # the fake's commands echo what they are sent, and go on listening
    assert names.agent in raised.value.hint
