"""A service whose main container has Python and botocore, as a user's would, on a real daemon."""

from __future__ import annotations

import contextlib
import json
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.engine.interface import Container, ContainerState, Engine, ExecResult, File
from emulator.setup.agent_image import fetch_wheels, pinned_closure, unpack_wheels
from tests.docker.project import MakeProject, Project, wait_until

MANIFEST = """
name: sdk
type: Backend Service
image:
  location: python:3.13-slim
  healthcheck:
    command: ["CMD-SHELL", "echo fine"]
    interval: 5s
command: ["python3", "-c", "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"]
cpu: 256
memory: 512
sidecars:
  helper: &waits
    image: busybox:1.37
    command: ["sh", "-c", "trap exit TERM; sleep 3600 & wait"]
    essential: false
"""
SDK = "/opt/sdk"
AGENT = "169.254.170.2"
DATA = ("partitions.json", "endpoints.json", "sdk-default-configuration.json", "_retry.json")
"""Of botocore's data what a session needs that calls no service."""
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "very-secret-key",
    "AWS_SESSION_TOKEN": "very-secret-token",
}
SESSION = """
import json, botocore.session
found = botocore.session.Session().get_credentials()
frozen = found.get_frozen_credentials() if found else None
told = [found.method, *frozen] if found else None
"""
TELL = """
print(json.dumps(told))
"""
# Not wget, which prints no answer but one of 200; Python takes many times as long.
FETCH = r"""printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$2" "$1" | timeout "$3" nc "$1" 80"""


@dataclass
class Service:
    """The service and the project that runs it."""

    project: Project
    engine: Engine

    def up(self, *arguments: str) -> None:
        self.project.up(*arguments)

    @property
    def labels(self) -> dict[str, str]:
        return {"copilot-local.app": self.project.app}

    def configure(self, **variables: str) -> None:
        """Sets the variables of `.env`."""
        self.project.write(".env", "".join(f"{name}={value}\n" for name, value in variables.items()))

    def containers(self) -> list[Container]:
        return self.engine.list_containers(self.labels)

    def name(self, container: str) -> str:
        """Docker's name of the running container of the service that is called so, or of that role."""
        for row in (row for row in self.containers() if row.state is ContainerState.RUNNING):
            if row.labels.get("copilot-local.container", row.labels.get("copilot-local.role")) == container:
                return row.name
        raise AssertionError(f"there is no {container}")

    def exec(self, container: str, command: Sequence[str]) -> ExecResult:
        return self.engine.exec(self.name(container), command)

    def crash_agent(self) -> None:
        """Kills the agent's process; Docker starts the container again, which it does not after `docker kill`."""
        self.exec("agent", ["sh", "-c", "kill -9 -1"])

    def variables(self, container: str = "sdk") -> dict[str, str]:
        """What a process in the container finds in its environment."""
        lines = self.exec(container, ["env"]).stdout.decode().splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def fetch(self, url: str, timeout: float = 5) -> tuple[int, str]:
        """Status and body of a request from the task; status 0 and the reason where nothing answers."""
        found = urlsplit(url)
        words = ("sh", "-c", FETCH, "sh", found.hostname or AGENT, found.path, f"{timeout:g}")
        done = self.exec("helper", words)
        head, end, body = done.stdout.decode().replace("\r\n", "\n").partition("\n\n")
        return (int(head.split()[1]), body) if end else (0, done.stderr.decode())

    def json(self, url: str) -> Any:
        status, body = self.fetch(url)
        assert status == 200, body
        return json.loads(body)

    def metadata(self, path: str = "") -> Any:
        """What the main container's metadata URI answers, with a path behind it."""
        return self.json(self.variables()["ECS_CONTAINER_METADATA_URI_V4"] + path)

    def install(self, *packages: str) -> None:
        """Puts packages and what they need into the main container, in the versions that are installed here.

        As wheels for the container's Python, which the host fetches: inside there may be no registry.
        """
        self.engine.put_files(self.name("sdk"), "/", _unpacked(packages, self.engine.info().architecture))

    def python(self, script: str, *arguments: str) -> Any:
        """Runs a script in the main container that prints JSON; what was installed is on its path."""
        words = " ".join(shlex.quote(word) for word in ("python3", "-c", script, *arguments))
        done = self.exec("sdk", ["sh", "-c", f"PYTHONPATH={SDK} {words}"])
        assert done.exit_code == 0, done.stderr.decode()
        return json.loads(done.stdout)


@cache
def _unpacked(packages: tuple[str, ...], architecture: str) -> list[File]:
    with tempfile.TemporaryDirectory() as folder:
        unpack_wheels(fetch_wheels(pinned_closure(packages), architecture, "sdk"), Path(folder))
        return list(_files(Path(folder)))


def _files(folder: Path) -> Iterator[File]:
    """What stands below a folder, without what a session of botocore that calls no service can do without."""
    for file in folder.rglob("*"):
        inside = file.relative_to(folder)
        data = inside.parts[0] == "botocore" and inside.parts[1:2] == ("data",)
        if file.is_file() and not (data and (file.name not in DATA or len(inside.parts) > 4)):
            yield File(f"{SDK[1:]}/{inside}", file.read_bytes())


@contextlib.contextmanager
def service_of(project: Project, engine: Engine) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
            environment.delenv(name, raising=False)
        project.write("copilot/sdk/manifest.yml", MANIFEST)
        yield Service(project, engine)


@pytest.fixture(scope="module")
def shared_service(engine: Engine, make_shared_project: MakeProject) -> Iterator[Service]:
    """The service, for the tests of a module: each brings it up as it needs it."""
    with service_of(make_shared_project(""), engine) as service:
        yield service


@pytest.fixture
def until() -> Callable[[str, Callable[[], object]], None]:
    """Waits until something holds; fails with what it was."""

    def wait(what: str, holds: Callable[[], object], seconds: float = 30) -> None:
        wait_until(lambda: bool(holds()), what, seconds)

    return wait


def keys(variables: Mapping[str, str]) -> dict[str, str]:
    """The AWS variables among these."""
    return {name: value for name, value in variables.items() if name.startswith("AWS_")}
