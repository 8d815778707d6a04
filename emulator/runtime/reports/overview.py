"""What runs in an environment, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from emulator.engine.interface import ContainerState, Engine, Health
from emulator.errors import CopilotLocalError
from emulator.runtime.control.client import Agent, Message
from emulator.runtime.health.early import judged, results_from
from emulator.runtime.listeners.front_ports import PublishedListener, published
from emulator.runtime.reports.service_details import ServiceDetails
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe

STARTED_ANEW = "`copilot-local up -d` starts the load balancer anew"


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
    id: str
    image: str
    ports: tuple[str, ...] = ()
    """What its definition maps: `80/tcp`."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service that should run."""

    name: str
    desired_count: int
    running_count: int
    """Tasks whose containers run."""
    url: str
    """Where a browser finds it; empty where no rule of a load balancer leads to it."""


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
    services: tuple[ServiceRow, ...] = ()
    """Every service that should run, those without a task too; empty where no agent answers."""
    target_containers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Service to target group to the container that its targets are."""


def overview(
    engine: Engine,
    environment: Names,
    *,
    silent: Callable[[Sequence[PublishedListener]], Mapping[int, str]] | None = None,
) -> Overview:
    """Looks at the listing, and asks the agent where one runs. `silent` says, by host port, why listeners do not answer
    at their published ports."""
    observed = observe(engine, environment)
    status: Message = {"targets": [], "services": {}}
    supervised = observed.agent is not None and observed.agent.state is ContainerState.RUNNING
    if supervised:
        try:
            status = Agent(engine, environment).status(details=True)
        except CopilotLocalError:
            supervised = False
    observed = judged(observed, results_from(status))
    # An agent of an older version knows no details.
    details: Mapping[str, ServiceDetails] = status.get("details", {})
    rows = []
    for container in observed.containers:
        role = container.labels.get(names.ROLE, "")
        member = container.labels.get(names.CONTAINER)
        health = "" if container.health is Health.NONE else str(container.health)
        service = container.labels.get(names.SERVICE, "")
        ports = details[service]["ports"].get(member or "", []) if service in details else []
        rows.append(
            ContainerRow(
                service=service,
                task_id=container.labels.get(names.TASK, ""),
                name=member or role,
                state=str(container.state),
                health=health,
                exit_code=container.exit_code,
                status=container.status,
                created=container.created,
                docker_name=container.name,
                id=container.id,
                image=container.image,
                ports=tuple(ports),
            )
        )
    listeners = published(observed, running=True)
    problems = silent(listeners) if silent is not None else {}
    unanswered = [f"127.0.0.1:{port} does not answer: {why}; {STARTED_ANEW}" for port, why in problems.items()]
    return Overview(
        app=environment.app,
        environment=environment.environment,
        url=next((one.url for one in listeners if one.protocol == "HTTP"), None),
        supervised=supervised,
        containers=tuple(sorted(rows, key=lambda row: (row.service == "", row.service, row.task_id, row.name))),
        targets=tuple(status["targets"]),
        failures=(*_failures(observed, status), *unanswered),
        listeners=tuple(listeners),
        services=tuple(
            ServiceRow(
                name=name,
                desired_count=service["desired_count"],
                running_count=_running(observed, name),
                url=_url(details[name]["url"], listeners) if name in details else "",
            )
            for name, service in status["services"].items()
        ),
        target_containers={name: found["target_containers"] for name, found in details.items()},
    )


def _url(url: str, listeners: Sequence[PublishedListener]) -> str:
    """The URL of a service, where its load balancer runs."""
    return url if url and urlsplit(url).port in [one.host_port for one in listeners] else ""


def _running(observed: Observed, service: str) -> int:
    return len([task for task in observed.tasks_of(service) if task.fault(()) is None])


def of_service(found: Overview, name: str) -> Overview:
    """What of the environment is one service's, without our own containers."""
    return replace(
        found,
        containers=tuple(row for row in found.containers if row.service == name),
        targets=tuple(target for target in found.targets if target["service"] == name),
        listeners=tuple(one for one in found.listeners if one.service in ("", name)),
        services=tuple(row for row in found.services if row.name == name),
    )


def _failures(observed: Observed, status: dict[str, Any]) -> list[str]:
    """What is wrong, by the agent's status; one death of a task that was made good is no news."""
    found = []
    if status.get("log_store_full"):
        found.append("log store: the disk is full, and records are lost; make room, or run `copilot-local down -v`")
    for name, service in status["services"].items():
        run = _running(observed, name)
        wanted, deaths = service["desired_count"], service["failed_starts"]
        if service["failure"]:
            found.append(f"{name}: {service['failure']}")
        elif deaths > 1 or (deaths and run < wanted):
            tasks = "the last one" if deaths == 1 else f"the last {deaths}"
            found.append(f"{name}: {run} of {wanted} tasks run; {tasks} did not stay: {service['last_failure']}")
    return found
