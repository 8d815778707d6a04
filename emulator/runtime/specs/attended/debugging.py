"""Containers for a debugger to attach to: a published port, and another command.

A debugged container stops for minutes: its task is not given up as unhealthy, and the service runs one task, since two
could not publish the same port.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from emulator.ecs.service import Service
from emulator.engine.interface import PublishedPort
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.state.desired import DesiredService
from emulator.settings_attended import Debugging

_LARGEST_PORT = 65535


def read_options(ports: Sequence[str], commands: Sequence[str]) -> dict[str, Debugging]:
    """`CONTAINER=[HOST_PORT:]PORT` and `CONTAINER=COMMAND` options, by container. Raises UsageError."""
    found: dict[str, Debugging] = {}
    for option in ports:
        container, _, text = option.partition("=")
        numbers = text.split(":")
        valid = [number for number in numbers if number.isdecimal() and 0 < int(number) <= _LARGEST_PORT]
        if not container or len(numbers) > 2 or valid != numbers:
            raise UsageError(f"--debug takes CONTAINER=PORT or CONTAINER=HOST_PORT:PORT, not {option!r}")
        before = found.get(container, Debugging())
        found[container] = before.model_copy(update={"ports": {**before.ports, int(valid[-1]): int(valid[0])}})
    for option in commands:
        container, _, text = option.partition("=")
        if container not in found:
            raise UsageError(
                f"--debug-command {option}: {container} is not debugged", hint=f"add --debug {container}=PORT"
            )
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"--debug-command {option}: {error}") from None
        if not words:
            raise UsageError(f"--debug-command takes CONTAINER=COMMAND, not {option!r}")
        found[container] = found[container].model_copy(update={"command": words})
    return found


def check_options(debug: Mapping[str, Debugging], services: Iterable[Service]) -> None:
    """Raises UsageError for a container that no service has, or several have, and for a port that is meant twice."""
    homes: dict[str, list[str]] = {}
    for service in services:
        for definition in service.task_definition.container_definitions:
            homes.setdefault(definition.name, []).append(service.name)
    taken: dict[int, str] = {}
    for container, debugging in debug.items():
        found = homes.get(container, [])
        if not found:
            raise UsageError(
                f"--debug {container}=…: there is no container {container}",
                hint=f"containers: {', '.join(sorted(homes))}",
            )
        if len(found) > 1:
            raise UsageError(f"{container} is a container of {' and '.join(found)}", hint="choose a service with -n")
        for host_port in debugging.ports.values():
            other = taken.setdefault(host_port, container)
            if other != container:
                raise UsageError(f"{other} and {container} cannot both have port {host_port} of this machine")


def debugged(
    services: Mapping[str, DesiredService], debug: Mapping[str, Debugging], emit: Emit
) -> dict[str, DesiredService]:
    """The services with what is asked for their containers; one task of each that has one."""
    found = dict(services)
    for name, desired in services.items():
        containers = {container.name for container in desired.service.task_definition.container_definitions}
        mine = {container: debugging for container, debugging in debug.items() if container in containers}
        if not mine:
            continue
        found[name] = desired.with_options(debug=mine)
        if desired.desired_count > 1:
            emit(Event(EventKind.INFO, name, "it runs one task while it is debugged"))
            found[name].count = 1
    return found


def debug_ports(desired: DesiredService) -> tuple[PublishedPort, ...]:
    """What the task publishes for debuggers."""
    return tuple(
        PublishedPort(inside, outside)
        for debugging in desired.options.debug.values()
        for inside, outside in debugging.ports.items()
    )


def tell(debug: Mapping[str, Debugging], emit: Emit) -> None:
    """Says where the debuggers find their programs."""
    for container, debugging in debug.items():
        for inside, outside in debugging.ports.items():
            what = f"a debugger finds port {inside} at 127.0.0.1:{outside}; the program must listen on 0.0.0.0"
            emit(Event(EventKind.INFO, container, what))
