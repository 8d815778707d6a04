"""A task in an engine in memory, and the endpoint that answers for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.agent.metadata import tasks as tasks_module
from emulator.agent.metadata.answers import Answer, Request
from emulator.agent.metadata.collector import StatsCollector
from emulator.agent.metadata.credentials import Credentials
from emulator.agent.metadata.endpoint import Endpoint
from emulator.agent.metadata.faults import Faults
from emulator.agent.metadata.moments import Moments
from emulator.agent.metadata.protection import Protection
from emulator.agent.metadata.tasks import Tasks
from emulator.ecs.identity import container_id
from emulator.ecs.service import LogGroup, Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import EngineEvent
from emulator.model import from_plain
from emulator.runtime.specs.task import task_factory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names, Role
from emulator.settings import LocalOptions

TASK = "0123456789abcdef0123456789abcdef"
DEMO = Names("demo", "test")


def service(*containers: dict[str, Any], **definition: Any) -> Service:
    """A service whose first container is the main one."""
    found = {"family": "demo-test-hello", "networkMode": "awsvpc", "cpu": "256", "memory": "512", **definition}
    return Service(
        app="demo",
        environment="test",
        name="hello",
        type="Backend Service",
        task_definition=from_plain(TaskDefinition, {**found, "containerDefinitions": list(containers)}),
        main_container=containers[0]["name"],
        log_group=LogGroup(name="/copilot/demo-test-hello"),
    )


class World:
    """One environment. `engine` holds what runs, `state` what should run."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        for image in ("pause:1", "agent:1", "hello:1", "nginx:1", "private.example.com/nginx:9"):
            self.engine.add_image(image)
        self.engine.ensure_network(DEMO.network, DEMO.labels())
        self.state = DesiredState(
            app="demo",
            environment="test",
            front_port=8080,
            pause_image="pause:1",
            front_image="f",
            agent_image="agent:1",
        )
        self.private = Private()
        self.stopping: set[str] = set()
        self.moments = Moments()
        self.one_offs: list[DesiredService] = []
        self.caller = ""
        """The address that requests come from: that of the task which was started last."""
        self.tasks = Tasks(
            self.engine,
            DEMO,
            lambda: self.state,
            self.stopping.__contains__,
            self.moments,
            one_offs=lambda: self.one_offs,
        )
        self.stats = StatsCollector(self.tasks.running, self.engine.stats, first=0.01, interval=0.01, linger=30)
        self.credentials = Credentials(self.tasks, lambda: self.private.task_roles)
        self.protection = Protection()
        self.now = 100.0
        """What faults take the time from."""
        self.faults = Faults(self.tasks, self.engine, lambda: self.now)
        self.endpoint = Endpoint(self.tasks, self.stats, self.credentials, self.protection, self.faults)

    def want(self, wanted: Service, revision: int = 1, **options: Any) -> DesiredService:
        """This is to run from now on."""
        desired = DesiredService(service=wanted, options=LocalOptions(**options), revision=revision)
        self.state = self.state.model_copy(update={"services": {wanted.name: desired}})
        return desired

    def start(self, wanted: Service, *, only: tuple[str, ...] = (), task_id: str = TASK, **options: Any) -> None:
        """Makes and starts a task of it: pause and every container, or those of these names."""
        desired = self.want(wanted, **options)
        spec = task_factory(self.state, self.private, self.engine).task(desired, task_id)
        members = [m.spec for m in spec.members if not only or m.definition.name in only]
        for container in (spec.pause, *members):
            self.engine.create_container(container)
            self.engine.start(container.name)
        self.caller = self.address(wanted.name)

    def docker_name(self, name: str) -> str:
        return DEMO.pause(TASK) if name == "pause" else DEMO.container("hello", TASK, name)

    def happened(self, action: str, name: str, when: str) -> None:
        """Docker tells of an event at that time."""
        row = next(c for c in self.engine.list_containers({}) if c.name == self.docker_name(name))
        self.moments.note(EngineEvent(action, row.id, row.labels, datetime.fromisoformat(when).astimezone(UTC)))

    def answer(self, path: str, method: str = "GET", body: bytes = b"", address: str = "") -> Answer:
        return self.endpoint.answer(Request(method, path, address or self.caller, body))

    def address(self, service: str = "hello") -> str:
        """The address of the service's task."""
        pauses = self.engine.list_containers({names.ROLE: Role.PAUSE, names.SERVICE: service})
        return next((pause.addresses[DEMO.network] for pause in pauses if pause.addresses), "")

    def ask(self, path: str, method: str = "GET", body: bytes = b"", address: str = "") -> tuple[int, Any]:
        """Status and JSON of the answer. `{hello}` in the path is the id of the container of that name."""
        for name in ("hello", "nginx", "db"):
            path = path.replace(f"{{{name}}}", container_id(TASK, name))
        answer = self.answer(path, method, body, address)
        assert answer.content_type == "application/json"
        return answer.status, json.loads(answer.body)

    def get(self, path: str, address: str = "") -> Any:
        """What is found there."""
        status, content = self.ask(path, address=address)
        assert status == 200, content
        return content


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(tasks_module, "FRESH", -1.0)  # every request sees a new listing
    world = World()
    yield world
    world.stats.close()
    world.engine.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds."""

    def wait(holds: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.005)

    return wait
