"""Tasks in the shape of DescribeTasks, read off the container listing.

Source: the ECS API reference (Task, Container, Attachment), and an answer of RunTask that was recorded on AWS.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.ecs.endpoints import private_dns_name
from emulator.ecs.fargate import registered_size
from emulator.ecs.identity import cluster_arn, container_arn, task_definition_arn
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerState, Health
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import Member, Task

DEFAULT_STORAGE = 20
"""GiB of scratch space that Fargate gives every task."""


@dataclass(slots=True)
class Context:
    """What tasks are described by. `registered` and `draining` are tasks with targets in the front, by id; `one_offs`
    are what tasks are made from that commands run; `deployments` has the id of that of each task of a
    service."""

    state: DesiredState
    registered: frozenset[str]
    draining: frozenset[str]
    one_offs: Iterable[DesiredService] = ()
    deployments: Mapping[str, str] = field(default_factory=dict)
    now: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    def desired(self, task: Task) -> DesiredService | None:
        """What a task is made from; None where that is not known any more."""
        own = [one for one in self.one_offs if one.service.name == task.service] if task.one_off else []
        if len(own) > 1:
            own = [one for one in own if one.config_hash() == task.config_hash]
        return own[0] if own else self.state.services.get(task.service)


def new_task(task: Task, context: Context) -> dict[str, Any]:
    """A task that was not seen before."""
    row = task.pause or next(iter(task.members.values())).container
    found = announced_task(row.labels, context.desired(task), context)
    if task.pause is not None:
        found["createdAt"] = _moment(task.pause.created)
    if not task.one_off and (deployment := context.deployments.get(task.id, "")):
        found["startedBy"] = deployment
    return found


def announced_task(labels: Mapping[str, str], desired: DesiredService | None, context: Context) -> dict[str, Any]:
    """A task that is to be started, with the labels of its pause."""
    one_off = names.ONE_OFF in labels
    arn = labels.get(names.ECS_TASK_ARN, "")
    region = arn.split(":")[3] if arn else desired.options.region if desired else DEFAULT_REGION
    account = arn.split(":")[4] if arn else desired.options.account if desired else LOCAL_ACCOUNT
    family = labels.get(names.ECS_FAMILY, "")
    return {
        "taskArn": arn,
        "clusterArn": cluster_arn(region, context.state.cluster, account),
        "taskDefinitionArn": task_definition_arn(region, family, int(labels.get(names.ECS_REVISION) or 1), account),
        "group": f"family:{family}" if one_off else f"service:{labels.get(names.SERVICE, '')}",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "availabilityZone": f"{region}a",
        "enableExecuteCommand": False,
        "ephemeralStorage": {"sizeInGiB": DEFAULT_STORAGE},
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "tags": [],
        "cpu": None,
        "memory": None,
        "createdAt": context.now,
        "desiredStatus": "RUNNING",
        "lastStatus": "",
        "healthStatus": "UNKNOWN",
        "attributes": [{"name": names.LIMITS, "value": labels[names.LIMITS]}] if names.LIMITS in labels else [],
        "attachments": [],
        "containers": [_pending(desired, one.name, arn) for one in _defined(desired)] if desired else [],
        "version": 0,
        **(json.loads(labels[names.RUN_TASK]) if names.RUN_TASK in labels else {}),
    }


def _defined(desired: DesiredService) -> list[ContainerDefinition]:
    return desired.service.task_definition.container_definitions


def _pending(desired: DesiredService, name: str, task_arn: str) -> dict[str, Any]:
    """A container that is not made yet."""
    found = {
        "containerArn": container_arn(task_arn, name),
        "taskArn": task_arn,
        "name": name,
        "lastStatus": "PENDING",
        "healthStatus": "UNKNOWN",
        "networkBindings": [],
        "networkInterfaces": [],
        "managedAgents": [],
    }
    return {**found, **_as_defined(desired, name)}


def note_definition(task: Task, content: dict[str, Any], context: Context) -> None:
    """Adds what the task definition and the deployment say of a task. A task may be seen before what it is made from
    is known, and outlive it; what is known once stays."""
    if not task.one_off and (deployment := context.deployments.get(task.id, "")):
        content.setdefault("startedBy", deployment)
    desired = context.desired(task)
    if content["overrides"]["containerOverrides"] or desired is None or task.revision != str(desired.revision):
        return
    definition = desired.service.task_definition
    content |= {
        "enableExecuteCommand": desired.service.execute_command,
        "cpu": None,
        "memory": None,
        **registered_size(definition.cpu, definition.memory),
        "overrides": {
            "containerOverrides": [{"name": one.name} for one in definition.container_definitions],
            "inferenceAcceleratorOverrides": [],
        },
    }
    if definition.ephemeral_storage is not None:
        content["ephemeralStorage"] = {"sizeInGiB": definition.ephemeral_storage.size_in_gi_b}


def status_of(task: Task, context: Context, *, stopping: bool) -> str:
    """Where it is in its life: ECS's `lastStatus`."""
    members = task.members.values()
    if stopping:
        if task.id in context.draining:
            return "DEACTIVATING"
        return "STOPPING" if any(member.running for member in members) else "DEPROVISIONING"
    if task.pause is None or task.pause.state is not ContainerState.RUNNING:
        return "PROVISIONING"
    desired = context.desired(task)
    expected = len(desired.service.task_definition.container_definitions) if desired else len(task.members)
    if len(task.members) < expected or not all(member.started for member in members):
        return "PENDING"
    if desired is not None and desired.service.target_groups and task.id not in context.registered:
        return "ACTIVATING"
    return "RUNNING"


def note_progress(task: Task, content: dict[str, Any], context: Context) -> None:
    """Adds when a task got its network and its images. Images are here before it is made: these are the times between
    which Fargate pulls them."""
    if task.pause is None:
        return
    if task.pause.addresses and "connectivity" not in content:
        content |= {"connectivity": "CONNECTED", "connectivityAt": context.now}
    made = [member.container.created for member in task.members.values()]
    if made and "pullStartedAt" not in content:
        began, ended = task.pause.created, min(made)
        content |= {"pullStartedAt": _moment(min(began, ended)), "pullStoppedAt": _moment(ended)}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def attachments_of(task: Task, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """DescribeTasks' network interface; as it was before where the task has no address any more."""
    interface = hashlib.sha256(task.id.encode()).hexdigest()
    subnet = hashlib.sha256(str(content["clusterArn"]).encode()).hexdigest()[:17]
    details = [{"name": "subnetId", "value": f"subnet-{subnet}"}]
    found: dict[str, Any] = {
        "id": f"{interface[:8]}-{interface[8:12]}-4{interface[13:16]}-8{interface[17:20]}-{interface[20:32]}",
        "type": "ElasticNetworkInterface",
        "status": "PRECREATED",
        "details": details,
    }
    if task.pause is None or not task.pause.addresses:
        return list(content["attachments"]) or [found]
    network, address = next(iter(task.pause.addresses.items()))
    details.append({"name": "networkInterfaceId", "value": f"eni-{interface[:17]}"})
    if network in task.pause.attachments:
        details.append({"name": "macAddress", "value": task.pause.attachments[network].mac_address})
    name = private_dns_name(task.id, str(content["taskArn"]).split(":")[3])
    details += [{"name": "privateDnsName", "value": name}, {"name": "privateIPv4Address", "value": address}]
    return [{**found, "status": "ATTACHED"}]


def note_interfaces(content: Mapping[str, Any]) -> None:
    """Gives each container the task's network interface."""
    for attachment in content["attachments"]:
        address = next((one["value"] for one in attachment["details"] if one["name"] == "privateIPv4Address"), "")
        if not address:
            continue
        for container in content["containers"]:
            container["networkInterfaces"] = [{"attachmentId": attachment["id"], "privateIpv4Address": address}]


def containers_of(task: Task, content: Mapping[str, Any], context: Context) -> list[dict[str, Any]]:
    """DescribeTasks' `Container` of each; one that is removed already keeps what was known of it."""
    known: dict[str, dict[str, Any]] = {container["name"]: container for container in content["containers"]}
    desired = context.desired(task)
    if desired is not None and task.revision != str(desired.revision):
        desired = None
    for name, member in task.members.items():
        known[name] = _container(member, str(content["taskArn"]))
        if content["enableExecuteCommand"]:
            known[name]["managedAgents"] = [{"name": "ExecuteCommandAgent", "lastStatus": known[name]["lastStatus"]}]
        if desired is not None:
            known[name] |= _as_defined(desired, name)
    return list(known.values())


def _as_defined(desired: DesiredService, name: str) -> dict[str, Any]:
    """What the task definition says of a container: its image as it stands there, its share of the task."""
    defined = next((c for c in _defined(desired) if c.name == name), None)
    if defined is None:
        return {}
    found = {"cpu": str(defined.cpu or 0)}
    for key, value in (("memory", defined.memory), ("memoryReservation", defined.memory_reservation)):
        if value:
            found[key] = str(value)
    if isinstance(defined.image, str):
        found["image"] = defined.image
    return found


def _container(member: Member, task_arn: str) -> dict[str, Any]:
    container = member.container
    status = "RUNNING" if member.running else "STOPPED" if member.started else "PENDING"
    found: dict[str, Any] = {
        "containerArn": container_arn(task_arn, member.name),
        "taskArn": task_arn,
        "name": member.name,
        "image": container.image,
        "imageDigest": container.image_id,
        "runtimeId": container.id,
        "lastStatus": status,
        "healthStatus": _health(container.health),
        "networkBindings": [],
        "networkInterfaces": [],
        "managedAgents": [],
    }
    if status == "STOPPED" and container.exit_code is not None:
        found["exitCode"] = container.exit_code
    if member.given_up:
        found["reason"] = member.given_up
    return found


def _health(health: Health) -> str:
    return {Health.HEALTHY: "HEALTHY", Health.UNHEALTHY: "UNHEALTHY"}.get(health, "UNKNOWN")


def task_health(task: Task) -> str:
    """Over essential containers: one that is unhealthy decides, then one that is unknown or has no check."""
    found = {_health(member.container.health) for member in task.members.values() if member.essential}
    if "UNHEALTHY" in found:
        return "UNHEALTHY"
    return "HEALTHY" if found == {"HEALTHY"} else "UNKNOWN"
