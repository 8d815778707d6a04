"""What runs in an environment, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from emulator.engine.interface import ContainerState, Engine, Health
from emulator.errors import CopilotLocalError
from emulator.runtime.control.client import Agent, Message
from emulator.runtime.health.deployments import deployment_lines
from emulator.runtime.health.early import judged, results_from
from emulator.runtime.listeners.front_ports import published
from emulator.runtime.listeners.native_ports import read_label
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.reports.overview_rows import ContainerRow, Overview, ServiceRow, Silent, with_silent
from emulator.runtime.reports.service_details import ServiceDetails
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe


def overview(engine: Engine, environment: Names, *, silent: Silent | None = None) -> Overview:
    """Looks at the listing, and asks the agent where one runs."""
    observed = observe(engine, environment)
    status: Message = {"targets": [], "services": {}}
    supervised = observed.agent is not None and observed.agent.state is ContainerState.RUNNING
    if supervised:
        try:
            status = Agent(engine, environment).status(details=True)
        except CopilotLocalError:
            supervised = False
    found = overview_of(observed, status, environment, supervised=supervised)
    return with_silent(found, silent) if silent is not None else found


def overview_of(observed: Observed, status: Message, environment: Names, *, supervised: bool) -> Overview:
    """What a listing and the agent's status, with its details, say together."""
    observed = judged(observed, results_from(status))
    # An agent of an older version knows no details.
    details: Mapping[str, ServiceDetails] = status.get("details", {})
    listeners = published(observed, running=True)
    return Overview(
        app=environment.app,
        environment=environment.environment,
        url=next((one.url for one in listeners if one.protocol == "HTTP"), None),
        supervised=supervised,
        containers=tuple(sorted(_rows(observed, details), key=_order)),
        targets=tuple(status["targets"]),
        failures=tuple(_failures(observed, status)),
        listeners=tuple(listeners),
        services=tuple(
            ServiceRow(
                name=name,
                desired_count=service["desired_count"],
                running_count=_running(observed, name),
                url=_url(details[name]["url"], listeners) if name in details else "",
                job=status.get("jobs", {}).get(name),
            )
            for name, service in status["services"].items()
        ),
        target_containers={name: found["target_containers"] for name, found in details.items()},
    )


def _rows(observed: Observed, details: Mapping[str, ServiceDetails]) -> Iterator[ContainerRow]:
    for container in observed.containers:
        role = container.labels.get(names.ROLE, "")
        member = container.labels.get(names.CONTAINER)
        database = container.labels.get(names.DATABASE, "").rpartition("/")[2]
        health = "" if container.health is Health.NONE else str(container.health)
        service = container.labels.get(names.SERVICE, "")
        ports = details[service]["ports"].get(member or "", []) if service in details else []
        # An agent of an older version knows no images.
        image_name = details[service].get("images", {}).get(member or "", "") if service in details else ""
        image_name = image_name or container.labels.get(names.IMAGE_NAME, "")
        if role == names.Role.BESIDE:
            ports = sorted({f"127.0.0.1:{one.host_port}->{one.container_port}" for one in container.ports})
        if member and (native := container.labels.get(names.NATIVE)):
            ports = [f"127.0.0.1:{port} of this machine" for port in read_label(native)[0]]
        yield ContainerRow(
            service=service,
            task_id=container.labels.get(names.TASK, ""),
            name=member or database or role,
            state=str(container.state),
            health=health,
            exit_code=container.exit_code,
            status=container.status,
            created=container.created,
            docker_name=container.name,
            id=container.id,
            image=container.image,
            ports=tuple(ports),
            image_name=image_name,
            url=f"http://127.0.0.1:{port}" if (port := container.labels.get(names.AWS_PORT)) else "",
        )


def _order(row: ContainerRow) -> tuple[bool, str, str, str]:
    return row.service == "", row.service, row.task_id, row.name


def _url(url: str, listeners: Sequence[PublishedListener]) -> str:
    """The URL of a service, where its load balancer runs."""
    return url if url and urlsplit(url).port in [one.host_port for one in listeners] else ""


def _running(observed: Observed, service: str) -> int:
    return len([task for task in observed.tasks_of(service) if task.fault(()) is None])


def _failures(observed: Observed, status: dict[str, Any]) -> list[str]:
    """What is wrong, by the agent's status; one death of a task that was made good is no news."""
    found = []
    if status.get("log_store_full"):
        found.append("log store: the disk is full, and records are lost; make room, or run `copilot-local down -v`")
    found += [f"{note['workload']}: {note['text']}" for note in status.get("lost_traces", [])]
    for name, job in status.get("jobs", {}).items():
        if job["runs"] and (last := job["runs"][-1])["cause"]:
            tries = f" after {last['tries']} tries" if last["tries"] > 1 else ""
            found.append(f"{name}: its run of {last['started'][:19]} UTC failed{tries}: {last['cause']}")
    for name, service in status["services"].items():
        found += [f"{name}: {line}" for line in deployment_lines(service)]
        run = _running(observed, name)
        wanted, deaths = service["desired_count"], service["failed_starts"]
        if service["failure"]:
            found.append(f"{name}: {service['failure']}")
        elif deaths > 1 or (deaths and run < wanted):
            tasks = "the last one" if deaths == 1 else f"the last {deaths}"
            found.append(f"{name}: {run} of {wanted} tasks run; {tasks} did not stay: {service['last_failure']}")
    return found
