"""Names of other services without proxies: who finds whom, before the first line runs and when tasks change."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

SERVER = """
name: {name}
type: Backend Service
image:
  location: busybox:1.37
  port: 8080
command: "sh -c 'cd /tmp; hostname > index.html; trap exit TERM; httpd -f -p 8080 & wait'"
"""
CLIENT = """
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: "sh -c 'cat /etc/hosts; trap exit TERM; sleep 3600 & wait'"
"""
BESIDE = """
sidecars:
  web-beside:
    image: busybox:1.37
    command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
"""
CONNECT = "network: {connect: true}\n"


@pytest.fixture(scope="module")
def begun(make_shared_project: MakeProject) -> tuple[Project, str]:
    """`api` and `web` with Service Connect, `plain` and `alien` without; the first and the third listen.

    And the address of the first `api`: a test replaces it.
    """
    project = make_shared_project("")
    project.write("copilot-local.toml", '[service_connect]\nproxy = "none"\n')
    for name, text, more in (
        ("api", SERVER, CONNECT),
        ("web", CLIENT, BESIDE + CONNECT),
        ("plain", SERVER, ""),
        ("alien", CLIENT, ""),
    ):
        project.write(f"copilot/{name}/manifest.yml", text.format(name=name) + more)
    project.run("up", "-d").ok()
    [api] = addresses(project, "api")
    return project, api


@pytest.fixture
def shop(begun: tuple[Project, str]) -> Project:
    return begun[0]


def addresses(project: Project, service: str) -> list[str]:
    """Of the tasks of a service that run, as Docker's network has them."""
    members = json.loads(docker("network", "inspect", "--format", "{{json .Containers}}", f"cl-{project.app}-test"))
    labels = {it.name: it.labels for it in project.containers() if it.role == "pause"}
    pauses = {name for name, its in labels.items() if its["copilot-local.service"] == service}
    return sorted(it["IPv4Address"].partition("/")[0] for it in members.values() if it["Name"] in pauses)


def hosts(project: Project, container: str, name: str) -> list[str]:
    """The addresses that a container's /etc/hosts has for a name."""
    rows = [line.split() for line in docker("exec", project.container(container), "cat", "/etc/hosts").splitlines()]
    return sorted(row[0] for row in rows if name in row[1:])


def asks(project: Project, container: str, host: str) -> str:
    """What a container is answered at a name, "" where it finds or reaches none."""
    command = f"timeout 5 wget -qO- http://{host}:8080/ 2> /dev/null || true"
    return docker("exec", project.container(container), "sh", "-c", command).strip()


def is_answered(project: Project, container: str, host: str) -> None:
    """Sooner or later: a server starts to listen when it has started."""
    wait_until(lambda: asks(project, container, host).startswith("ip-"), f"an answer from {host}")


def test_a_client_finds_a_server_by_name_before_its_first_line_runs(begun: tuple[Project, str]) -> None:
    shop, api = begun
    wait_until(lambda: f"{api} api" in docker("logs", shop.container("web")), "its first lines")
    first = docker("logs", shop.container("web"))
    is_answered(shop, "web", "api")
    assert first.splitlines()[0] == "127.0.0.1 localhost"
    assert docker("exec", shop.container("web"), "hostname").strip() in first.splitlines()[1]
    assert "host.docker.internal" in first


def test_a_reverse_lookup_does_not_name_the_service(shop: Project) -> None:
    """On Fargate it answers `ip-10-0-0-12.ec2.internal`, which names no service either."""
    [address] = addresses(shop, "api")
    answer = docker("exec", shop.container("web"), "nslookup", address)
    [name] = re.findall(r"name = (\S+)", answer)
    assert "api" not in name, answer


def test_who_finds_whom(shop: Project) -> None:
    """By the short name where both have Service Connect, by the long one each that listens; none by another name."""
    expected = {
        "web": {"api": True, "api.LOCAL": True, "plain": False, "plain.LOCAL": True, "web": False, "web.LOCAL": False},
        "web-beside": {"api": True, "web": False, "pause": False},
        "alien": {"api": False, "api.LOCAL": True, "web": False},
    }
    local = f"test.{shop.app}.local"
    for who, names in expected.items():
        for name, found in names.items():
            host = name.replace("LOCAL", local)
            if found:
                is_answered(shop, who, host)
            else:
                assert not asks(shop, who, host), f"{who} finds {host}"


def test_the_name_follows_the_tasks(shop: Project) -> None:
    def follows(count: int) -> bool:
        found = addresses(shop, "api")
        return len(found) == count and hosts(shop, "web", "api") == found == hosts(shop, "web-beside", "api")

    [old] = addresses(shop, "api")
    docker("kill", shop.container("api"))
    wait_until(
        lambda: follows(1) and addresses(shop, "api") != [old], "the new task's address in place of the old one's"
    )
    is_answered(shop, "web", "api")
    for count in (0, 2, 1):
        shop.run("scale", f"api={count}").ok()
        wait_until(lambda count=count: follows(count), f"{count} addresses")  # type: ignore[misc]
        assert hosts(shop, "web", "localhost") == ["127.0.0.1"]
        assert len(hosts(shop, "web", "host.docker.internal")) == 1


def test_a_server_that_comes_later_is_found_by_its_alias_and_forgotten_when_it_drops_it(shop: Project) -> None:
    alias = "network: {connect: {alias: orders.internal}}\n"
    shop.write("copilot/late/manifest.yml", SERVER.format(name="late") + alias)
    shop.run("up", "-d", "late").ok()
    is_answered(shop, "web", "orders.internal")
    assert not asks(shop, "web", "late")
    assert hosts(shop, "alien", "orders.internal") == []
    shop.write("copilot/late/manifest.yml", SERVER.format(name="late"))
    shop.run("up", "-d", "late").ok()
    assert hosts(shop, "web", "orders.internal") == []
