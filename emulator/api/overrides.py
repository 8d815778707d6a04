"""What RunTask's overrides make of a task definition. Source: the ECS API reference (TaskOverride)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.errors import invalid, unsupported
from emulator.api.shapes import Answer
from emulator.ecs.task_definition import ContainerDefinition, EphemeralStorage, KeyValuePair, TaskDefinition

Override = Mapping[str, Any]

_OF_THE_TASK = {
    "cpu": "cpu",
    "memory": "memory",
    "taskRoleArn": "task_role_arn",
    "executionRoleArn": "execution_role_arn",
}


def overridden(definition: TaskDefinition, asked: Override) -> TaskDefinition:
    """The definition of one run. Raises `ApiError` for a container that is not there, and for what has no effect."""
    known = {one.name for one in definition.container_definitions}
    by_name: dict[str, Override] = {}
    for one in asked.get("containerOverrides", ()):
        name = one.get("name", "")
        if name not in known:
            raise invalid(f"Override for container named {name} is not a container in the TaskDefinition.")
        for key in ("environmentFiles", "resourceRequirements"):
            if one.get(key):
                raise unsupported(f"overrides.containerOverrides.{key} is not taken on this machine")
        by_name[name] = one
    if asked.get("inferenceAcceleratorOverrides"):
        raise unsupported("overrides.inferenceAcceleratorOverrides is not taken on this machine")
    containers = [_container(one, by_name.get(one.name, {})) for one in definition.container_definitions]
    update: dict[str, Any] = {"container_definitions": containers}
    update |= {attribute: asked[key] for key, attribute in _OF_THE_TASK.items() if asked.get(key)}
    if storage := asked.get("ephemeralStorage"):
        update["ephemeral_storage"] = EphemeralStorage(size_in_gi_b=storage["sizeInGiB"])
    return definition.model_copy(update=update)


def _container(container: ContainerDefinition, asked: Override) -> ContainerDefinition:
    update: dict[str, Any] = {}
    if asked.get("command"):
        update["command"] = list(asked["command"])
    if not all(one.get("name") for one in asked.get("environment", ())):
        raise invalid("overrides.containerOverrides.environment.name should not be null or empty.")
    if given := {one["name"]: one.get("value", "") for one in asked.get("environment", ())}:
        kept = [pair for pair in container.environment if pair.name not in given]
        update["environment"] = [*kept, *(KeyValuePair(name=name, value=text) for name, text in given.items())]
        update["secrets"] = [secret for secret in container.secrets if secret.name not in given]
    names = {"cpu": "cpu", "memory": "memory", "memoryReservation": "memory_reservation"}
    update |= {attribute: asked[key] for key, attribute in names.items() if asked.get(key)}
    return container.model_copy(update=update)


def described(definition: TaskDefinition, asked: Override) -> dict[str, Any]:
    """DescribeTasks' `overrides`."""
    given = {one["name"]: one for one in asked.get("containerOverrides", ())}
    empty: Answer = {"command": [], "environment": [], "environmentFiles": [], "resourceRequirements": []}
    containers = [
        {"name": one.name, **(empty | dict(given.get(one.name, {})) if one.name in given else {})}
        for one in definition.container_definitions
    ]
    kept = {key: value for key, value in asked.items() if key != "containerOverrides"}
    return {"inferenceAcceleratorOverrides": [], **kept, "containerOverrides": containers}
