"""Where a container's variables come from, and whose wins."""

from __future__ import annotations

import pytest

from tests.docker.ecs.conftest import FOREVER
from tests.docker.project import MakeProject, docker

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


def test_files_definition_and_secrets(make_project: MakeProject) -> None:
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
