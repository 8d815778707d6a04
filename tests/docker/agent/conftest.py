"""A service whose main container has Python and botocore, as a user's would, on a real daemon."""

from __future__ import annotations

import contextlib
import json
import shlex
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.engine.interface import Container, Engine, ExecResult, File
from emulator.setup.agent_image import fetch_wheels, pinned_closure, unpack_wheels
from tests.docker.cli.conftest import Shell
from tests.docker.project import built_for, free_port

MANIFEST = """
name: sdk
type: Backend Service
image:
  location: python:3.13-slim
  healthcheck:
    command: ["CMD-SHELL", "echo fine"]
    interval: 5s
command: ["python3", "-c", "import time; time.sleep(3600)"]
cpu: 256
memory: 512
sidecars:
  helper:
    image: busybox:1.37
    command: ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"]
    essential: false
"""
SDK = "/opt/sdk"
DATA = ("partitions.json", "endpoints.json", "sdk-default-configuration.json", "_retry.json")
"""Of botocore's data what a session needs that calls no service."""
FETCH = """
import json, sys, urllib.error, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])) as answer:
        found = [answer.status, answer.read().decode()]
except urllib.error.HTTPError as error:
    found = [error.code, error.read().decode()]
except OSError as error:
    found = [0, str(error)]
print(json.dumps(found))
"""


@dataclass
class Service:
    """The service and the command that runs it."""

    shell: Shell
    engine: Engine

    def up(self, *arguments: str) -> None:
        ended = self.shell.run("up", "-d", "--wait", *arguments)
        assert ended.code == 0, ended.err

    def configure(self, **variables: str) -> None:
        """Sets the variables of `.env`."""
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        (self.shell.folder / ".env").write_text("".join(lines))

    def containers(self) -> list[Container]:
        return self.engine.list_containers(self.shell.labels)

    def name(self, container: str) -> str:
        """Docker's name of a container of the service, or of that role."""
        for row in self.containers():
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
        """Status and body of a request from the main container; status 0 and the reason where nothing answers."""
        if url.startswith("/"):
            url = f"http://169.254.170.2{url}"
        status, body = json.loads(self.exec("sdk", ["python3", "-c", FETCH, url, str(timeout)]).stdout)
        return status, body

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
        wheels = fetch_wheels(pinned_closure(packages), self.engine.info().architecture, "sdk")
        unpack_wheels(wheels, self.shell.folder / "sdk")
        self.engine.put_files(self.name("sdk"), "/", list(_files(self.shell.folder / "sdk")))

    def python(self, script: str, *arguments: str) -> Any:
        """Runs a script in the main container that prints JSON; what was installed is on its path."""
        words = " ".join(shlex.quote(word) for word in ("python3", "-c", script, *arguments))
        done = self.exec("sdk", ["sh", "-c", f"PYTHONPATH={SDK} {words}"])
        assert done.exit_code == 0, done.stderr.decode()
        return json.loads(done.stdout)


def _files(folder: Path) -> Iterator[File]:
    """What stands below a folder, without what a session of botocore that calls no service can do without."""
    for file in folder.rglob("*"):
        inside = file.relative_to(folder)
        data = inside.parts[0] == "botocore" and inside.parts[1:2] == ("data",)
        if file.is_file() and not (data and (file.name not in DATA or len(inside.parts) > 4)):
            yield File(f"{SDK[1:]}/{inside}", file.read_bytes())


@contextlib.contextmanager
def running_in(folder: Path, engine: Engine) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
            environment.delenv(name, raising=False)
        manifest = folder / "copilot" / "sdk" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(MANIFEST)
        shell = Shell(folder, built_for(f"cl-{uuid.uuid4().hex[:8]}"), engine, free_port())
        yield Service(shell, engine)
        shell.run("down", "-v", "-t", "1", "-e", "test")
        assert shell.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Iterator[Service]:
    """The service, not up yet. Everything of it is removed at the end."""
    with running_in(tmp_path, engine) as service:
        yield service


@pytest.fixture(scope="module")
def shared_service(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same for tests of a module that leave it as it was."""
    with running_in(tmp_path_factory.mktemp("service"), engine) as service:
        yield service


@pytest.fixture
def until() -> Callable[[str, Callable[[], object]], None]:
    """Waits until something holds; fails with what it was."""
    import time

    def wait(what: str, holds: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.1)

    return wait


def keys(variables: Mapping[str, str]) -> dict[str, str]:
    """The AWS variables among these."""
    return {name: value for name, value in variables.items() if name.startswith("AWS_")}
