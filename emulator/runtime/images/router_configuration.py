"""A log router's configuration as ECS would generate it, the one in use here, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.ecs.identity import task_identity
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.firelens.destinations import Destinations
from emulator.firelens.differences import router_differences
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.firelens.local import Difference, driver_differences, local_router_configuration
from emulator.firelens.routing import find_router
from emulator.runtime.specs.log_router import destination_names, manifest_lines, unknown_destination
from emulator.settings import LogPolicy, LogSettings

ADDS_ROUTER = "`logging:` with a `destination:` in its manifest adds one"


def no_router(service: Service) -> InputError:
    """The error where a service is asked about that has no log router."""
    return InputError(f"service {service.name} has no log router", hint=ADDS_ROUTER)


@dataclass(frozen=True, slots=True)
class RouterConfigurations:
    """Both files as texts. `path`: where the one in use stands in the router's container."""

    ecs: str
    path: str
    local: str
    differences: tuple[Difference, ...]


def router_configurations(
    service: Service, settings: LogSettings, asked: Mapping[str, LogPolicy], region: str
) -> RouterConfigurations:
    """The configurations of a service's router. `settings` are those of its logs, with the policies `asked` for by the
    user in them. Raises InputError where it has no router, and for a policy that no destination has the name of."""
    task = service.task_definition
    if task.log_router is None:
        raise no_router(service)
    cluster = f"{service.app}-{service.environment}"
    identity = task_identity(cluster=cluster, family=task.family, task_id="0" * 32, region=region)
    destinations = Destinations(settings.destinations)
    with manifest_lines(service):
        ecs = ecs_router_configuration(task, identity)
        local = local_router_configuration(
            task,
            identity,
            service=service.name,
            fidelity=settings.fidelity,
            destinations=destinations,
            check=settings.check,
        )
    router = find_router(task)
    if router is not None and router.include_path is None:  # else only the image knows what outputs there are
        for unknown in Destinations(asked).unknown_names(local.outputs):
            raise unknown_destination(unknown, destination_names(local.outputs))
    outside = (*driver_differences(settings.fidelity), *router_differences(local, destinations))
    return RouterConfigurations(ecs, local.path, local.text, (*local.differences, *outside))
