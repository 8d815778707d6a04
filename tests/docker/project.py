"""`copilot-local` as a user runs it, in a copy of an example, on a real daemon.

Docker is looked at through the `docker` command or Docker's own client, not through the code under test.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from docker import APIClient
from docker.errors import NotFound

from emulator.engine.connect import connect
from emulator.events import discard
from emulator.runtime.lifecycle.down import down
from emulator.runtime.state.names import Names
from emulator.setup import substitutes
from emulator.setup.images import ensure_agent_image
from tests.docker.command import COMMAND, Command
from tests.docker.kept_networks import left_of

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


def wait_until(condition: Callable[[], bool], what: str | Callable[[], str], timeout: float = DEADLINE) -> float:
    """Returns the seconds until the condition held; fails with `what` where it does not in time.

    Between two looks it rests longer than a look takes, and the longer the longer it waits: it must not keep what it
    waits for from the processor.
    """
    began = looked = time.monotonic()
    while not condition():
        now = time.monotonic()
        if now - began > timeout:
            pytest.fail(f"not within {timeout:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(min(max(0.05, 2 * (now - looked), (now - began) / 8), 1.0))
        looked = time.monotonic()
    return time.monotonic() - began


def docker(*arguments: str, check: bool = True, timeout: float = 120) -> str:
    """What a `docker` command prints on standard output."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: code {done.returncode}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def daemon() -> Iterator[APIClient]:
    """A client of the daemon that the `docker` command talks to, for what is listed often: it starts no process."""
    host = os.environ.get("DOCKER_HOST") or _host_of_context()
    with contextlib.closing(APIClient(base_url=host, version="1.41", timeout=60)) as client:
        yield client


@cache
def _host_of_context() -> str:
    return docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()


def output_of(container: str, *, stderr: bool = True) -> str:
    """What a container has printed; nothing where it is gone."""
    with daemon() as client, contextlib.suppress(NotFound):
        printed: bytes = client.logs(container, stderr=stderr)
        return printed.decode()
    return ""


_applications: set[str] = set()


def built_for(app: str) -> str:
    """The name of an application as it is given: `remove_built_images` removes what is built for it."""
    _applications.add(app)
    return app


def build_once(folder: Path, app: str) -> str:
    """The name of an image, built from a folder and its Dockerfile, for several services of an application."""
    dockerfile = folder / "Dockerfile"
    first, _, rest = dockerfile.read_text(encoding="utf-8").strip().partition("\n")
    base = first.removeprefix("FROM ")
    dockerfile.write_text(f"FROM {substitutes.read().get(base, base)}\n{rest}\n", encoding="utf-8")
    name = f"copilot-local-build/{app}/test/shared:1"  # `remove_built_images` knows it
    docker("build", "--quiet", "--tag", name, str(folder))
    return name


def remove_built_images() -> None:
    """Removes the images of the applications that this process made, and of copies that are named after them.

    Once, when all tests have ended: to list some images, the daemon reads all of the machine.
    """
    if not _applications:
        return
    with daemon() as client:
        rows = client.images(filters={"reference": "copilot-local-build/*/*/*"})
        for tag in (tag for row in rows for tag in row["RepoTags"] or []):
            of = tag.split("/")[1]
            if any(of == app or of.startswith(f"{app}-") for app in _applications):
                client.remove_image(tag, force=True)


# Below the range from which the kernel and Docker give out ports by themselves, and apart from other workers.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
_PORTS = itertools.cycle(range(12_000 + 480 * _WORKER, 12_000 + 480 * (_WORKER + 1)))


def free_port() -> int:
    """A port of this machine that nothing listens on, and that no other test is given for a while."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("no port is free")


@dataclass(frozen=True)
class Result:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def ok(self) -> Result:
        assert self.code == 0, f"code {self.code}\n{self.out}\n{self.err}"
        return self


@dataclass
class Running:
    """A command that runs in the background, and what it has printed so far."""

    process: subprocess.Popen[str] | Command
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def printed(self) -> str:
        return "\n".join([*self.out, *self.err])

    def wait_for(self, text: str) -> None:
        """Until it has printed this; fails at once where it ends before."""

        def seen() -> bool:
            ended = self.process.poll() is not None
            if text in self.printed():
                return True
            assert not ended, f"ended with code {self.process.returncode} before {text!r}:\n{self.printed()}"
            return False

        wait_until(seen, lambda: f"{text!r} in:\n{self.printed()}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int) -> None:
        """Ends it, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.wait()

    def wait(self, timeout: float = DEADLINE) -> Result:
        """Until it has ended."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGUSR1)  # a forked command prints where its threads are, and goes on
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            pytest.fail(f"not ended within {timeout:g} s:\n{self.printed()}")
        for reader in self._readers:
            reader.join(timeout)
        return Result(code, *("".join(f"{line}\n" for line in lines) for lines in (self.out, self.err)))


@dataclass(frozen=True)
class Container:
    """A container as `docker ps` lists it."""

    name: str
    state: str
    labels: Mapping[str, str]

    @property
    def role(self) -> str:
        return self.labels.get("copilot-local.role", "")

    @property
    def task(self) -> str:
        return self.labels.get("copilot-local.task", "")


class Project:
    """A workspace in a folder of its own, with an application name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = built_for(f"e2e-{uuid.uuid4().hex[:8]}")
        self.port = free_port()
        self.started: list[Running] = []

    # the command

    def run(self, *arguments: str, timeout: float = 120, variables: Mapping[str, str] | None = None) -> Result:
        """Runs `copilot-local VERB … -a APP` to its end."""
        return self.start(*arguments, variables=variables).wait(timeout)

    def up(self, *arguments: str, timeout: float = 120) -> Result:
        """`up -d --wait`, which must succeed."""
        return self.run("up", "-d", "--wait", "--port", str(self.port), *arguments, timeout=timeout).ok()

    def start(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Running:
        """Starts a command; if it still runs at the end of the test it is killed."""
        process = Command(self._command(arguments), self.folder, {**os.environ, **(variables or {})})
        self.started.append(Running(process))
        return self.started[-1]

    def foreground(self, *arguments: str) -> Running:
        """`up`, once the load balancer answers for the service."""
        running = self.start("up", "--port", str(self.port), *arguments)
        running.wait_for("Running at")
        wait_until(lambda: set(self.targets()) == {"healthy"}, "healthy targets")
        return running

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        grouped = arguments[0] in ("buckets", "firelens", "queues", "render", "tables", "topics")
        words = 2 if grouped and not (arguments[1:2] or ("-",))[0].startswith("-") else 1
        return [str(COMMAND), *arguments[:words], "-a", self.app, *arguments[words:]]

    def ps(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("ps", "--format", "json").ok().out)
        return found

    def targets(self) -> list[str]:
        """The state of every target of the load balancer."""
        return [target["state"] for target in self.ps()["targets"]]

    def records(self) -> list[dict[str, Any]]:
        """The records that `logs --routed` prints, without what it says of them."""
        printed = self.run("logs", "--routed", "--join", "--format", "json").ok().out
        return [json.loads(line)["record"] for line in printed.splitlines()]

    # its files

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        """Replaces text of a file that must be there."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def append(self, path: str, text: str) -> None:
        """Adds text to the end of a file that must be there."""
        self.write(path, (self.folder / path).read_text(encoding="utf-8") + text)

    # what it answers

    def get(self, path: str, **headers: str) -> httpx.Response:
        # Reading the certificates of all authorities, which plain HTTP needs none of, takes longer than most answers.
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=20, verify=False)

    def answers(self, path: str, status: int = 200) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.get(path).status_code == status
        return False

    # what Docker has of it

    @property
    def label(self) -> str:
        return f"label=copilot-local.app={self.app}"

    @property
    def _filter(self) -> dict[str, str]:
        return {"label": f"copilot-local.app={self.app}"}

    def containers(self) -> list[Container]:
        with daemon() as client:
            rows = client.containers(all=True, filters=self._filter)
        found = []
        for row in rows:
            labels = {name: value for name, value in row["Labels"].items() if value}  # an empty one is none
            found.append(Container(row["Names"][0].removeprefix("/"), row["State"], labels))
        return found

    def inspected(self) -> dict[str, dict[str, Any]]:
        """What Docker shows of each container, by its name, but for those that go meanwhile."""
        found: dict[str, dict[str, Any]] = {}
        with daemon() as client:
            for container in self.containers():
                with contextlib.suppress(NotFound):
                    found[container.name] = client.inspect_container(container.name)
        return found

    def container(self, name: str, *, other_than: str = "") -> str:
        """The Docker name of the running container that the task definition calls so, or of that role.

        Empty where there is none. `other_than` is a container that does not count.
        """
        for container in self.containers():
            called = container.labels.get("copilot-local.container") or container.role
            if called == name and container.state == "running" and container.name != other_than:
                return container.name
        return ""

    def tasks(self) -> set[str]:
        """The ids of the tasks that have containers."""
        return {container.task for container in self.containers()} - {""}

    def volumes(self) -> list[str]:
        """Those that Docker made by itself for a mount bear no label: they are known by their names."""
        with daemon() as client:
            rows = [
                row
                for filters in (self._filter, {"name": f"cl-{self.app}-"})
                for row in client.volumes(filters=filters)["Volumes"] or []
            ]
        return sorted({row["Name"] for row in rows})

    def networks(self) -> list[str]:
        with daemon() as client:
            return [row["Name"] for row in client.networks(filters=self._filter)]

    def everything(self) -> list[str]:
        """Every container, network and volume that carries the application's label."""
        containers = [container.name for container in self.containers()]
        networks = self.networks() if containers else self.networks_left()
        return [*containers, *networks, *self.volumes()]

    def networks_left(self) -> list[str]:
        """Its networks, where no container of it is left: without those that Docker keeps by itself."""
        with daemon() as client:
            return left_of(client, self.networks())

    def clean_up(self) -> None:
        """What `down -v` does, after which nothing may be left."""
        for running in self.started:
            running.end(signal.SIGKILL)
        if self.everything():
            with contextlib.closing(connect()) as engine:
                environment = Names(self.app, "test")
                down(engine, environment, discard, volumes=True, timeout=1, agent_image=ensure_agent_image)
        assert self.everything() == []


class DockerEvents:
    """`docker events` of one application from now on."""

    def __init__(self, project: Project) -> None:
        process = subprocess.Popen(
            ["docker", "events", "--since", f"{time.time():.6f}", "--filter", project.label, "--format", "{{json .}}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running = Running(process)

    def sequence(self) -> list[tuple[str, str]]:
        """What happened, and what the containers are called that it happened to, in that order."""
        found = []
        for event in map(json.loads, list(self.running.out)):
            attributes = event["Actor"]["Attributes"]
            if event["Type"] == "container":
                name = attributes.get("copilot-local.container") or attributes.get("copilot-local.role", "")
                found.append((event["Action"], name))
        return found

    def actions(self, action: str) -> list[str]:
        """What the containers are called that this happened to, in that order."""
        return [name for found, name in self.sequence() if found == action]

    def codes(self) -> dict[str, int]:
        """The code that each container of a task definition last exited with."""
        dead = [event for event in map(json.loads, list(self.running.out)) if event["Action"] == "die"]
        attributes = [event["Actor"]["Attributes"] for event in dead]
        return {found.get("copilot-local.container", ""): int(found["exitCode"]) for found in attributes}

    def close(self) -> None:
        self.running.end(signal.SIGTERM)


MakeProject = Callable[[str], Project]


def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeProject]:
    """A fixture for any scope: makes copies of examples.

    What runs of them is taken down at its end, and nothing may be left then.
    """
    made: list[Project] = []

    def make(example: str) -> Project:
        folder = tmp_path_factory.mktemp("project") / (example or "empty")
        if example:
            shutil.copytree(ROOT / "examples" / example, folder)
        else:
            folder.mkdir()
        made.append(Project(folder))
        return made[-1]

    yield make
    for project in made:
        project.clean_up()
