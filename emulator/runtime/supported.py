"""What a service asks for and the local runtime does not do: refused, or said aloud, never passed over in silence."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.references import EnvFileReference, describe
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
        if volume.docker_volume_configuration is not None:
            raise Unsupported(f"{service.name}: volume {volume.name} is a Docker volume, which Fargate refuses")
    platform = definition.runtime_platform
    if platform is not None and (platform.operating_system_family or "LINUX") != "LINUX":
        raise Unsupported(f"{service.name}: {platform.operating_system_family} containers do not run locally")
    for field, name in _TASK_FIELDS.items():
        if getattr(definition, field):
            raise Unsupported(f"{service.name} uses {name}, which does not run locally")
    for container in definition.container_definitions:
        where = f"{service.name}: container {container.name}"
        if container.privileged:
            raise Unsupported(f"{where} is privileged, which Fargate refuses")
        for field, name in _CONTAINER_FIELDS.items():
            if getattr(container, field):
                raise Unsupported(f"{where} uses {name}, which does not run locally")
        for field, name in _LINUX_FIELDS.items():
            if container.linux_parameters is not None and getattr(container.linux_parameters, field):
                raise Unsupported(f"{where} uses linuxParameters.{name}, which Fargate refuses")
        for file in container.environment_files:
            if not isinstance(file.value, EnvFileReference):
                value = file.value if isinstance(file.value, str) else describe(file.value)
                raise Unsupported(
                    f"{where} has an environment file in S3, which does not run locally: {value}",
                    hint="use a file of the workspace: `env_file` in the manifest",
                )


_TASK_FIELDS = {"pid_mode": "pidMode", "ipc_mode": "ipcMode", "enable_fault_injection": "enableFaultInjection"}
_CONTAINER_FIELDS = {
    "volumes_from": "volumesFrom",
    "links": "links",
    "hostname": "hostname",
    "disable_networking": "disableNetworking",
    "dns_servers": "dnsServers",
    "dns_search_domains": "dnsSearchDomains",
    "extra_hosts": "extraHosts",
    "docker_security_options": "dockerSecurityOptions",
    "system_controls": "systemControls",
    "resource_requirements": "resourceRequirements",
    "credential_specs": "credentialSpecs",
}
"""What no container here is given. Most of it Fargate or the awsvpc mode refuses too."""
_LINUX_FIELDS = {
    "devices": "devices",
    "shared_memory_size": "sharedMemorySize",
    "tmpfs": "tmpfs",
    "max_swap": "maxSwap",
    "swappiness": "swappiness",
}


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
