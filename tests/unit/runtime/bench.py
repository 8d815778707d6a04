"""An engine in memory with the images and the agent that an environment needs, and what happens on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.events import Event, EventKind
from emulator.runtime.execution.executor import Executor
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.lifecycle.up import up
from emulator.runtime.planning.reconcile import reconcile
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.planning.up_request import SupportImages, UpRequest
from emulator.runtime.specs.connect.proxy import READY
from emulator.runtime.specs.load_balancer import FrontControl, front_specs
from emulator.runtime.specs.task import task_factory
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.runtime.state.operations import Operation, Plan
from emulator.settings import Settings
from tests.unit.runtime.agent_double import AgentDouble
from tests.unit.runtime.world import AGENT, DEMO, FRONT, PAUSE

LISTENS = Behaviour(listens=("unix://*/fluent.sock", "unix://*/relay.sock"))
"""What makes a container a log router, or a drain, for the engine in memory."""


class Bench:
    """An engine in memory and what happens on it. New tasks are numbered `task0001`, …"""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        for image in (PAUSE, FRONT, AGENT, "router:1", "hello:1", "nginx:1", "db:1", "web:1", "api:1"):
            self.engine.add_image(image)
        self.engine.behave("*-firelens_log_router", LISTENS)
        self.engine.behave("*-drain", LISTENS)
        self.engine.behave("*-service-connect", Behaviour(log=(READY,)))
        self.agent = AgentDouble()
        self.engine.behave("*-agent", Behaviour(stream=self.agent.open))
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None
        self.cancelled = threading.Event()
        self.answers: dict[str, Any] = {}
        """What the local AWS endpoint says of databases, by key."""
        self.executor: dict[str, Any] = {}
        """Further arguments of the executors."""
        self._made = 0

    def plan(self, state: DesiredState) -> Plan:
        """What has to be done so that this runs."""
        return reconcile(
            task_factory(state, Private(), self.engine),
            self.observed,
            front_specs(state),
            network_exists=DEMO.network in self.engine.list_networks({}),
            new_id=self._new_id,
        ).plan

    def run(self, plan: Plan, state: DesiredState | None = None) -> None:
        front = FrontControl(DEMO)
        if state is not None:
            front.use(state)
        options = {"drain_image": AGENT, "revival": 0.0, **self.executor}
        executor = Executor(self.engine, DEMO, front, self.emit, cancelled=self.cancelled, **options)
        executor.aws_answer = {"databases": self.answers}
        executor.run(plan)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def start(self, state: DesiredState) -> Task:
        """Makes it run; returns the newest task."""
        self.run(self.plan(state), state)
        return self.observed.tasks[self._id(self._made)]

    def stop(self, task: Task, **options: Any) -> None:
        plan = Plan()
        stop_task(plan, task, "down", **options)
        self.run(plan)

    def perform(self, *operations: Operation) -> None:
        self.run(Plan(list(operations)))

    def request(self, *services: Service, **options: Any) -> UpRequest:
        """What `up` is asked for; images are those that are local already."""
        options = {"settings": Settings(), "workspace": Path("/nowhere"), **options}
        support = SupportImages(PAUSE, FRONT, lambda _: AGENT)
        return UpRequest(environment=DEMO, services=services, support=support, **options)

    def up(self, *services: Service, first_moments: float = 0.0, **options: Any) -> Running:
        request = self.request(*services, **options)
        return up(self.engine, request, self.emit, cancelled=self.cancelled, first_moments=first_moments)

    def left(self) -> dict[str, list[str]]:
        """What carries the environment's labels."""
        labels = DEMO.labels()
        return {
            "containers": sorted(container.name for container in self.engine.list_containers(labels)),
            "networks": self.engine.list_networks(labels),
            "volumes": sorted(self.engine.list_volumes(labels)),
        }

    def close(self) -> None:
        self.agent.close()
        self.engine.close()

    @property
    def observed(self) -> Observed:
        return observe(self.engine, DEMO)

    def states(self) -> dict[str, str]:
        """Every container's state, by the end of its name."""
        return {c.name.removeprefix(f"{DEMO.prefix}-"): str(c.state) for c in self.observed.containers}

    def did(self, *verbs: str) -> list[str]:
        """The calls of these verbs in order: `start hello`."""
        return [f"{verb} {target.rpartition('-')[2]}" for verb, target in self.engine.calls if verb in verbs]

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if event.kind is EventKind.WARNING]

    def _new_id(self) -> str:
        self._made += 1
        return self._id(self._made)

    @staticmethod
    def _id(number: int) -> str:
        return f"task{number:04}".ljust(32, "0")
