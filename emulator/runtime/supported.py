"""What a service asks for and the local runtime does not do: refused, or said aloud, never passed over in silence."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.service import Service
from emulator.errors import Unsupported
from emulator.events import Emit, Event, EventKind

RUN_TYPES = ("Load Balanced Web Service", "Backend Service", "Worker Service", "ECS Service")


def refuse_unsupported(services: Sequence[Service], emit: Emit) -> None:
    """Raises `Unsupported` for what would run wrongly; emits a warning for what is merely left out."""
    for service in services:
        if service.type not in RUN_TYPES:
            raise Unsupported(
                f"{service.name} is a {service.type}: `up` runs services only",
                hint=f"`copilot-local run {service.name}` runs it once",
            )
        refuse_on_fargate(service)
        _say_what_is_left_out(service, emit)


def refuse_on_fargate(service: Service) -> None:
    """Raises `Unsupported` for what Fargate refuses, or what cannot run here."""
    definition = service.task_definition
    if definition.network_mode not in (None, "awsvpc"):
        raise Unsupported(
            f"{service.name}: network mode {definition.network_mode} is not Fargate's",
            hint="use awsvpc",
        )
    for volume in definition.volumes:
        if volume.host is not None and volume.host.source_path:
            raise Unsupported(f"{service.name}: volume {volume.name} is a host path, which Fargate refuses")
    for container in definition.container_definitions:
        where = f"{service.name}: container {container.name}"
        if container.privileged:
            raise Unsupported(f"{where} is privileged, which Fargate refuses")
        if container.volumes_from:
            raise Unsupported(f"{where} uses volumesFrom, which does not run locally")


def _say_what_is_left_out(service: Service, emit: Emit) -> None:
    for listener in service.network_listeners:
        _left_out(
            emit,
            service,
            f"the network load balancer's port {listener.port} is not published",
            str(listener.position or ""),
        )
    if service.scaling is not None:
        what = f"the number of tasks stays {service.desired_count}: nothing scales it here"
        _left_out(emit, service, what, str(service.positions.get("count", "")))
    for topic in service.topics:
        _left_out(emit, service, f"there is no topic {topic.name} here", str(topic.position or ""))
    for subscription in service.subscriptions:
        what = f"no message comes from topic {subscription.topic} of {subscription.service} here"
        _left_out(emit, service, what, str(subscription.position or ""))


def _left_out(emit: Emit, service: Service, what: str, where: str) -> None:
    emit(Event(EventKind.WARNING, service.name, f"{what}{f' ({where})' if where else ''}"))
