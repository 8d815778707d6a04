"""Whose an environment is, and what is removed of dead processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.events import discard
from emulator.runtime.state.names import OWNER, Names, Role
from emulator.testing.owner import Owner, remove_stale, stale_environments, this_process


@pytest.fixture
def dead() -> Owner:
    """A process of this machine that runs no more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    return replace(this_process(), pid=process.pid)


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("busybox")
    return engine


def put(engine: FakeEngine, app: str, owner: str) -> Names:
    """An agent, a network and a volume of that owner."""
    names = Names(app, "test", owner)
    engine.ensure_network(names.network, names.labels(Role.NETWORK))
    engine.ensure_volume(names.log_volume, names.labels(Role.VOLUME))
    engine.create_container(ContainerSpec(names.agent, "busybox", names.labels(Role.AGENT)))
    return names


def test_this_process_lives_and_survives_being_written_down() -> None:
    owner = this_process()
    assert not owner.dead
    assert Owner.parse(str(owner)) == owner


def test_a_process_that_ended_is_dead(dead: Owner) -> None:
    assert dead.dead


def test_a_pid_that_another_process_has_now_is_dead() -> None:
    assert replace(this_process(), started="something else").dead


def test_of_another_machine_nothing_is_known(dead: Owner) -> None:
    assert not replace(dead, machine="elsewhere").dead


@pytest.mark.parametrize("text", ["", "me", "me:x:1", ":1:1"])
def test_what_is_no_owner(text: str) -> None:
    assert Owner.parse(text) is None


def test_what_dead_processes_left_is_removed_and_nothing_else(engine: FakeEngine, dead: Owner) -> None:
    put(engine, "left", str(dead))
    put(engine, "mine", str(this_process()))
    put(engine, "far", "elsewhere:1:1")
    put(engine, "person", "")
    assert [names.app for names in stale_environments(engine)] == ["left"]
    remove_stale(engine, discard)
    assert {row.labels["copilot-local.app"] for row in engine.list_containers({})} == {"mine", "far", "person"}
    assert sorted(engine.list_networks({})) == ["cl-far-test", "cl-mine-test", "cl-person-test"]
    assert len(engine.list_volumes({})) == 3


def test_volumes_alone_are_found_too(engine: FakeEngine, dead: Owner) -> None:
    names = put(engine, "left", str(dead))
    engine.remove(names.agent)
    remove_stale(engine, discard)
    assert engine.list_volumes({OWNER: ""}) == {}
