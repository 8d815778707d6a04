"""While a command makes what services live with, the agent leaves that to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from emulator.ecs.messaging import Topic
from emulator.events import discard
from emulator.model import make
from emulator.runtime.control.client import AgentBusy, AgentError
from emulator.runtime.listeners import free_port
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

Until = Callable[[Callable[[], object]], None]


def state() -> DesiredState:
    """A service that publishes, and so has the local AWS endpoint; the agent is in charge."""
    service = make_service(name="api").model_copy(update={"topics": [make(Topic, name="orders")]})
    wanted = desired_state(service).model_copy(update={"acting": True})
    wanted.aws_image = "api:1"
    return with_ports(wanted, AskedPorts(), Observed([]), frozenset())


@pytest.fixture
def running(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """The agent is in charge and all of it runs."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)
    rig.boot(state()).look()
    assert has_endpoint(rig)
    return rig


def has_endpoint(rig: Rig, environment: Names = DEMO) -> bool:
    return any(one.name == environment.aws for one in rig.engine.list_containers(environment.labels()))


def test_an_endpoint_that_a_command_removes_is_not_made_again(running: Rig, until: Until) -> None:
    providing = running.agent.provide(deploys=True)
    running.engine.remove(DEMO.aws)
    running.supervisor.look()
    running.agent.scale({"api": 2}, discard)
    assert not has_endpoint(running)
    assert len(running.tasks) == 2, "tasks are looked after all the same"
    assert running.agent.status()["providing"] is True
    providing.close()
    until(lambda: running.agent.status()["providing"] is False)
    running.supervisor.look()
    assert has_endpoint(running)


def test_it_ends_with_the_command(running: Rig, until: Until) -> None:
    running.agent.provide(deploys=True)
    running.engine.remove(DEMO.aws)
    running.streams[-1].close()
    until(lambda: running.agent.status()["providing"] is False)
    running.supervisor.look()
    assert has_endpoint(running)


def test_private_values_stay(running: Rig) -> None:
    private = Private(services={"api": {"api": {"PASSWORD": "hunter2"}}})
    running.agent.apply(state(), private, discard)
    running.agent.provide(deploys=True).close()
    running.agent.restart(["api"], discard)
    assert running.engine.spec(running.container("api")).environment["PASSWORD"] == "hunter2"


def test_work_that_is_under_way_ends_first(rig: Rig, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)
    under_way: list[Callable[[], None]] = []
    rig.spawn = under_way.append
    rig.boot(state()).look()
    granted: list[bool] = []

    def ask() -> None:
        providing = rig.agent.provide(deploys=True)
        granted.append(has_endpoint(rig))
        providing.close()

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: rig.agent.status()["providing"])
    assert granted == []
    for work in under_way:
        work()
    thread.join()
    assert granted == [True]


def test_one_command_at_a_time(running: Rig, until: Until) -> None:
    first = running.agent.provide(deploys=True)
    with pytest.raises(AgentBusy):
        running.agent.provide()
    first.close()
    until(lambda: running.agent.status()["providing"] is False)
    running.agent.provide().close()


def test_a_command_that_would_be_refused_later_is_refused_now(rig: Rig) -> None:
    rig.boot(desired_state(make_service()))
    rig.agent.hold(Private(), stays=True)
    with pytest.raises(AgentError, match="a foreground `copilot-local up` is in charge"):
        rig.agent.provide(deploys=True)
    rig.agent.provide().close()
