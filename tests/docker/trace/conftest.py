"""An example that runs, for traces of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.project import MakeProject, Project, docker, free_port, projects, wait_until

CONFIGURATION = "/etc/nginx/conf.d/default.conf"
PASSES = """\
server {
    listen 80;
    location = /healthz { return 200; }
    location /api/v1/ { proxy_pass http://localhost:3000/api/; add_header X-Proxy nginx; }
    location /api { proxy_pass http://localhost:3000; }
}
"""
SLOW = """
    location /api/slow {
        limit_rate 20;
        return 200 "hello at $request_uri\\n";
    }
"""

make_session_project = pytest.fixture(projects, scope="session", name="make_session_project")


def configure(project: Project, file: Path) -> None:
    """Gives nginx, which runs, another configuration, which it takes a moment to begin with."""
    nginx = project.container("nginx")
    docker("cp", str(file), f"{nginx}:{CONFIGURATION}")
    docker("exec", nginx, "nginx", "-s", "reload")


@pytest.fixture(scope="session")
def broken(make_session_project: MakeProject) -> Iterator[Project]:
    """The first of the broken examples, running, with HTTPS too; its main container takes long for `/api/slow…`.

    The others differ in nginx's configuration alone, which another test sees to: theirs, and one without a fault, is
    put in its place, which takes a moment, and starting each takes many.
    """
    project = make_session_project("broken-proxy/wrong-port")
    project.edit("copilot/hello/manifest.yml", "http:\n", "http:\n  redirect_to_https: false\n")
    project.edit("hello/default.conf", "    location / {\n", f"{SLOW}\n    location / {{\n")
    project.up("--https", "--https-port", str(free_port()))
    yield project
    assert [container.name for container in project.containers() if container.role == "trace"] == []


@pytest.fixture(scope="module")
def nginx(broken: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with an nginx that passes requests on, and takes the `v1` out of `/api/v1/…`."""
    file = tmp_path_factory.mktemp("nginx") / "default.conf"
    file.write_text(PASSES, encoding="utf-8")
    configure(broken, file)
    wait_until(lambda: broken.get("/api/v1/x").text == "hello at /api/x\n", "nginx passes to hello")
    wait_until(lambda: broken.targets() == ["healthy"], "the former configuration may have failed health checks")
    return broken
