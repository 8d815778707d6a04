"""Figures of `up`: against Docker Compose, for many services against one, and of the agent at rest."""

from __future__ import annotations

import http.client
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from emulator.app.load import load_services
from emulator.app.selection import Selection
from emulator.ecs.service import Service
from emulator.frontdoor.haproxy.configuration import front_configuration
from emulator.frontdoor.options import COMMAND as FRONT_COMMAND
from emulator.frontdoor.options import FOLDER, RUN_FOLDER, USER_ID, FrontOptions, Placement, Target
from emulator.setup import substitutes
from emulator.setup.images import FRONT_IMAGE, PAUSE_IMAGE
from tests.bench.harness import Figure, as_installed, free_port, medians, wake_ups

COMMAND = Path(sys.executable).with_name("copilot-local")
EXAMPLE = Path(__file__).parents[2] / "examples" / "nginx-sidecar"
TIMEOUT = 120.0
PAIRS = 12
MANY = 20
ONE_ROUNDS, MANY_ROUNDS = 5, 2
SETTLE = 6.0
"""Seconds until what follows a start is over: the agent looks more often for a while."""
REST = 20.0

CHECK = """\
  healthcheck: {{command: ["CMD-SHELL", "true"], interval: 10s}}
"""
CHECKED_PAIRS = 5

MANIFEST = """\
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: sleep 86400
cpu: 256
memory: 512
sidecars:
  one: {{image: "busybox:1.37", command: sleep 86400}}
  two: {{image: "busybox:1.37", command: sleep 86400}}
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-up-") as name:
        yield from _against_compose(Path(name))
    with tempfile.TemporaryDirectory(prefix="bench-up-") as name:
        yield _many_services(Path(name))
    with tempfile.TemporaryDirectory(prefix="bench-up-") as name:
        yield _checked_service(Path(name))


# One service of two containers behind the load balancer


def _against_compose(folder: Path) -> Iterator[Figure]:
    """The nginx example, images built beforehand, until the front answers 200 through nginx: on both sides that is
    asked for over and over once the command has returned.

    Ours: pause, hello, nginx, front and agent; `up` returns when the front's own check of the target has succeeded.
    Compose: the file that `render compose` prints, plus a front of the same image, with the configuration that ours
    would have and the address of pause in it; it waits until its containers run, which is less.
    """
    workspace = folder / "workspace"
    shutil.copytree(EXAMPLE, workspace)
    with built(workspace) as images:
        ours = Ours(workspace, f"bench-{uuid.uuid4().hex[:8]}", folder / "bytecode", images)
        theirs = Compose(workspace, f"bench-{uuid.uuid4().hex[:8]}", folder / "compose", images)
        try:
            mine, baseline = medians(ours.seconds, theirs.seconds, pairs=PAIRS)
            note = f"{PAIRS} pairs, who comes first changes; until the load balancer answers 200 through nginx"
            against = "`docker compose up -d --wait` of the rendered file with the same front, no agent"
            yield Figure("`up -d --wait` of the nginx example, images present", mine, baseline, "s", against, 1.0,
                         note=note)  # fmt: skip
            yield from _at_rest(ours)
        finally:
            ours.down()
            theirs.down()


@contextmanager
def built(workspace: Path) -> Iterator[dict[str, str]]:
    """The example's two images by container, with stand-ins for their bases where there is no registry."""
    images: dict[str, str] = {}
    try:
        for name in ("hello", "nginx"):
            dockerfile = workspace / name / "Dockerfile"
            text = re.sub(
                r"(?m)^FROM (\S+)", lambda found: f"FROM {_image(found[1])}", dockerfile.read_text(encoding="utf-8")
            )
            dockerfile.write_text(text, encoding="utf-8")
            images[name] = f"bench-up-{name}:{uuid.uuid4().hex[:8]}"
            run("docker", "build", "-q", "-t", images[name], str(dockerfile.parent))
        yield images
    finally:
        run("docker", "rmi", "-f", *images.values(), check=False)


@dataclass
class Ours:
    workspace: Path
    app: str
    bytecode: Path
    images: dict[str, str]

    def seconds(self) -> float:
        port = free_port()
        began = time.perf_counter()
        self.command("up", "-d", "--wait", "--port", str(port), *self.images_given())
        _until_it_answers(port)
        seconds = time.perf_counter() - began
        self.down()
        return seconds

    def images_given(self) -> list[str]:
        return [word for name, image in self.images.items() for word in ("--image", f"{name}={image}")]

    def command(self, verb: str, *options: str) -> None:
        run(str(COMMAND), verb, "-a", self.app, "-e", "test", *options, cwd=self.workspace, variables=self.bytecode)

    def down(self) -> None:
        self.command("down", "-v", "-t", "0")


class Compose:
    def __init__(self, workspace: Path, app: str, folder: Path, images: dict[str, str]) -> None:
        self.app, self.folder = app, folder
        folder.mkdir()
        front = self._front(workspace)
        options = [word for name, image in images.items() for word in ("--image", f"{name}={image}")]
        rendered = run(
            str(COMMAND), "render", "compose", "-a", app, "-e", "test", *options,
            "--image", f"pause={_image(PAUSE_IMAGE)}", cwd=workspace,
        )  # fmt: skip
        document = yaml.safe_load(rendered)
        del document["services"]["pause"]["ports"]  # only the front is to be reached
        document["services"]["front"] = front
        (folder / "compose.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    def _front(self, workspace: Path) -> dict[str, object]:
        service = self._service(workspace)
        target = Target("hello", service.name, service.target_groups[0].name, "pause", 80, Placement.JUDGED)
        files = front_configuration([service], [target], FrontOptions()).files
        for path, content in files.items():
            file = self.folder / "front" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (self.folder / "front" / RUN_FOLDER).mkdir()
        (self.folder / "front" / RUN_FOLDER).chmod(0o777)
        return {
            "image": _image(FRONT_IMAGE),
            "entrypoint": list(FRONT_COMMAND[:1]),
            "command": list(FRONT_COMMAND[1:]),
            "user": f"{USER_ID}:{USER_ID}",
            "cap_drop": ["ALL"],
            "ports": ["127.0.0.1:${FRONT_PORT}:8080"],
            "volumes": [f"./front:{FOLDER}"],
            "ulimits": {"nofile": 16384},
            "depends_on": ["pause"],
        }

    def _service(self, workspace: Path) -> Service:
        selection = Selection(app=self.app, environment="test", start=workspace)
        return load_services(selection, lambda _: None)[0].service

    def seconds(self) -> float:
        port = free_port()
        began = time.perf_counter()
        self.command("up", "-d", "--wait", "--quiet-pull", port=port)
        _until_it_answers(port)
        seconds = time.perf_counter() - began
        self.down()
        return seconds

    def command(self, *words: str, port: int = 0) -> None:
        run("env", f"FRONT_PORT={port}", *self._words(*words), cwd=self.folder)

    def down(self) -> None:
        self.command("down", "-v", "-t", "0")

    def _words(self, *words: str) -> tuple[str, ...]:
        return ("docker", "compose", "-p", self.app, "-f", "compose.yml", *words)


def _at_rest(ours: Ours) -> Iterator[Figure]:
    """The agent while nothing happens: what it takes of a core, and its memory, as its control group counts them."""
    ours.command("up", "-d", "--wait", "--port", str(free_port()), *ours.images_given())
    agent = run(
        "docker", "ps", "-q", "--filter", f"label=copilot-local.app={ours.app}",
        "--filter", "label=copilot-local.role=agent",
    ).strip()  # fmt: skip
    time.sleep(SETTLE)
    before, woken, began = _processor_seconds(agent), wake_ups(agent, "python3"), time.monotonic()
    time.sleep(REST)
    passed = time.monotonic() - began
    rate = (wake_ups(agent, "python3") - woken) / passed
    share = (_processor_seconds(agent) - before) / passed
    note = f"over {REST} s, a service with one target running"
    yield Figure("the agent at rest, wake-ups", rate, 1.5, "a second", "the wanted number", 1.0, note=note)
    yield Figure("the agent at rest, of a core", share * 100, 1.0, "%", "the wanted share", 1.0, note=note)
    memory = _resident(agent) / 1e6
    yield Figure(
        "the agent at rest, memory", memory, 80, "MB", "the wanted size", 1.0, note="resident set of its process"
    )


def _processor_seconds(container: str) -> float:
    """Processor time of every process of a container so far, on either version of control groups."""
    script = (
        "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2> /dev/null"
        " || sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat"
    )
    return int(run("docker", "exec", container, "sh", "-c", script)) / 1e9


def _resident(container: str) -> int:
    """Bytes of memory that the agent's Python has, the largest process of its container."""
    sizes = run("docker", "exec", container, "sh", "-c", "cat /proc/[0-9]*/status 2> /dev/null")
    return max(int(found) * 1024 for found in re.findall(r"(?m)^VmRSS:\s+(\d+) kB", sizes))


# Many services


def _many_services(folder: Path) -> Figure:
    """`up -d --wait` of twenty services of three containers each, against the same of one of them."""
    app = f"bench-{uuid.uuid4().hex[:8]}"
    names = [f"svc{number}" for number in range(MANY)]
    for name in names:
        manifest = folder / "copilot" / name / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(MANIFEST.format(name=name), encoding="utf-8")
    ours = Ours(folder, app, folder / "bytecode", {})
    try:
        one = statistics.median(_start(ours, "svc0") for _ in range(ONE_ROUNDS))
        many = statistics.median(_start(ours, *names) for _ in range(MANY_ROUNDS))
    finally:
        ours.down()
    note = f"{MANY_ROUNDS} and {ONE_ROUNDS} times"
    return Figure(f"`up -d --wait` of {MANY} services of 3 containers", many, one, "s", "one of them", 12.0, note=note)


def _checked_service(folder: Path) -> Figure:
    """`up -d --wait` of a service whose health check has an interval of 10 s, against the same without the check."""
    checked = MANIFEST.replace("busybox:1.37\ncommand", "busybox:1.37\n" + CHECK + "command", 1)
    for name, text in (("checked", checked), ("plain", MANIFEST)):
        manifest = folder / "copilot" / name / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(text.format(name=name), encoding="utf-8")
    ours = Ours(folder, f"bench-{uuid.uuid4().hex[:8]}", folder / "bytecode", {})
    mine, plain = medians(lambda: _start(ours, "checked"), lambda: _start(ours, "plain"), pairs=CHECKED_PAIRS)
    note = f"{CHECKED_PAIRS} pairs; Docker's own first check would come after 10 s"
    name = "`up -d --wait` with a health check of `interval: 10s`"
    return Figure(name, mine, plain, "s", "the same service without a check", 1.3, note=note)


def _start(ours: Ours, *names: str) -> float:
    began = time.perf_counter()
    ours.command("up", *names, "-d", "--wait")
    seconds = time.perf_counter() - began
    ours.down()
    return seconds


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not _answers(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer through nginx within {TIMEOUT:g} s")
        time.sleep(0.005)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/x")
        response = connection.getresponse()
        return response.status == 200 and b"X-Proxy: nginx" in response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _image(reference: str) -> str:
    return substitutes.read().get(reference, reference)


def run(*words: str, cwd: Path | None = None, variables: Path | None = None, check: bool = True) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=as_installed(variables) if variables else None, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words[:4])}: {done.stdout}{done.stderr}")
    return done.stdout
