"""A workspace as a provider service of Docker Compose, asked as Compose asks."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docker.command import COMMAND, Command
from tests.docker.project import MakeProject, Project, Running, docker
from tests.unit.render.storage_addons import PARAMETERS

pytestmark = pytest.mark.docker

PROJECT = f"e2e-{secrets.token_hex(4)}"
MANIFEST = """\
name: api
type: Load Balanced Web Service
http: {path: "/"}
image: {location: "busybox:1.37", port: 8000}
command: ["sh", "-c", "mkdir /w; echo hello > /w/index.html; trap 'exit 0' TERM; httpd -p 8000 -h /w; sleep 999 & wait"]
cpu: 256
memory: 512
publish: {topics: [{name: orders}]}
"""
CACHE = f"""\
{PARAMETERS}Resources:
  words:
    Type: AWS::ElastiCache::CacheCluster
    Properties: {{Engine: redis, ClusterName: words, CacheNodeType: cache.t3.micro, NumCacheNodes: 1}}
Outputs:
  wordsHost: {{Value: !GetAtt words.RedisEndpoint.Address}}
"""


ASKS = """\
wget -qO- $URL
echo next
wget -qO- $AWS_ENDPOINT_URL'/?Action=ListTopics'
echo; echo next
wget -qO- $AWS_ENDPOINT_URL_S3 | head -c 5
echo; echo next
printf 'PING\\r\\nQUIT\\r\\n' | nc $WORDS_HOST $WORDS_PORT
"""
"""What a service of the project asks the environment."""


def ask(project: Project, verb: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """What Compose hears from elsewhere than the workspace."""
    words = [str(COMMAND), "compose", f"--project-name={PROJECT}", verb]
    words += [f"--workspace={project.folder.name}", *options, "shop"]
    done = Running(Command(words, project.folder.parent, os.environ)).wait(120)
    return done.code, [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def network() -> Iterator[str]:
    """The project's network, which Compose makes before it asks."""
    name = f"{PROJECT}_default"
    docker("network", "create", "--label", f"com.docker.compose.project={PROJECT}", name)
    yield name
    docker("network", "rm", name, check=False)  # Docker may keep it: see `kept_networks`


@pytest.fixture
def project(network: str, make_project: MakeProject) -> Project:
    project = make_project("")
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    project.write("copilot/api/manifest.yml", MANIFEST)
    project.write("copilot/api/addons/words.yml", CACHE)
    return project


def test_services_of_the_project_reach_what_runs_by_the_variables_they_are_given(
    project: Project, network: str, busybox: str
) -> None:
    options = (f"--port={project.port}", "--variable=api/WORDS_HOST")
    code, said = ask(project, "up", *options)
    assert code == 0, said
    assert {"type": "info", "message": "make the local AWS endpoint ready"} in said
    given = dict(one["message"].split("=", 1) for one in said if one["type"] == "setenv")
    assert given["URL_HERE"] == f"http://127.0.0.1:{project.port}"

    variables = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    parts = docker("run", "--rm", "--network", network, *variables, busybox, "sh", "-c", ASKS).split("next\n")
    assert parts[0] == "hello\n"
    assert "api-orders" in parts[1]
    assert parts[2].startswith("<?xml")
    assert parts[3].startswith("+PONG")

    code, again = ask(project, "up", *options)
    assert code == 0
    assert {one["message"] for one in again if one["type"] == "setenv"} == {f"{n}={v}" for n, v in given.items()}

    code, refused = ask(project, "up", "--variable=api/NOTHING")
    assert code == 1
    assert refused[-1]["message"].startswith("variable: api/NOTHING: it has no such variable")

    assert ask(project, "stop")[0] == 0
    assert project.containers() == []
    assert ask(project, "down") == (0, [])
