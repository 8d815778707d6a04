"""Applications and environments side by side, and commands that want the same one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.project import Container, MakeProject, Project

pytestmark = pytest.mark.docker

SAY = "$COPILOT_APPLICATION_NAME/$COPILOT_ENVIRONMENT_NAME"
API = f"""
name: api
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 8080
http:
  path: /
  healthcheck: {{path: /index.html, interval: 5s}}
command: "sh -c 'cd /tmp; echo {SAY} | tee index.html; trap exit TERM; httpd -f -p 8080 & wait'"
network: {{connect: true}}
"""
PATIENCE = 2
"""Seconds after which what does not answer is silent."""
SLOW = """
name: {name}
type: Backend Service
image:
  location: busybox:1.37
  healthcheck: {{command: ["CMD-SHELL", "test -e /tmp/go"], interval: 1s, start_period: 300s}}
command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
"""
QUICK = """
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
"""


@dataclass(frozen=True)
class Place:
    """One environment of one application."""

    project: Project
    environment: str

    @property
    def name(self) -> str:
        return f"{self.project.app}/{self.environment}"

    @property
    def long_name(self) -> str:
        return f"api.{self.environment}.{self.project.app}.local"

    def run(self, verb: str, *arguments: str) -> str:
        return self.project.run(verb, *arguments, "-e", self.environment).ok().out

    def ps(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("ps", "--format", "json"))
        return found

    def containers(self) -> list[Container]:
        found = self.project.containers()
        return [it for it in found if it.labels.get("copilot-local.env") == self.environment]

    def container(self, name: str) -> str:
        [found] = [it.name for it in self.containers() if it.labels.get("copilot-local.container", it.role) == name]
        return found

    def address(self) -> str:
        """Of its only task."""
        text = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "--format", text, self.container("pause")).strip()

    def hears(self, hosts: list[str]) -> dict[str, str]:
        """Which environment answers its task at these hosts; empty where none does."""
        ask = f'timeout {PATIENCE} wget -qO- "http://$host:8080/" 2> /dev/null || echo'
        script = f"for host in {' '.join(hosts)}; do {ask}; done"
        lines = docker("exec", self.container("api"), "sh", "-c", script).splitlines()
        return dict(zip(hosts, lines, strict=True))

    def finds_itself(self) -> bool:
        return set(self.hears(["api", self.long_name]).values()) == {self.name}


@pytest.fixture(scope="module")
def came_up(make_shared_project: MakeProject) -> Iterator[list[Place]]:
    """Two environments of one application, and one of another, that came up at once: each started its task once."""
    one, other = make_shared_project(""), make_shared_project("")
    found = [Place(one, "test"), Place(one, "prod"), Place(other, "test")]
    for project in (one, other):
        project.write("copilot/api/manifest.yml", API)
    ups = [place.project.start("up", "-d", "--wait", "-e", place.environment) for place in found]
    for up in ups:
        assert up.wait(120).ok().err.count(" start api/api ") == 1, up.printed()
    yield found
    one.run("down", "-v", "-e", "prod").ok()


@pytest.fixture
def places(came_up: list[Place]) -> list[Place]:
    """All of them run, whatever was done to them before."""
    for place in came_up:
        if not place.containers():
            place.run("up", "-d", "--wait")
    return came_up


class TestSideBySide:
    def test_that_came_up_at_once_each_has_its_own_tasks_targets_load_balancer_logs_and_network(
        self, places: list[Place]
    ) -> None:
        urls, networks = set(), set()
        for place in places:
            shown = place.ps()
            urls.add(shown["url"])
            mine = {container.task for container in place.containers()} - {""}
            assert {row["task_id"] for row in shown["containers"]} - {""} == mine
            assert len(mine) == 1
            assert [target["state"] for target in shown["targets"]] == ["healthy"]
            assert httpx.get(shown["url"], timeout=20).text.strip() == place.name
            printed = place.run("logs")
            assert [other for other in places if other.name in printed] == [place]
            networks.add(docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", place.container("pause")))
        assert len(urls) == len(networks) == len(places)

    def test_no_container_finds_or_reaches_one_of_another(self, places: list[Place]) -> None:
        for place in places:
            wait_until(place.finds_itself, f"its own names in {place.name}")
            strangers = [other for other in places if other is not place]
            assert set(place.hears([stranger.long_name for stranger in strangers]).values()) == {""}
            hosts = docker("exec", place.container("api"), "cat", "/etc/hosts")
            assert not [stranger for stranger in strangers if stranger.address() in hosts]
        one, same_app, other = places
        # Docker takes its rule away for an instant whenever it makes a network, such as one of another test.
        addresses = [same_app.address(), other.address()]
        wait_until(lambda: set(one.hears(addresses).values()) == {""}, "silence of the others")

    def test_down_of_one_leaves_the_others(self, places: list[Place]) -> None:
        gone, *rest = places[1], places[0], places[2]
        before = {container.name for place in rest for container in place.containers()}
        gone.run("down", "-v")
        assert gone.containers() == []
        assert {container.name for place in rest for container in place.containers()} == before
        assert not [volume for volume in gone.project.volumes() if "-prod-" in volume]
        for place in rest:
            assert httpx.get(place.ps()["url"], timeout=20).text.strip() == place.name


class TestTheSameEnvironment:
    @pytest.fixture
    def project(self, empty: Project) -> Project:
        """`slow` is healthy once a file is there, `quick` at once."""
        empty.write("copilot/slow/manifest.yml", SLOW.format(name="slow"))
        empty.write("copilot/quick/manifest.yml", QUICK.format(name="quick"))
        empty.write("copilot-local.toml", "[time]\necs_limits = false\n")
        return empty

    def test_ups_at_once_run_one_after_the_other_and_one_of_bad_input_disturbs_none(self, project: Project) -> None:
        wrong = project.start("up", "-d", "quick", "--image", "nope=x")
        first = project.start("up", "-d", "--wait", "slow")
        refused = wrong.wait()
        assert refused.code == 2
        assert "there is no container nope" in refused.err
        first.wait_for("start slow/slow")
        second = project.start("up", "-d", "quick")
        second.wait_for(f"another copilot-local command is bringing up {project.app}/test; waiting for it")
        assert first.process.poll() is None
        assert project.container("quick") == ""
        docker("exec", project.container("slow"), "touch", "/tmp/go")
        for up in (first, second):
            up.wait().ok()
        services = [it.labels["copilot-local.service"] for it in project.containers() if it.role == "pause"]
        assert sorted(services) == ["quick", "slow"]
        assert project.ps()["supervised"]

    def test_down_ends_an_up_that_is_under_way(self, project: Project) -> None:
        first = project.start("up", "-d", "--wait", "slow")
        first.wait_for("start slow/slow")
        project.run("down", "-v").ok()
        result = first.wait()
        assert result.code == 1
        assert f"{project.app}/test was taken down by another command while it came up" in result.err
        assert "hint: run `copilot-local up` again" in result.err
        assert project.everything() == []
