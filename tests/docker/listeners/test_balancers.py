"""Two load balancers where a deployment has two: what each leads to, from this machine and from the tasks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.console.serve import serving
from emulator.engine.interface import Engine
from emulator.runtime.state.names import Names
from emulator.testing import Environment
from tests.docker.project import MakeProject, Project, build_once, wait_until
from tests.unit.console.conftest import Page

pytestmark = pytest.mark.docker

SERVER = Path(__file__).parent / "workspace" / "server"
MANIFEST = """
name: {name}
type: {type}
image: {{location: {image}, port: 80}}
http: {{path: /, healthcheck: {{path: /health, interval: 5s, timeout: 2s}}}}
cpu: 256
memory: 512
"""


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """Two services on the internal load balancer, which come first in every order, and one on the public one."""
    project = make_shared_project("")
    shutil.copytree(SERVER, project.folder / "server")
    image = build_once(project.folder / "server", project.app)
    kinds = {"api": "Backend Service", "area": "Backend Service", "web": "Load Balanced Web Service"}
    for name, kind in kinds.items():
        project.write(f"copilot/{name}/manifest.yml", MANIFEST.format(name=name, type=kind, image=image))
    project.up()
    return project


def port(project: Project, listener: str) -> int:
    return int(project.run("port", listener).ok().out.strip().rpartition(":")[2])


def asked_from_a_task(project: Project, url: str) -> dict[str, Any]:
    """What the service that answers says of itself."""
    script = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=20).read().decode())"
    found: dict[str, Any] = json.loads(project.run("exec", "web", "--", "python3", "-c", script).ok().out)
    return found


def test_this_machine_reaches_the_public_one_at_its_port_and_the_internal_one_at_another(project: Project) -> None:
    public, internal = port(project, "http"), port(project, "internal-http")
    assert public != internal
    assert httpx.get(f"http://localhost:{public}/").json()["service"] == "web"
    name = f"area.test.{project.app}.internal"
    for headers in ({"Host": name}, {"Host": f"{name}.localhost"}):
        assert httpx.get(f"http://127.0.0.1:{internal}/", headers=headers).json()["service"] == "area"
    # A name of the internal one means nothing to the public one, whose rule takes every host.
    assert httpx.get(f"http://localhost:{public}/", headers={"Host": name}).json()["service"] == "web"


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("api.test.{app}.internal", "api"),
        ("area.test.{app}.internal", "area"),
        ("public-load-balancer.internal", "web"),
    ],
)
def test_tasks_reach_both_by_name_at_port_80(project: Project, name: str, service: str) -> None:
    host = name.format(app=project.app)
    found = asked_from_a_task(project, f"http://{host}/x")
    assert found["service"] == service
    assert (found["headers"]["host"], found["headers"]["x-forwarded-port"]) == (host, "80")


def test_the_variable_names_the_load_balancer_that_a_service_is_behind(project: Project) -> None:
    def name(service: str) -> str:
        return project.run("exec", service, "--", "sh", "-c", "echo $COPILOT_LB_DNS").ok().out.strip()

    assert {service: name(service) for service in ("web", "api", "area")} == {
        "web": "public-load-balancer.internal",
        "api": "internal-load-balancer.internal",
        "area": "internal-load-balancer.internal",
    }


def test_what_is_said_of_a_request_is_what_happens(project: Project, engine: Engine) -> None:
    """The console's capture sees all of them: `trace` would begin one for each."""
    with serving(engine, Names(project.app, "test")) as address:
        page = Page(address)
        page.post("/api/capture", {"on": True})
        assert next(it for it in page.stream("kinds=capture") if it["k"] == "capture" and it["v"]["on"])
        for url, service in (
            ("/x", "web"),
            (f"http://api.test.{project.app}.internal/x", "api"),
            (f"http://area.test.{project.app}.internal.localhost:{port(project, 'internal')}/x", "area"),
        ):
            explained = json.loads(project.run("route", url, "--format", "json").ok().out)
            assert [found["service"] for found in explained["destinations"]] == [service]
            assert explained["warnings"] == []
            traced = page.post("/api/send", {"url": url}).json()
            assert traced["hops"][-1]["server"] == f"{service}:80"


def test_requests_are_logged_with_the_load_balancer_that_took_them(project: Project) -> None:
    httpx.get(
        f"http://127.0.0.1:{port(project, 'internal')}/logged", headers={"Host": f"api.test.{project.app}.internal"}
    )
    httpx.get(f"http://127.0.0.1:{port(project, 'http')}/logged")
    asked_from_a_task(project, f"http://api.test.{project.app}.internal/logged")
    name = f"{project.app}-test"
    expected = {
        ("api", f"{name}-internal", f"GET http://api.test.{project.app}.internal:{port(project, 'internal')}/logged"),
        ("api", f"{name}-internal", f"GET http://api.test.{project.app}.internal:80/logged"),
        ("web", name, f"GET http://127.0.0.1:{port(project, 'http')}/logged"),
    }

    def logged() -> set[tuple[str, str, str]]:
        lines = project.run("logs", "--access", "--format", "json").ok().out.splitlines()
        found = [json.loads(line) for line in lines]
        return {
            (one["service"], one["elb"].split("/")[1], one["request"].removesuffix(" HTTP/1.1"))
            for one in found
            if "/logged" in one["request"]
        }

    wait_until(lambda: logged() == expected, lambda: f"{expected} in {logged()}")


def test_each_service_opens_where_it_answers(project: Project) -> None:
    for service in ("web", "api", "area"):
        url = httpx.URL(project.run("open", service, "--print").ok().out.strip())
        answer = httpx.get(url.copy_with(host="127.0.0.1"), headers={"Host": url.netloc.decode()})
        assert answer.json()["service"] == service


def test_a_test_has_a_client_for_each(project: Project) -> None:
    host = {"Host": f"api.test.{project.app}.internal"}
    with Environment(project.folder, instance=project.app, reuse=True) as environment:
        assert environment.http.get("/x").json()["service"] == "web"
        assert environment.internal_http.get("/x", headers=host).json()["service"] == "api"
        assert environment.internal_url != environment.url
        for url, headers, service in (("/x", {}, "web"), (f"{environment.internal_url}/x", host, "api")):
            assert [found.service for found in environment.route("GET", url, headers).destinations] == [service]


def test_a_test_of_a_service_behind_the_internal_one_alone_has_that(project: Project) -> None:
    with Environment(project.folder, ["api"]) as alone:
        assert alone.url == alone.internal_url
        assert alone.internal_http.get("/x").json()["service"] == "api"
        assert [found.service for found in alone.route("GET", f"{alone.url}/x").destinations] == ["api"]
