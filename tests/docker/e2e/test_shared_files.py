"""A file system that services share, and the variables that Copilot and ECS give every container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.docker.project import docker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = """
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
storage:
  volumes:
    files:
      path: /files
      read_only: {read_only}
      efs: {{id: fs-1234}}
"""


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Iterator[Project]:
    """`writer` and `reader` mount one file system; the second one may only read. `down -v` removes it."""
    empty = make_shared_project("")
    for name, read_only in (("writer", "false"), ("reader", "true")):
        empty.write(f"copilot/{name}/manifest.yml", MANIFEST.format(name=name, read_only=read_only))
    empty.run("up", "-d").ok()
    yield empty
    empty.run("down", "-v").ok()
    assert empty.everything() == []


def test_a_container_has_the_variables_of_copilot_and_of_ecs(project: Project) -> None:
    rows = docker("exec", project.container("reader"), "env").splitlines()
    found = dict(row.partition("=")[::2] for row in rows)
    assert {name: value for name, value in found.items() if name.startswith("COPILOT_")} == {
        "COPILOT_APPLICATION_NAME": project.app,
        "COPILOT_ENVIRONMENT_NAME": "test",
        "COPILOT_SERVICE_NAME": "reader",
        "COPILOT_SERVICE_DISCOVERY_ENDPOINT": f"test.{project.app}.local",
        "COPILOT_MOUNT_POINTS": json.dumps({"files": "/files"}, separators=(",", ":")),
    }
    assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"]
    assert found["ECS_CONTAINER_METADATA_URI_V4"].startswith("http://169.254.170.2/v4/")


def test_a_file_system_is_shared_and_outlives_down(project: Project) -> None:
    """Only `reader`, which other tests look at, comes back after it."""
    docker("exec", project.container("writer"), "sh", "-c", "echo kept > /files/note")
    assert docker("exec", project.container("reader"), "cat", "/files/note") == "kept\n"
    refused = docker("exec", project.container("reader"), "sh", "-c", "touch /files/x 2>&1 || true")
    assert "Read-only file system" in refused
    project.run("down").ok()
    assert [volume for volume in project.volumes() if "fs-1234" in volume] == [f"cl-{project.app}-test-efs-fs-1234"]
    project.run("up", "-d", "reader").ok()
    assert docker("exec", project.container("reader"), "cat", "/files/note") == "kept\n"
