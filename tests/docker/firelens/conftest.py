"""A real Fluent Bit behind Docker's `fluentd` log driver, on the files that this project generates."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from emulator.ecs.identity import TaskIdentity, task_identity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import ContainerSpec, Engine, File, LogLine, Mount
from emulator.errors import Conflict, LogDriverNotReady, NotFound
from emulator.firelens.local import record_file
from emulator.firelens.log_options import RELAY_SOCKET, docker_log_configuration
from emulator.firelens.stored import LOG_FOLDER
from emulator.logstore.records import Record
from emulator.setup.images import ensure_agent_image
from tests.delivered_records import read_records
from tests.docker import project

ROUTER_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
SHELL_IMAGE = "busybox:1.37"
LABEL = "copilot-local.test"
DEADLINE = 200.0
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
"""As the runtime gives them: AWS's plugins look for keys when they start, in the end on the network."""


def wait_until(condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Returns once the condition holds; fails the test after the deadline."""
    project.wait_until(condition, what, DEADLINE)


@dataclass
class Router:
    """A log router that runs, and the task it belongs to."""

    engine: Engine
    container: str
    definition: TaskDefinition
    identity: TaskIdentity
    socket: str
    shell_image: str
    started: list[str]

    def run(self, container: str, *command: str, asynchronous: bool = False) -> None:
        """Runs a shell command as a container of the task, and waits until it has ended."""
        name = self.start(container, *command, asynchronous=asynchronous)
        with project.daemon() as client:
            client.wait(name, timeout=int(DEADLINE))

    def start(self, container: str, *command: str, asynchronous: bool = False, files: Sequence[File] = ()) -> str:
        """Starts a shell command as a container of the task, `files` in its root folder; returns its Docker name."""
        name = f"{self.container}-{uuid.uuid4().hex[:8]}"
        log = docker_log_configuration(
            self.definition.container(container), self.identity, self.socket, asynchronous=asynchronous
        )
        self.started.append(name)
        self.engine.create_container(
            ContainerSpec(
                name=name,
                image=self.shell_image,
                command=("sh", "-c", *command),
                labels={LABEL: self.container, **log.labels},
                network="none",
                log_driver=log.driver,
                log_options=log.options,
            )
        )
        if files:
            self.engine.put_files(name, "/", files)
        wait_until(lambda: self._start(name), "the router's socket")
        return name

    def count(self, stream: str = "web") -> int:
        """How many lines the file of a stream has by now."""
        result = self.engine.exec(self.container, ("wc", "-l", f"{LOG_FOLDER}/{self.file(stream)}"))
        return int(result.stdout.split()[0]) if result.exit_code == 0 else 0

    def wait_for_lines(self, count: int, stream: str = "web") -> None:
        """Until the file of a stream has as many lines, parts of split ones included."""
        self.wait_for_command(self.has_lines(count, stream), f"{count} of {stream}")

    def has_lines(self, count: int, stream: str) -> str:
        """A shell command that succeeds once the file of a stream has as many lines."""
        return f'[ "$(wc -l < {LOG_FOLDER}/{self.file(stream)})" -ge {count} ]'

    def wait_for_command(self, command: str, what: str) -> None:
        """Until a shell command succeeds in the router's container."""
        self.wait_for_commands({what: command})

    def wait_for_commands(self, commands: Mapping[str, str]) -> None:
        """Until each command has succeeded, by what is waited for. One `docker exec` asks again and again."""
        asks = ["i=0"]
        for what, command in commands.items():
            given_up = f"{{ echo {shlex.quote(what)}; exit 1; }}"
            look = f"i=$((i+1)); [ $i -lt {DEADLINE * 10:.0f} ] || {given_up}; sleep 0.1"
            asks.append(f"until {{ {command}; }} 2> /dev/null; do {look}; done")
        try:
            result = self.engine.exec(self.container, ("sh", "-c", "; ".join(asks)), timeout=2 * DEADLINE)
        except Conflict as error:
            with project.daemon() as client:
                state = client.inspect_container(self.container)["State"]
            raise AssertionError(f"the router has ended: {state}: {self.output()}") from error
        assert result.exit_code == 0, f"not within {DEADLINE:g} s: {result.stdout.decode()}"

    def peak_memory(self) -> int:
        """The most memory the router has had, in bytes."""
        paths = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
        for path in paths:
            result = self.engine.exec(self.container, ("cat", path))
            if result.exit_code == 0:
                return int(result.stdout)
        raise AssertionError("this kernel does not tell the peak of a container's memory")

    def records(self, stream: str, *, join: bool = True) -> list[Record]:
        """What the log store has of a stream by now."""
        try:
            data = self.engine.read_file(self.container, f"{LOG_FOLDER}/{self.file(stream)}")
        except NotFound:
            return []
        return list(read_records(data.decode().splitlines(keepends=True), join=join))

    def wait_for(self, count: int, stream: str = "web") -> list[Record]:
        """The records of a stream, once there are as many."""
        self.wait_for_lines(count, stream)
        wait_until(lambda: len(self.records(stream)) >= count, f"{count} records of {stream}: {self.output()}")
        return self.records(stream)

    def file(self, stream: str) -> str:
        return record_file("hello", self.identity, stream)

    def output(self) -> str:
        """What the router printed itself."""
        lines: Iterator[LogLine] = self.engine.logs(self.container)
        return "\n".join(line.text for line in lines)

    def wait_for_output(self, text: str) -> str:
        """What the router printed itself, once it has printed a text."""
        wait_until(lambda: text in self.output(), f"{text!r} in the router's own output")
        return self.output()

    def _start(self, name: str) -> bool:
        try:
            self.engine.start(name)
        except LogDriverNotReady:
            return False
        return True


StartRouter = Callable[..., Router]
SHARED = "/copilot-local/socket"
"""Where the relay has the volume of both sockets."""


def relay_spec(name: str, image: str, service: str, identity: TaskIdentity) -> ContainerSpec:
    """What stands between Docker's log driver and the router, as in the pause of a task."""
    file = f"{LOG_FOLDER}/{service}.{identity.task_id}.drained"
    paths = (
        f"{SHARED}/{RELAY_SOCKET}",
        f"{SHARED}/fluent.sock",
        f"{SHARED}/copilot-local-buffer",
        file,
        "/tmp/settled",
    )
    return ContainerSpec(
        name=f"{name}-relay",
        image=image,
        labels={LABEL: name},
        entrypoint=("python3", "-m", "emulator.agent.log_relay.relay"),
        command=paths,
        network="none",
        init=True,
        mounts=(Mount(f"{name}-socket", SHARED), Mount(f"{name}-logs", LOG_FOLDER)),
    )


def routers(engine: Engine, local_image: Callable[[str], str]) -> Iterator[StartRouter]:
    """A fixture for any scope: starts a router of a task on a configuration file and further files.

    All is removed at its end.
    """
    started: list[Router] = []

    def start(
        definition: TaskDefinition,
        identity: TaskIdentity,
        files: dict[str, str | bytes],
        variables: dict[str, str] | None = None,
        *,
        memory: int | None = None,
        relay: bool = True,
    ) -> Router:
        name = f"cl-test-{uuid.uuid4().hex[:12]}"
        mount_point = engine.ensure_volume(f"{name}-socket", {LABEL: name})
        engine.ensure_volume(f"{name}-logs", {LABEL: name})
        engine.create_container(
            ContainerSpec(
                name=name,
                image=local_image(ROUTER_IMAGE),
                labels={LABEL: name},
                environment={**AWS_KEYS, **(variables or {})},
                memory=memory,
                mounts=(Mount(f"{name}-socket", "/var/run"), Mount(f"{name}-logs", LOG_FOLDER)),
            )
        )
        socket = f"{mount_point}/{RELAY_SOCKET if relay else 'fluent.sock'}"
        router = Router(engine, name, definition, identity, socket, local_image(SHELL_IMAGE), [])
        started.append(router)
        engine.put_files(name, "/", [File(path.lstrip("/"), _bytes(text)) for path, text in files.items()])
        engine.start(name)
        if relay:
            engine.create_container(relay_spec(name, ensure_agent_image(), "hello", identity))
            engine.start(f"{name}-relay")
        return router

    yield start
    for router in started:
        # The router goes last: while a container logs to it, nothing may be in its way.
        for container in [*router.started, router.container, f"{router.container}-relay"]:
            engine.remove(container)
        for volume in ("socket", "logs"):
            engine.remove_volume(f"{router.container}-{volume}")


start_router = pytest.fixture(routers, name="start_router")
start_shared_router = pytest.fixture(routers, scope="module", name="start_shared_router")
"""The same for a module."""


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


@pytest.fixture(scope="session")
def identity() -> TaskIdentity:
    return task_identity(cluster="demo-test", family="demo-test-hello")
