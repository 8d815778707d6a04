"""Copies of examples that run, for traces of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docker.project import MakeProject, Project, free_port


@pytest.fixture(scope="module")
def nginx(make_shared_project: MakeProject) -> Iterator[Project]:
    """examples/nginx-sidecar, running, with HTTPS too; its nginx takes the `v1` out of `/api/v1/…`, and its main
    container takes long for `/api/slow…`."""
    project = make_shared_project("nginx-sidecar")
    project.edit(
        "nginx/default.conf",
        "    location /api {\n",
        "    location /api/v1/ {\n        proxy_pass http://localhost:3000/api/;\n    }\n\n    location /api {\n",
    )
    project.edit(
        "hello/answer", "status='200 OK'\n", "case \"$target\" in /api/slow*) sleep 7 ;; esac\nstatus='200 OK'\n"
    )
    project.edit("copilot/hello/manifest.yml", "http:\n", "http:\n  redirect_to_https: false\n")
    project.up("--https", "--https-port", str(free_port()))
    yield project
    assert [container.name for container in project.containers() if container.role == "trace"] == []
