"""What runs in an environment, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.engine.interface import ContainerState, Engine, Health
from emulator.errors import CopilotLocalError
from emulator.runtime import names
from emulator.runtime.control import Agent
from emulator.runtime.front_ports import PublishedListener, published
from emulator.runtime.names import Names
from emulator.runtime.observed import Observed, observe


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One container of a task, or one of ours (`service` empty)."""

    service: str
    task_id: str
    name: str
    state: str
    health: str
    """Of its container health check; empty where it has none."""
    exit_code: int | None
    status: str
    created: datetime
    docker_name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """An environment as it is. `targets` are what the agent says of the load balancer's targets."""

    app: str
    environment: str
    url: str | None
    supervised: bool
    """An agent is there and answers."""
    containers: tuple[ContainerRow, ...]
    targets: tuple[dict[str, Any], ...]
    failures: tuple[str, ...] = ()
    """Services whose tasks do not stay, or cannot be started, and why."""
    listeners: tuple[PublishedListener, ...] = ()
    """What the load balancers listen on, on this machine."""


def overview(engine: Engine, environment: Names) -> Overview:
    """Looks at the listing, and asks the agent where one runs."""
    observed = observe(engine, environment)
    rows = []
    for container in observed.containers:
        role = container.labels.get(names.ROLE, "")
        member = container.labels.get(names.CONTAINER)
        health = "" if container.health is Health.NONE else str(container.health)
        rows.append(
            ContainerRow(
                service=container.labels.get(names.SERVICE, ""),
                task_id=container.labels.get(names.TASK, ""),
                name=member or role,
                state=str(container.state),
                health=health,
                exit_code=container.exit_code,
                status=container.status,
                created=container.created,
                docker_name=container.name,
            )
        )
    targets: list[dict[str, Any]] = []
    failures: list[str] = []
    supervised = observed.agent is not None and observed.agent.state is ContainerState.RUNNING
    if supervised:
        try:
            status = Agent(engine, environment).status()
            targets, failures = status["targets"], _failures(observed, status)
        except CopilotLocalError:
            supervised = False
    answers = observed.front is not None and observed.front.state is ContainerState.RUNNING
    listeners = [one for one in published(observed) if answers or one.protocol == "UDP"]
    return Overview(
        app=environment.app,
        environment=environment.environment,
        url=next((one.url for one in listeners if one.protocol == "HTTP"), None),
        supervised=supervised,
        containers=tuple(sorted(rows, key=lambda row: (row.service == "", row.service, row.task_id, row.name))),
        targets=tuple(targets),
        failures=tuple(failures),
        listeners=tuple(listeners),
    )


def _failures(observed: Observed, status: dict[str, Any]) -> list[str]:
    """What is wrong, by the agent's status; one death of a task that was made good is no news."""
    found = []
    if status.get("log_store_full"):
        found.append("log store: the disk is full, and records are lost; make room, or run `copilot-local down -v`")
    for name, service in status["services"].items():
        run = len([task for task in observed.tasks_of(name) if task.fault(()) is None])
        wanted, deaths = service["desired_count"], service["failed_starts"]
        if service["failure"]:
            found.append(f"{name}: {service['failure']}")
        elif deaths > 1 or (deaths and run < wanted):
            tasks = "the last one" if deaths == 1 else f"the last {deaths}"
            found.append(f"{name}: {run} of {wanted} tasks run; {tasks} did not stay: {service['last_failure']}")
    return found
