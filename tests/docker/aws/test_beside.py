"""`[beside]`: a team's Compose services on the environment's network."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from emulator.testing import Environment
from tests.docker.project import MakeProject, Project, Result, daemon, free_port, wait_until

pytestmark = pytest.mark.docker

MANIFEST = """\
name: api
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "wget -qO- http://$CACHE/; trap 'exit 0' TERM; sleep 1000 & wait"]
cpu: 256
memory: 512
variables:
  CACHE: ${CACHE_HOST}
"""
COMPOSE = """\
services:
  cache:
    image: busybox:1.37
    container_name: our-cache
    command:
      - sh
      - -c
      - echo served $$WORD > /data/index.html; trap 'exit 0' TERM; httpd -p 8000 -h /data; sleep 999 & wait
    environment: {WORD: "a$$b"}
    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/"], interval: 1s}
    volumes: ["data:/data"]
    ports: ["PORT:8000"]
  migrate:
    image: busybox:1.37
    command: ["true"]
    depends_on: {cache: {condition: service_healthy}}
  api:
    build: .
volumes: {data: {}}
"""
SETTINGS = """\
[beside]
compose = ["compose.yaml"]
provides = { CACHE_HOST = "cache:8000" }
"""


def make_workspace(project: Project, compose: str = COMPOSE, *, trusted: bool = True) -> Project:
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    project.write("copilot/api/manifest.yml", MANIFEST)
    project.write("compose.yaml", compose.replace("PORT", str(free_port())))
    project.write("copilot-local.toml", SETTINGS)
    if trusted:
        project.run("trust-workspace", "--yes").ok()
    return project


def containers(project: Project, name: str = "") -> list[str]:
    """Names of its containers that have this in them."""
    return [one.name for one in project.containers() if name in one.name]


def data(project: Project) -> list[str]:
    """Volumes of the Compose services."""
    return [name for name in project.volumes() if "beside" in name]


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = make_workspace(make_shared_project(""))
    project.up()
    return project


def port_of(project: Project) -> str:
    """Of this machine, for the Compose service."""
    [name] = containers(project, "beside-cache")
    with daemon() as client:
        [[binding]] = client.inspect_container(name)["NetworkSettings"]["Ports"].values()
    return str(binding["HostPort"])


def test_it_serves_the_tasks_and_this_machine(shop: Project) -> None:
    wait_until(lambda: "served a$b" in shop.run("logs", "api").ok().out, "what api has asked for")
    assert httpx.get(f"http://127.0.0.1:{port_of(shop)}/").text == "served a$b\n"
    assert f":{port_of(shop)}:8000" in (shop.folder / "compose.yaml").read_text().replace('["', ":")
    listed = shop.run("ps").ok().out
    assert "cache" in listed
    assert f"127.0.0.1:{port_of(shop)}->8000" in listed


def test_a_second_up_leaves_it_as_it_is(shop: Project) -> None:
    def id_of_it() -> str:
        with daemon() as client:
            [row] = client.containers(filters={"name": containers(shop, "beside-cache")[0]})
        return str(row["Id"])

    before = id_of_it()
    shop.up()
    assert id_of_it() == before


def test_each_environment_has_its_own_and_down_takes_it_away_and_keeps_its_data(
    shop: Project, make_project: MakeProject
) -> None:
    other = make_project("")
    with Environment(shop.folder, instance=other.app) as environment:
        assert port_of(other) != port_of(shop)
        environment.wait_for_log("served")
        shop.run("down", "-a", other.app).ok()
        assert (containers(other), other.networks_left()) == ([], [])
        assert data(other)
    assert other.volumes() == []
    assert port_of(shop)


def failed(project: Project, done: Result, *says: str) -> None:
    assert done.code == 1
    assert "Traceback" not in done.err
    for text in says:
        assert text in done.err
    assert containers(project) == []
    assert project.networks_left() == []
    assert data(project) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/"], interval: 1s',
            'test: ["CMD", "false"], interval: 1s, retries: 1',
            "unhealthy",
        ),
        ('command: ["true"]', 'command: ["sh", "-c", "echo no-schema; exit 4"]', "no-schema"),
    ],
)
def test_one_that_does_not_serve_fails_up_with_its_words_and_leaves_nothing(
    make_project: MakeProject, old: str, new: str, says: str
) -> None:
    assert old in COMPOSE
    project = make_workspace(make_project(""), COMPOSE.replace(old, new))
    failed(project, project.run("up", "-d"), says)


def test_an_interruption_while_it_waits_leaves_nothing(make_project: MakeProject) -> None:
    compose = COMPOSE.replace(
        'test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/"], interval: 1s',
        'test: ["CMD", "false"], interval: 1s, retries: 1000',
    )
    project = make_workspace(make_project(""), compose)
    running = project.start("up", "-d")
    wait_until(lambda: bool(containers(project, "beside-cache")), "the Compose service")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert containers(project) == []
    assert project.networks_left() == []


def test_what_is_wrong_in_the_file_is_said_before_anything_starts(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""), COMPOSE.replace("command:", "comand:"), trusted=False)
    done = project.run("up", "-d")
    assert done.code == 1
    assert "comand" in done.err
    assert containers(project) == []


def test_a_workspace_asks_for_it(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""), trusted=False)
    assert "the services of compose.yaml" in project.run("up", "-d").err
    project.run("trust-workspace", "--yes").ok()
    project.write("more.yaml", "services: {other: {image: busybox:1.37}}\n")
    project.write("compose.yaml", "include: [more.yaml]\n" + (project.folder / "compose.yaml").read_text())
    assert "the services of compose.yaml" in project.run("up", "-d").err, "what it includes counts too"


def test_without_compose_it_says_what_to_install(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_workspace(make_project(""), trusted=False)
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2\nexit 1\n")
    program.chmod(0o755)
    done = project.run("up", "-d", variables={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.code == 2
    assert "needs `docker compose`" in done.err
    assert "install Docker Compose" in done.err
