"""Three services with every kind of listener, up as a user brings them up, and clients of them."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker.command import COMMAND
from tests.docker.project import MakeProject, Project, build_once, daemon, projects

WORKSPACE = Path(__file__).parent / "workspace"
NAME = "shop.example.com"

make_session_project = pytest.fixture(projects, scope="session", name="make_session_project")


class Shop:
    """The environment."""

    def __init__(self, project: Project, authority: Path) -> None:
        self.project = project
        self.authority = authority
        self.listeners = {
            (found["service"], found["port"], found["protocol"]): found["host_port"]
            for found in project.ps()["listeners"]
        }
        self.http_port = self.listeners["", 80, "HTTP"]
        self.https_port = self.listeners["", 443, "HTTPS"]
        self.tcp_port = self.listeners["shop", 5000, "TCP"]
        self.tls_port = self.listeners["shop", 443, "TLS"]
        self.udp_port = self.listeners["clock", 5300, "UDP"]

    def context(self) -> ssl.SSLContext:
        """Trusts the local authority only."""
        return ssl.create_default_context(cafile=self.authority)

    def get(self, path: str, host: str = "localhost", **headers: str) -> httpx.Response:
        """Over HTTPS, with the certificate checked for the host's name."""
        with httpx.Client(verify=self.context(), timeout=20) as client:
            return client.get(
                f"https://127.0.0.1:{self.https_port}{path}",
                headers={"Host": f"{host}:{self.https_port}", **headers},
                extensions={"sni_hostname": host},
            )

    def plain(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.http_port}{path}", headers=headers, timeout=20, verify=False)

    def access(self, *arguments: str) -> list[dict[str, Any]]:
        """The access log's requests, as JSON."""
        lines = self.project.run("logs", "--access", "--format", "json", *arguments).ok().out.splitlines()
        return [json.loads(line) for line in lines]

    def asked(self, service: str) -> list[str]:
        """The paths that a service's containers were asked for, health checks apart."""
        lines = self.project.run("logs", service, "-c", service).ok().out.splitlines()
        return [line.split()[-1] for line in lines if f"{service} GET " in line or f"{service} POST " in line]

    @property
    def front(self) -> str:
        return self.project.container("front")

    @property
    def front_started(self) -> str:
        """When HAProxy's container started: a crash or a new container shows here."""
        with daemon() as client:
            found = client.inspect_container(self.front)
        return f"{found['Id']} {found['State']['StartedAt']} {found['RestartCount']}"


@pytest.fixture(scope="session")
def authority() -> Path:
    """The certificate of the authority, where `trust` says it is."""
    done = subprocess.run([COMMAND, "trust", "--path"], capture_output=True, text=True, timeout=60, check=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def shop(make_session_project: MakeProject, authority: Path) -> Shop:
    project = make_session_project("")
    shutil.copytree(WORKSPACE, project.folder, dirs_exist_ok=True)
    image = build_once(project.folder / "server", project.app)
    for name in ("shop", "plain", "clock", "late"):
        project.edit(f"copilot/{name}/manifest.yml", "build: server/Dockerfile", f"location: {image}")
    project.up("shop", "plain", "clock")
    return Shop(project, authority)
