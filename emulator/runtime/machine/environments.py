"""Lists every environment that has something in Docker."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.engine.interface import ContainerState, Engine
from emulator.runtime.listeners.front_ports import published
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import environments_of, observe


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
    rows = []
    for environment, containers in environments_of(engine.list_containers({names.APP: ""})).items():
        running = [one for one in containers if one.state is ContainerState.RUNNING]
        listeners = published(observe(engine, environment), running=True) if running else []
        url = next((one.url for one in listeners if not one.service), "")
        rows.append(EnvironmentRow(environment.app, environment.environment, len(containers), len(running), url))
    return rows


def running_environments(engine: Engine) -> list[Names]:
    """Every environment that has a container on this daemon, running or not. Raises `EngineError`."""
    return list(environments_of(engine.list_containers({names.APP: ""})))
