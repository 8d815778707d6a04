"""Says what gives a network load balancer its names in an environment that Copilot did not make."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.ecs.service import Service
from emulator.events import Emit, Event, EventKind


def warn_of_network_aliases(services: Iterable[Service], emit: Emit) -> None:
    """Of names that the environment's stack makes no record of: the load balancer is in the service's."""
    from emulator.render.cloudformation.network_load_balancer import ALIAS_RECORDS, ALIAS_ZONE, aliases_of

    for service in services:
        for names, parameter in zip(aliases_of(service), (f"{ALIAS_RECORDS}=true", f"{ALIAS_ZONE}=ZONE"), strict=True):
            if names:
                text = (
                    f"nlb: the record of {', '.join(names)} is made by this service's stack, not by the environment's: "
                    f"render it with `--in-copilot-environment --parameter {parameter}`"
                )
                emit(Event(EventKind.WARNING, service.name, text))
