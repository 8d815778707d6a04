"""A program of this machine in place of a service's main container: `up --native SERVICE=PORT`.

The main container is a relay then, in the network of this machine, with the variables that the program is to have. The
task's pause listens on the container's ports, as long as the program listens on its own (`agent.native_relay`). Nothing
but this task's network leads to the program's port.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.ecs.service import Service
from emulator.engine.interface import ContainerSpec, EngineInfo, HealthCheckSpec, Mount, PublishedPort
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.listeners.native_ports import label, main_definition, tcp_ports
from emulator.runtime.specs.limits import OWN
from emulator.runtime.specs.load_balancer import UNPRIVILEGED_PORTS
from emulator.runtime.specs.pause_script import PAUSE_CAPABILITIES, UNPRIVILEGED, with_native_relay
from emulator.runtime.state import names
from emulator.runtime.state.conventions import NATIVE_FOLDER, NATIVE_RELAY_MEMORY
from emulator.runtime.state.desired import DesiredService
from emulator.settings_attended import Native
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.settings_attended import Debugging

_FIRST_OUTLET = 61000
"""Ports of the task that are published: above those that its programs connect from."""
_HOSTS = ["127.0.0.1", "::1"]
_VIRTUAL_MACHINE_HOSTS = ["host.docker.internal"]
"""Docker Desktop and its like lead it to 127.0.0.1 of this machine."""
_USAGE = "SERVICE=PORT or SERVICE=PORT:CONTAINER_PORT; SERVICE alone where its main container has no port"


def natives(
    options: Sequence[str],
    services: Sequence[Service],
    debug: Mapping[str, Debugging],
    replacements: Mapping[str, str],
) -> dict[str, Native]:
    """What `--native` options mean, by service. Raises UsageError for what is wrong in them, or cannot be combined."""
    found: dict[str, dict[int, int]] = {}
    taken: dict[int, str] = {}
    known = {service.name: service for service in services}
    for option in options:
        name, separator, text = option.partition("=")
        service = _service(option, name, known)
        ports = found.setdefault(name, {})
        if not separator and not tcp_ports(service):
            continue
        port, inside = _read_ports(option, text, service)
        if taken.setdefault(port, option) != option or inside in ports:
            what = f"port {port} of this machine" if inside not in ports else f"port {inside} of {name}"
            raise UsageError(f"--native {option}: {what} is given twice")
        ports[inside] = port
    for name in found:
        _check_combinations(known[name], debug, replacements)
    return {name: Native(ports=dict(sorted(ports.items()))) for name, ports in found.items()}


def _service(option: str, name: str, known: Mapping[str, Service]) -> Service:
    service = known.get(name)
    if not name:
        raise UsageError(f"--native takes {_USAGE}, not {option!r}")
    if service is None:
        raise UsageError(
            f"--native {option}: there is no service {name} among those that are meant",
            hint=did_you_mean(name, known, "services"),
        )
    if service.schedule is not None:
        raise UsageError(
            f"--native {option}: {name} is a job, whose tasks end by themselves",
            hint=f"run its program by hand; `copilot-local run {name}` runs it in a container",
        )
    if service.desired_count == 0:
        raise UsageError(f"--native {option}: {name} runs no task", hint=f"--scale {name}=1 gives it one")
    return service


def _read_ports(option: str, text: str, service: Service) -> tuple[int, int]:
    """The port of this machine and that of the container."""
    ports = tcp_ports(service)
    words = text.split(":") if text else []
    valid = [word for word in words if word.isascii() and word.isdecimal() and 0 < int(word) <= 65535]
    if valid != words or len(words) > 2 or not words:
        like = f", such as {service.name}={ports[0]}" if ports else ""
        raise UsageError(f"--native takes {_USAGE}, not {option!r}{like}")
    if len(words) == 2:
        if int(words[1]) not in ports:
            there = ", ".join(map(str, ports)) or "none"
            raise UsageError(f"--native {option}: {service.main_container} has no port {words[1]}; it has {there}")
        return int(words[0]), int(words[1])
    if not ports:
        raise UsageError(
            f"--native {option}: {service.main_container} has no port", hint=f"`--native {service.name}` needs none"
        )
    return int(words[0]), ports[0]


def _check_combinations(service: Service, debug: Mapping[str, Debugging], replacements: Mapping[str, str]) -> None:
    main, name = service.main_container, service.name
    if main in debug:
        raise UsageError(f"--debug {main} and --native {name}: its program is on this machine, where a debugger is too")
    if other := {main, f"{name}/{main}"} & replacements.keys():
        raise UsageError(f"--image {other.pop()} and --native {name}: no image runs in place of the program")


def with_natives(
    services: Mapping[str, DesiredService], native: Mapping[str, Native], image: str, emit: Emit
) -> dict[str, DesiredService]:
    """The services with the programs in place of their main containers; one task of each. `image` is the relay's."""
    found = dict(services)
    for name, one in native.items():
        desired = services[name]
        images = {**desired.options.images, desired.service.main_container: image}
        found[name] = desired.with_options(native=one, images=images)
        if desired.desired_count > 1:
            emit(Event(EventKind.INFO, name, "it runs one task while its program runs on this machine"))
            found[name].count = 1
    return found


def in_virtual_machine(info: EngineInfo) -> bool:
    """Whether the daemon runs in a virtual machine of this one. Raises UsageError where none of its containers reaches
    a port of 127.0.0.1 here."""
    if info.rootless:
        raise UsageError("--native: containers of a rootless daemon do not reach 127.0.0.1 of this machine")
    if not info.host.startswith(("unix://", "npipe://")):
        raise UsageError(f"--native: the Docker daemon runs on another machine ({info.host})")
    return not info.shares_folders


def native_pause(pause: ContainerSpec, desired: DesiredService, volume: str) -> ContainerSpec:
    """The pause that listens for the program, and publishes what that is to reach."""
    native = desired.options.native
    assert native is not None
    outlets = list(enumerate(native.outlets, _FIRST_OUTLET))
    leads = [{"inside": inside, "host": outlet.host, "port": outlet.port} for inside, outlet in outlets]
    asked = json.dumps({"folder": NATIVE_FOLDER, "ports": [*native.ports], "outlets": leads})
    script, *words = pause.command or ()
    return replace(
        pause,
        labels={**pause.labels, names.NATIVE: label(native)},
        command=(with_native_relay(script, asked), *words),
        ports=(*pause.ports, *(PublishedPort(inside, outlet.host_port) for inside, outlet in outlets)),
        mounts=(*pause.mounts, Mount(volume, NATIVE_FOLDER, copy=False)),
        sysctls={**pause.sysctls, UNPRIVILEGED_PORTS: "0"},
        cap_add=tuple(
            dict.fromkeys((*pause.cap_add, *PAUSE_CAPABILITIES))
        ),  # that of a log router cannot give up a user
        memory=pause.memory + NATIVE_RELAY_MEMORY if pause.memory else None,
    )


def native_member(member: ContainerSpec, native: Native, volume: str) -> ContainerSpec:
    """The relay in place of a main container. It has the volumes of that one, for containers that take them from it,
    and its variables, for `copilot-local env`; it runs without them."""
    hosts = _VIRTUAL_MACHINE_HOSTS if native.in_virtual_machine else _HOSTS
    ports = {str(inside): port for inside, port in native.ports.items()}
    asked = json.dumps({"folder": NATIVE_FOLDER, "hosts": hosts, "ports": ports})
    bare = ("/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONPATH=/opt/copilot-local")
    return replace(
        OWN,
        name=member.name,
        image=member.image,
        labels={**member.labels, names.NATIVE: label(native)},
        entrypoint=(*bare, "python3", "-S", "-m", "emulator.agent.native_relay"),
        command=("outside", asked),
        environment=member.environment,
        user=f"{UNPRIVILEGED}:{UNPRIVILEGED}",
        working_directory="/",
        network=member.network if native.in_virtual_machine else "host",
        mounts=(*member.mounts, Mount(volume, NATIVE_FOLDER, copy=False)),
        volumes_from=member.volumes_from,
        health_check=HealthCheckSpec(("NONE",)),
        init=True,
        read_only=True,
        ulimits=member.ulimits,
        cpu_shares=member.cpu_shares,
        memory=NATIVE_RELAY_MEMORY,
    )


def tell(native: Mapping[str, Native], services: Sequence[Service], emit: Emit) -> None:
    """Says once what is otherwise than in a container."""
    for service in services:
        one = native.get(service.name)
        if one is None:
            continue
        starts = [f"start its program so that it listens on 127.0.0.1:{port}" for port in one.ports.values()]
        for text in starts or ["start its program"]:
            what = f"{text}; `copilot-local env {service.name}` prints its variables"
            emit(Event(EventKind.INFO, service.name, what))
        for text in _differences(service, one):
            emit(Event(EventKind.WARNING, service.name, text))


def _differences(service: Service, native: Native) -> Iterator[str]:
    main = main_definition(service)
    if rest := [port for port in tcp_ports(service) if port not in native.ports]:
        ways = ", ".join(f"--native {service.name}=PORT:{port}" for port in rest)
        yield f"its port {' and '.join(map(str, rest))} leads nowhere; {ways} gives one"
    if service.task_definition.log_router is not None:
        yield "what its program prints does not reach the log router"
    if main.health_check is not None:
        yield "the container health check of its main container does not run on this machine"
    waiting = [
        other.name
        for other in service.task_definition.container_definitions
        for one in other.depends_on
        if one.container_name == main.name and one.condition == "HEALTHY"
    ]
    if waiting:
        yield f"{', '.join(waiting)} starts without waiting until {main.name} is healthy"
    if main.mount_points:
        folders = ", ".join(point.container_path for point in main.mount_points)
        yield f"its volumes are in containers only, not on this machine: {folders}"
