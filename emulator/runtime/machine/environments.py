"""Lists every environment that has something in Docker."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.runtime.listeners.front_ports import published
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    """One environment: how many of its containers run, and where its public load balancer answers."""

    app: str
    environment: str
    containers: int
    running: int
    url: str
    """Empty where none runs."""


def environments(engine: Engine) -> list[EnvironmentRow]:
    """Every environment that has a container, by application and name."""
    members: dict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in engine.list_containers({names.APP: ""}):
        members[container.labels[names.APP], container.labels.get(names.ENVIRONMENT, "")].append(container)
    rows = []
    for (app, environment), containers in sorted(members.items()):
        running = [one for one in containers if one.state is ContainerState.RUNNING]
        listeners = published(observe(engine, Names(app, environment)), running=True) if running else []
        url = next((one.url for one in listeners if not one.service), "")
        rows.append(EnvironmentRow(app, environment, len(containers), len(running), url))
    return rows


def running_environments(engine: Engine) -> list[Names]:
    """Every environment that has a container on this daemon, running or not. Raises `EngineError`."""
    containers = engine.list_containers({names.APP: ""})
    found = {(c.labels[names.APP], c.labels.get(names.ENVIRONMENT, "")) for c in containers}
    return [Names(app, environment) for app, environment in sorted(found)]
