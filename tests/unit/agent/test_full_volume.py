"""The agent's volume has no room: what should run cannot be written down.

`/dev/full` in place of the file that is written first refuses with what a full disk refuses with.
"""

from __future__ import annotations

import pytest

from emulator.events import discard
from emulator.model import from_json
from emulator.runtime.control.client import AgentError
from emulator.runtime.state.desired import DesiredState, Private
from tests.unit.agent.rig import SHORT, Rig
from tests.unit.runtime.world import desired_state, make_service

CHANGED = desired_state(make_service({"hello": {"command": ["new"]}}))


def fill(rig: Rig) -> None:
    """The next attempt to write finds no room; it takes the file away that it could not write."""
    for suffix in (".new", ".next"):
        new = rig.state_file.with_suffix(suffix)
        new.unlink(missing_ok=True)
        new.symlink_to("/dev/full")


def saved(rig: Rig) -> DesiredState:
    return from_json(DesiredState, rig.state_file.read_bytes())


def start(rig: Rig) -> str:
    """The agent is in charge and the service runs; returns the task's id."""
    rig.boot(desired_state(make_service()).model_copy(update={"acting": True})).look()
    return rig.task.id


@pytest.mark.parametrize("in_place", [False, True])
def test_a_deployment_is_refused_before_anything_is_touched(rig: Rig, in_place: bool) -> None:
    before = start(rig)
    calls = len(rig.did("create", "stop", "remove"))
    fill(rig)
    with pytest.raises(AgentError, match="cannot be written to the volume cl-demo-test-state: No space") as caught:
        rig.agent.apply(CHANGED, Private(), discard, in_place=in_place)
    assert "nothing was changed" in caught.value.message
    assert "docker system df" in caught.value.hint
    assert len(rig.did("create", "stop", "remove")) == calls
    rig.supervisor.look()
    assert rig.task.id == before
    assert rig.agent.status()["services"]["hello"]["revision"] == 1


def test_the_agent_goes_on_and_deploys_once_there_is_room(rig: Rig) -> None:
    before = start(rig)
    fill(rig)
    with pytest.raises(AgentError):
        rig.agent.scale({"hello": 2}, discard)
    rig.engine.finish(rig.container("hello"), 1)
    rig.supervisor.look()
    assert rig.task.id != before, "what dies is replaced all the same"
    assert not rig.state_file.with_suffix(".next").is_symlink(), "half a file would take room"
    rig.agent.scale({"hello": 2}, discard)
    assert len(rig.tasks) == 2
    assert saved(rig).services["hello"].desired_count == 2


def test_an_agent_that_takes_charge_writes_it_down_once_there_is_room(rig: Rig) -> None:
    supervisor = rig.boot(desired_state(make_service()))
    fill(rig)
    rig.agent.hold(Private()).hand_over()
    assert not saved(rig).acting
    fill(rig)
    supervisor.look()
    assert rig.task.members["hello"].running
    assert not saved(rig).acting
    supervisor.look()  # there is room now
    assert saved(rig).acting


def test_an_agent_without_a_command_looks_after_the_environment_all_the_same(rig: Rig) -> None:
    supervisor = rig.boot(desired_state(make_service()))
    fill(rig)
    rig.clock.now += SHORT.grace + 1
    supervisor.look()
    assert rig.task.members["hello"].running
