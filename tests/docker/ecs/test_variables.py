"""Where a container's variables come from and whose wins, and how a service without room replaces its task."""

from __future__ import annotations

import pytest

from tests.docker.ecs.conftest import FOREVER
from tests.docker.project import DockerEvents, MakeProject, docker, wait_until

pytestmark = pytest.mark.docker

MANIFEST = f"""
name: api
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "{FOREVER}"]
env_file: api.env
variables:
  BOTH: of the manifest
secrets:
  SECRET: /api/secret
deployment:
  rolling: recreate
"""
FILE = """# a comment
QUOTED="as it stands" # and this
  INDENTED= kept 
EXPANDED=$HOME ${BOTH}
EQUAL=a=b
BARE
BOTH=of the file
SECRET=of the file
PATH=/of/the/file:/bin
AGAIN=1
AGAIN=2
"""


def test_files_definition_and_secrets_and_a_task_that_is_recreated(make_project: MakeProject) -> None:
    project = make_project("")
    project.write("copilot/api/manifest.yml", MANIFEST)
    project.write("api.env", FILE)
    project.run("up", "-d", "--port", str(project.port), variables={"SECRET": "of the shell"}).ok()
    lines = docker("exec", project.container("api"), "env").splitlines()
    found = dict(line.partition("=")[::2] for line in lines)
    assert {name: found.get(name) for name in ("QUOTED", "  INDENTED", "EXPANDED", "EQUAL", "AGAIN")} == {
        "QUOTED": '"as it stands" # and this',
        "  INDENTED": " kept ",
        "EXPANDED": "$HOME ${BOTH}",
        "EQUAL": "a=b",
        "AGAIN": "2",
    }
    assert "BARE" not in found
    assert (found["BOTH"], found["SECRET"]) == ("of the manifest", "of the shell")
    assert found["PATH"] == "/of/the/file:/bin", "a file wins over the image"
    # A changed variable makes a new task, and `recreate` leaves no room for it beside the old one.
    events = DockerEvents(project)
    project.edit("copilot/api/manifest.yml", "of the manifest", "of the second manifest")
    project.run("up", "-d", "--port", str(project.port), variables={"SECRET": "of the shell"}).ok()
    wait_until(lambda: "api" in events.actions("start"), "the start of the new task")
    events.close()
    assert [action for action, name in events.sequence() if name == "api" and action in ("die", "start")] == [
        "die",
        "start",
    ]
