"""examples/fresh-clone: from a clone to healthy in two rounds, with what its README says to fill in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.project import ROOT, MakeProject, Project

pytestmark = pytest.mark.docker

README = (ROOT / "examples" / "fresh-clone" / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def clone(make_project: MakeProject, tmp_path: Path) -> Project:
    """What `git clone` gives of the example."""
    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "examples" / "fresh-clone", origin)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    project = make_project("")
    for command in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", "-C", str(origin), *command], check=True, timeout=60)
    subprocess.run(["git", "clone", "--quiet", str(origin), str(project.folder)], check=True, timeout=60)
    return project


def block(language: str) -> str:
    """What the README shows in that language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_clone_is_healthy_in_two_rounds(clone: Project) -> None:
    refused = clone.run("up")
    assert refused.code == 1
    assert "8 things are missing here: 1 variable, 1 value, 1 environment file, 3 secrets, 2 images" in refused.err
    assert clone.everything() == []

    written = clone.run("init").ok()
    assert "fill in copilot-local.toml, .copilot-local/secrets.env, web/web.env" in written.out
    names = set(re.findall(r'^("[^"]+"|[\w-]+) = ""$', (clone.folder / "copilot-local.toml").read_text(), re.MULTILINE))
    assert names == set(re.findall(r'^("[^"]+"|[\w-]+) = ', block("toml"), re.MULTILINE))
    clone.write("copilot-local.toml", block("toml"))
    clone.write(".copilot-local/secrets.env", block("sh"))

    started = clone.up()
    assert "landing: is passed over" in started.err
    assert "report: 0 tasks" in started.err
    web, api = clone.get("/").json(), clone.get("/api/orders").json()
    assert web["proxy"] == "to 3000"
    assert web["variables"] == {
        "RELEASE": "local",
        "ZONE": "example.test",
        "DB_PASSWORD": "web-local",
        "GREETING": "hello",
    }
    assert api["proxy"] == "to 8000"
    assert api["variables"] == {
        "DB_PASSWORD": "api-local",
        "TOKEN": "token-local",
        "ORDERS_NAME": f"{clone.app}-test-api-orders",
    }
    assert re.search(r"^api, web: running at ", started.err, re.MULTILINE)
    assert "kept 3" in clone.run("run", "cleanup").ok().out
    assert "report" in clone.run("ps").out

    # A service of no tasks asks for what it needs once it has some.
    before = clone.tasks()
    refused = clone.run("up", "-d", "report", "--scale", "report=1")
    assert refused.code == 1
    assert "2 things are missing here: 1 secret, 1 image" in refused.err
    scaled = clone.run("scale", "report=1")
    assert scaled.code == 1
    assert "copilot-local up report --scale report=1" in scaled.err
    assert clone.tasks() == before
