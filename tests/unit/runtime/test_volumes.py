"""Empty volumes belong to a task, file systems to the environment."""

from __future__ import annotations

from typing import Any

from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.desired import Private
from tests.unit.runtime.world import ROOT, desired_state, make_service


def task(volume: dict[str, Any], task_id: str = "a" * 32, *, read_only: bool | None = None) -> TaskSpec:
    mount = {"sourceVolume": "data", "containerPath": "/data", "readOnly": read_only}
    service = make_service({"hello": {"mountPoints": [mount]}}, volumes=[{"name": "data", **volume}])
    state = desired_state(service)
    return TaskFactory(state, Private(), ROOT).task(state.services["hello"], task_id)


def volume_of(spec: TaskSpec) -> str:
    [mount] = spec.members[0].spec.mounts
    assert mount.target == "/data"
    return mount.source


def test_an_empty_volume_is_the_tasks_own_and_goes_with_it() -> None:
    one, other = task({}), task({}, "b" * 32)
    assert volume_of(one) != volume_of(other)
    labels = one.volumes[volume_of(one)]
    assert labels[names.TASK] == "a" * 32
    assert names.DATA not in labels


def test_a_file_system_is_shared_and_kept() -> None:
    efs = {"efsVolumeConfiguration": {"fileSystemId": "fs-1"}}
    one, other = task(efs), task(efs, "b" * 32)
    assert volume_of(one) == volume_of(other) == "cl-demo-test-efs-fs-1"
    labels = one.volumes[volume_of(one)]
    assert names.TASK not in labels
    assert names.DATA in labels


def test_folders_of_one_file_system_are_apart() -> None:
    def volume(folder: str) -> str:
        return volume_of(task({"efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": folder}}))

    assert volume("/") == "cl-demo-test-efs-fs-1"
    assert volume("/a/b").startswith("cl-demo-test-efs-fs-1-a-b-")
    assert volume("/a/b") == volume("/a/b")
    assert len({volume(folder) for folder in ("/", "/a/b", "/a-b", "/a--b", "/a.b", "/A/b")}) == 6


def test_a_mount_is_read_only_where_it_says_so() -> None:
    assert task({}, read_only=True).members[0].spec.mounts[0].read_only
    assert not task({}, read_only=False).members[0].spec.mounts[0].read_only
