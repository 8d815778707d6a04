"""A task's CPU and memory, for daemons that can hold a task as a whole and for those that cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.ecs.fargate import cpu_units, memory_mib
from emulator.engine.fake import FakeEngine
from emulator.runtime.specs.limits import BELOW_PAUSE, can_nest
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state.desired import Private
from tests.unit.runtime.world import ROOT, desired_state, make_service

MIB = 1024 * 1024
CONTAINERS = {"hello": {}, "db": {"memory": 128, "cpu": 64}}


def task(*, nested: bool) -> TaskSpec:
    state = desired_state(make_service(CONTAINERS, cpu="256", memory="512"))
    return TaskFactory(state, Private(), ROOT, nested_limits=nested).task(state.services["hello"], "a" * 32)


def test_the_task_as_a_whole_is_limited_where_members_can_live_below_pause() -> None:
    found = task(nested=True)
    hello, db = (member.spec for member in found.members)
    assert (found.pause.memory, found.pause.nano_cpus) == (512 * MIB, 250_000_000)
    assert (hello.memory, hello.nano_cpus, hello.cgroup_parent) == (None, None, BELOW_PAUSE)
    assert (db.memory, db.cpu_shares) == (128 * MIB, 64)


def test_each_container_is_limited_elsewhere() -> None:
    found = task(nested=False)
    hello, db = (member.spec for member in found.members)
    assert (found.pause.memory, found.pause.nano_cpus) == (64 * MIB, None)
    assert (hello.memory, hello.nano_cpus, hello.cgroup_parent) == (512 * MIB, 250_000_000, None)
    assert db.memory == 128 * MIB


def test_a_container_that_names_no_cpu_has_the_least_weight() -> None:
    assert task(nested=True).members[0].spec.cpu_shares == 2


@pytest.mark.parametrize(
    ("version", "driver", "rootless", "expected"),
    [
        (1, "cgroupfs", False, True),
        (2, "systemd", False, False),
        (1, "systemd", False, False),
        (1, "cgroupfs", True, False),
    ],
)
def test_which_daemons_can_nest(version: int, driver: str, rootless: bool, expected: bool) -> None:
    info = replace(FakeEngine().info(), cgroup_version=version, cgroup_driver=driver, rootless=rootless)
    assert can_nest(info) is expected


@pytest.mark.parametrize(("text", "mib"), [("512", 512), ("0.5GB", 512), ("1 GB", 1024), ("2gb", 2048)])
def test_memory_in_both_spellings(text: str, mib: int) -> None:
    assert memory_mib(text) == mib


@pytest.mark.parametrize(("text", "units"), [("256", 256), (".25 vCPU", 256), ("1 vCPU", 1024), ("4096", 4096)])
def test_cpu_in_both_spellings(text: str, units: int) -> None:
    assert cpu_units(text) == units


@pytest.mark.parametrize("text", ["", "much", "1 TB", "-1"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        memory_mib(text)
