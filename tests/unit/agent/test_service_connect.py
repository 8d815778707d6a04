"""The agent keeps Service Connect's names as the tasks behind them come and go."""

from __future__ import annotations

import pytest

from emulator.engine.interface import Health
from emulator.errors import EngineError
from emulator.events import discard
from emulator.runtime.state.desired import DesiredState
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, connected, desired_state

CHECKED = {"api": {"healthCheck": {"command": ["CMD-SHELL", "true"]}}}


@pytest.fixture
def state() -> DesiredState:
    services = connected("api", serves="api", containers=CHECKED), connected("web")
    return desired_state(*services).model_copy(update={"acting": True})


def addresses(rig: Rig) -> list[str]:
    """Of the tasks of api."""
    return sorted(t.pause.addresses[DEMO.network] for t in rig.tasks if t.service == "api" and t.pause)


def found_by_web(rig: Rig) -> list[str]:
    """The addresses that were written last for the task of web."""
    [pause] = [t.pause.name for t in rig.tasks if t.service == "web" and t.pause]
    last = [command[-1] for name, command in rig.engine.execs if name == pause][-1]
    return sorted(line.split()[0] for line in last.splitlines())


def test_a_replaced_task_gives_its_place_to_the_new_one(rig: Rig, state: DesiredState) -> None:
    supervisor = rig.boot(state)
    supervisor.look()
    [old] = addresses(rig)
    [task] = [task for task in rig.tasks if task.service == "api"]
    rig.engine.finish(task.members["api"].container.name, 1)
    supervisor.look()
    [new] = addresses(rig)
    assert new != old
    assert found_by_web(rig) == [new]


def test_scaling_adds_and_removes_addresses(rig: Rig, state: DesiredState) -> None:
    supervisor = rig.boot(state)
    supervisor.look()
    for count in (3, 1, 0):
        supervisor.deployments.scale({"api": count}, discard)
        supervisor.look()
        supervisor.look()  # the health checks of new ones have passed by now
        assert len(addresses(rig)) == count
        assert found_by_web(rig) == addresses(rig)


def test_a_task_that_turns_unhealthy_leaves_while_another_is_healthy(rig: Rig, state: DesiredState) -> None:
    state.services["api"].count = 2
    supervisor = rig.boot(state)
    supervisor.look()
    supervisor.look()  # its health checks have passed by now
    both = addresses(rig)
    assert found_by_web(rig) == both
    task = next(task for task in rig.tasks if task.service == "api")
    assert task.pause is not None
    rig.engine.set_health(task.members["api"].container.name, Health.UNHEALTHY)
    supervisor.look()
    assert found_by_web(rig) == [address for address in both if address != task.pause.addresses[DEMO.network]]


def test_a_restarted_agent_writes_them_once_and_then_only_changes(rig: Rig, state: DesiredState) -> None:
    rig.boot(state).look()
    supervisor = rig.boot()
    supervisor.look()
    assert found_by_web(rig) == addresses(rig)
    rig.engine.execs.clear()
    supervisor.look()
    assert rig.engine.execs == []


def test_what_could_not_be_written_is_written_at_the_next_look(rig: Rig, state: DesiredState) -> None:
    rig.boot(state).look()
    supervisor = rig.boot()
    rig.engine.execs.clear()
    [pause] = [t.pause.name for t in rig.tasks if t.service == "web" and t.pause]
    rig.engine.fail("exec", EngineError("stuck"), target=pause, times=1)
    supervisor.look()
    supervisor.look()
    assert found_by_web(rig) == addresses(rig)
