"""Looks for what this machine lacks: images that cannot be had, ports that are taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from emulator.ecs.service import Service
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, PortInUse
from emulator.missing import Blockers, Kind, Missing
from emulator.runtime.images.resolver import sources_of
from emulator.runtime.lifecycle.prepare import desired_state
from emulator.runtime.listeners.free_port import is_free
from emulator.runtime.listeners.port_choice import taken_ports
from emulator.runtime.planning.up_request import UpRequest, asked_ports
from emulator.runtime.secrets.missing_values import demands
from emulator.runtime.secrets.wanted import position_of
from emulator.runtime.state.observed import Observed, observe

LOOKS_AT_ONCE = 8

WhyNot = Callable[[str], str]
"""Why a reference cannot be pulled; empty where it can."""


def look_at_machine(
    engine: Engine, request: UpRequest, blockers: Blockers, why_not: WhyNot, *, ports: bool = True
) -> None:
    """Adds missing images, and those of `ports` that other programs use, to the list.

    Removes registry logins from it whose image is here already.
    """
    with contextlib.suppress(CopilotLocalError):
        here = _logins_without_use(engine, request)
        blockers.missing[:] = [one for one in blockers.missing if (one.kind, one.name) not in here]
        blockers.add(*missing_images(engine, request, why_not))
        if ports:
            blockers.add(*missing_ports(request, observe(engine, request.environment)))


def missing_images(engine: Engine, request: UpRequest, why_not: WhyNot) -> Iterator[Missing]:
    """The images that are neither here nor can be pulled, of containers that run them as they are.

    Images with a login of their own are not checked: their login is asked for.
    """
    wanted: list[tuple[Service, str, str]] = []
    sources = sources_of(request)
    for service in filter(demands, request.services):
        for container in service.task_definition.container_definitions:
            with contextlib.suppress(CopilotLocalError):
                source = sources.of(service, container)
                if source.build is not None or source.login is not None or "${" in source.reference:
                    continue
                reference = sources.stand_in(source.reference)
                if engine.image(reference) is None:
                    wanted.append((service, container.name, reference))
    with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look") as pool:
        references = list(dict.fromkeys(reference for *_, reference in wanted))
        reasons = dict(zip(references, pool.map(why_not, references), strict=True))
    for service, name, reference in wanted:
        if reasons[reference]:
            what = f"{reference} cannot be pulled: {reasons[reference]}"
            position = position_of(service, name, "image", "location")
            yield Missing(Kind.IMAGE, f"{service.name}/{name}", service.name, position, what)


def missing_ports(request: UpRequest, observed: Observed) -> Iterator[Missing]:
    """The ports of this machine that options and settings ask for and that another program has."""
    state = desired_state(request, {service.name: {} for service in request.services}, {}, "", "", "")
    for port, option in taken_ports(state, asked_ports(request), observed):
        yield Missing(Kind.PORT, str(port), "", None, option)
    published = {port.host_port for container in observed.containers for port in container.ports}
    for container, debugging in request.debug.items():
        for port in debugging.ports.values():
            if port not in published and not is_free(port):
                yield Missing(Kind.PORT, str(port), "", None, f"--debug {container}")


def refuse_taken_ports(request: UpRequest, observed: Observed) -> None:
    """Raises PortInUse for an asked-for port that another program has, MissingError for several."""
    taken = list(missing_ports(request, observed))
    if len(taken) == 1:
        [one] = taken
        raise PortInUse(
            f"port {one.name} on 127.0.0.1 is taken by another program",
            hint=f"it is asked for by {one.what}; give another one there, or leave it out: then the next free one is"
            " taken",
            port=int(one.name),
        )
    Blockers(taken).raise_any()


def _logins_without_use(engine: Engine, request: UpRequest) -> set[tuple[Kind, str]]:
    needed, known = set(), set()
    sources = sources_of(request)
    for service in filter(demands, request.services):
        for container in service.task_definition.container_definitions:
            with contextlib.suppress(CopilotLocalError):
                login = sources.logins.secret(service.name, container.name)
                if login is not None:
                    known.add((Kind.LOGIN, login.text))
                    source = sources.of(service, container)
                    if source.login is not None and engine.image(source.reference) is None:
                        needed.add((Kind.LOGIN, login.text))
    return known - needed
