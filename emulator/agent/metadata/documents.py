"""Containers and tasks in the shapes of the task metadata endpoint. Pure.

Source: the ECS developer guide's samples for Fargate, and the ECS agent's response types for what is left out when
empty. Where Fargate is odd (a CPU limit of 2 where none is set, a gateway with a prefix length), so are these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.agent.metadata.tasks import ContainerView, HealthView, TaskView
from emulator.ecs.endpoints import dns_domain, private_dns_name
from emulator.ecs.fargate import cpu_units, memory_mib
from emulator.ecs.identity import container_arn
from emulator.ecs.task_definition import LogConfiguration
from emulator.engine.interface import ContainerState
from emulator.engine.labels import CONTROL_PREFIXES
from emulator.errors import InputError
from emulator.regions import zone_id
from emulator.runtime.listeners.references import resolve
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService

Json = dict[str, Any]

LEAST_CPU = 2
"""CPU shares of a container that asks for none, the kernel's least."""
LARGEST_OUTPUT = 1024
"""Bytes of a health check's output that ECS keeps."""
DEFAULT_STORAGE_GIB = 20
STORAGE_OVERHEAD_MIB = 16
CLOCK_ERROR_BOUND = 0.5
"""Milliseconds; a constant, since it is not measured here."""
DOCKER_RESOLVER = "127.0.0.11"
_STATUSES = ("NONE", "PULLED", "CREATED", "RUNNING", "STOPPED")
"""The agent's container states, in order."""


def container_v4(task: TaskView, container: ContainerView) -> Json:
    """The answer to `/v4/<id>`."""
    document = _container(task, container)
    logging = container.definition.log_configuration if container.definition else None
    if logging is not None:
        document["LogDriver"] = logging.log_driver
        if options := _log_options(task, container, logging):
            document["LogOptions"] = options
    document["ContainerARN"] = container_arn(task.arn, container.name)
    if networks := _networks(task):
        document["Networks"] = [{**networks, **_interface(task)}]
    document["Snapshotter"] = "overlayfs"
    policy = container.definition.restart_policy if container.definition else None
    if policy is not None and policy.enabled:
        document["RestartCount"] = container.restarts
    return document


def task_v4(task: TaskView, now: datetime) -> Json:
    """The answer to `/v4/<id>/task`."""
    definition = task.desired.service.task_definition if task.desired else None
    storage = definition.ephemeral_storage if definition else None
    reserved = (storage.size_in_gi_b if storage else DEFAULT_STORAGE_GIB) * 1024 + STORAGE_OVERHEAD_MIB
    return {
        **_task(task),
        "Containers": [container_v4(task, container) for container in task.containers],
        "LaunchType": "FARGATE",
        **({} if names.ONE_OFF in task.labels else {"ServiceName": task.service}),
        "ClockDrift": {
            "ClockErrorBound": CLOCK_ERROR_BOUND,
            "ReferenceTimestamp": timestamp(now.replace(microsecond=0)),
            "ClockSynchronizationStatus": "SYNCHRONIZED",
        },
        "EphemeralStorageMetrics": {"Utilized": 0, "Reserved": reserved},
        "FaultInjectionEnabled": bool(definition and definition.enable_fault_injection),
    }


def container_v3(task: TaskView, container: ContainerView) -> Json:
    """The answer to `/v3/<id>`, and a container of `/v2/metadata`."""
    document = _container(task, container)
    if networks := _networks(task):
        document["Networks"] = [networks]
    return document


def task_v3(task: TaskView) -> Json:
    """The answer to `/v3/<id>/task` and `/v2/metadata`."""
    return {**_task(task), "Containers": [container_v3(task, container) for container in task.containers]}


def timestamp(moment: datetime) -> str:
    """A time as Go prints it in JSON: UTC, fractions of a second without trailing zeros."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def _container(task: TaskView, view: ContainerView) -> Json:
    row = view.container
    document: Json = {
        "DockerId": view.id if row is not None else "",
        "Name": view.name,
        "DockerName": view.name if row is not None else "",
        "Image": _image(task, view),
        "ImageID": row.image_id if row is not None else "",
    }
    if row is not None:
        document["Labels"] = dict(sorted(_labels(row.labels)))
    document["DesiredStatus"] = "STOPPED" if task.stopping else "RUNNING"
    document["KnownStatus"] = _status(view)
    if row is not None and _status(view) == "STOPPED" and row.exit_code is not None:
        document["ExitCode"] = row.exit_code
    document["Limits"] = _limits(view)
    if row is not None:
        # As on Fargate: the time of creation is that of the start.
        document["CreatedAt"] = timestamp(view.started or row.created)
        if view.started is not None:
            document["StartedAt"] = timestamp(view.started)
        if view.finished is not None:
            document["FinishedAt"] = timestamp(view.finished)
    document["Type"] = "NORMAL"
    if view.health is not None:
        document["Health"] = _health(view.health)
    return document


def _task(task: TaskView) -> Json:
    document: Json = {
        "Cluster": task.labels.get(names.ECS_CLUSTER, ""),
        "TaskARN": task.arn,
        "Family": task.labels.get(names.ECS_FAMILY, ""),
        "Revision": task.labels.get(names.ECS_REVISION, ""),
        "DesiredStatus": "STOPPED" if task.stopping else "RUNNING",
        "KnownStatus": _known(task),
    }
    definition = task.desired.service.task_definition if task.desired else None
    limits: Json = {}
    if definition is not None and definition.cpu:
        limits["CPU"] = cpu_units(definition.cpu) / 1024
    if definition is not None and definition.memory:
        limits["Memory"] = memory_mib(definition.memory)
    if limits:
        document["Limits"] = limits
    if task.pause is not None:
        # Images are here before a task is made; these are the times between which Fargate pulls them.
        made = [view.container.created for view in task.containers if view.container is not None]
        document["PullStartedAt"] = timestamp(task.pause.created)
        document["PullStoppedAt"] = timestamp(min(made, default=task.pause.created))
    if ended := [
        v.finished for v in task.containers if v.finished and (v.definition is None or v.definition.essential)
    ]:
        document["ExecutionStoppedAt"] = timestamp(min(ended))
    document["AvailabilityZone"] = f"{task.region}a"
    if zone := zone_id(task.region):
        document["AvailabilityZoneID"] = zone
    return document


def _known(task: TaskView) -> str:
    """The task is as far as the container that is least far; PULLED is no state of a task."""
    least = min((_STATUSES.index(_status(view)) for view in task.containers), default=0)
    return {"PULLED": "NONE"}.get(_STATUSES[least], _STATUSES[least])


def _status(view: ContainerView) -> str:
    if view.container is None:
        return "PULLED"
    match view.container.state:
        case ContainerState.CREATED:
            return "CREATED"
        case ContainerState.RUNNING | ContainerState.PAUSED:
            return "RUNNING"
        case _:
            return "STOPPED"


def _image(task: TaskView, view: ContainerView) -> str:
    """The image as the task definition names it, whatever stands in for it here."""
    if view.definition is not None and isinstance(view.definition.image, str):
        return view.definition.image
    local = task.desired.options.images.get(view.name) if task.desired else None
    return local or (view.container.image if view.container is not None else "")


def _labels(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The labels that a task definition and ECS give, without those of copilot-local."""
    ours = names.RECORD_LABELS
    given = ((name, value) for name, value in labels.items() if name not in ours)
    return ((name, value) for name, value in given if not name.startswith(CONTROL_PREFIXES) or name in names.ECS)


def _limits(view: ContainerView) -> Json:
    definition = view.definition
    limits: Json = {"CPU": max(LEAST_CPU, definition.cpu or 0) if definition else LEAST_CPU}
    if definition is not None and definition.memory:
        limits["Memory"] = definition.memory
    return limits


def _health(health: HealthView) -> Json:
    document: Json = {}
    if health.status is not None:
        document["status"] = health.status
    if health.since is not None:
        document["statusSince"] = timestamp(health.since)
    if health.exit_code:
        document["exitCode"] = health.exit_code
    output = health.output.encode()[:LARGEST_OUTPUT].decode(errors="ignore")
    return {**document, "output": output}


def _log_options(task: TaskView, view: ContainerView, logging: LogConfiguration) -> dict[str, str]:
    """The options as given; of `awslogs` the name of the stream in place of its prefix."""
    options = dict(_resolved(task.desired, logging))
    if logging.log_driver == "awslogs" and (prefix := options.pop("awslogs-stream-prefix", "")):
        options["awslogs-stream"] = f"{prefix}/{view.name}/{task.id}"
    return dict(sorted(options.items()))


def _resolved(desired: DesiredService | None, logging: LogConfiguration) -> Iterator[tuple[str, str]]:
    for name, value in logging.options.items():
        try:
            yield name, value if isinstance(value, str) else resolve(value, desired) if desired else ""
        except InputError:
            continue  # of a local run that does without it


def _networks(task: TaskView) -> Json:
    """What every version says of the network; {} while the task has none."""
    address = task.pause.addresses.get(task.network) if task.pause is not None else None
    return {"NetworkMode": "awsvpc", "IPv4Addresses": [address]} if address else {}


def _interface(task: TaskView) -> Json:
    """What version 4 adds."""
    assert task.pause is not None
    attachment = task.pause.attachments.get(task.network)
    document: Json = {"AttachmentIndex": 0}
    if attachment is not None:
        length = attachment.prefix_length
        interface = ipaddress.ip_interface(f"{task.pause.addresses[task.network]}/{length}")
        document["MACAddress"] = attachment.mac_address
        document["IPv4SubnetCIDRBlock"] = str(interface.network)
    document["DomainNameServers"] = [DOCKER_RESOLVER]
    document["DomainNameSearchList"] = [dns_domain(task.region)]
    document["PrivateDNSName"] = private_dns_name(task.id, task.region)
    if attachment is not None:
        document["SubnetGatewayIpv4Address"] = f"{attachment.gateway}/{attachment.prefix_length}"
    return document
