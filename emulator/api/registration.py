"""What RegisterTaskDefinition refuses, and what it adds. Pure.

Sources: the ECS API reference (RegisterTaskDefinition), and moto's tests for the texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.api.errors import client_error
from emulator.ecs.fargate import size_problem

FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
FARGATE = "FARGATE"
_CONTAINER = {"cpu": 0, "portMappings": [], "essential": True, "environment": [], "mountPoints": [], "volumesFrom": []}

Content = Mapping[str, Any]


def refuse_wrong(content: Content, *, lenient: bool = False) -> None:
    """Raises `ApiError` for what ECS refuses to register. With `lenient`, containers may have no memory where no launch
    type is named, as other emulators take them."""
    containers, wanted = content["containerDefinitions"], content.get("requiresCompatibilities", [])
    if not FAMILY.fullmatch(content["family"]):
        raise client_error("Family contains invalid characters when it should only contain [a-zA-Z0-9_-].")
    if not containers:
        raise client_error("Container list cannot be empty.")
    for container in containers:
        for key in ("name", "image"):
            if not container.get(key):
                raise client_error(f"Container.{key} should not be null or empty.")
    for name in (names := [container["name"] for container in containers]):
        if names.count(name) > 1:
            raise client_error(f"Container.name contains duplicate container name {name}.")
    for one in wanted:
        if one not in ("EC2", FARGATE, "EXTERNAL", "MANAGED_INSTANCES"):
            raise client_error(f"requiresCompatibilities: {one} should be one of [EC2,FARGATE,EXTERNAL]")
    if FARGATE in wanted:
        _refuse_on_fargate(content)
    elif not content.get("memory") and (wanted or not lenient):
        for container in containers:
            if not (container.get("memory") or container.get("memoryReservation")):
                raise client_error(
                    f"Invalid setting for container '{container['name']}'. At least one of 'memory' or "
                    "'memoryReservation' must be specified."
                )


def _refuse_on_fargate(content: Content) -> None:
    if content.get("pidMode") == "host":
        raise client_error(
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is "
            "'task'."
        )
    if content.get("networkMode", "awsvpc") != "awsvpc":
        raise client_error("Fargate only supports network mode 'awsvpc'.")
    cpu, memory = content.get("cpu"), content.get("memory")
    if content["requiresCompatibilities"] == [FARGATE] and cpu and memory and size_problem(cpu, memory)[0]:
        raise client_error(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")


def with_defaults(content: Content) -> dict[str, Any]:
    """The definition as ECS describes it: with the values that it fills in."""
    wanted = content.get("requiresCompatibilities", [])
    mode = content.get("networkMode") or ("awsvpc" if FARGATE in wanted else "bridge")
    fits = mode == "awsvpc" and bool(content.get("cpu") and content.get("memory"))
    containers = [{**_CONTAINER, **container} for container in content["containerDefinitions"]]
    for container in containers:
        container["portMappings"] = [_port(mapping, mode) for mapping in container["portMappings"]]
    return {
        "volumes": [],
        "placementConstraints": [],
        **{key: value for key, value in content.items() if key != "tags"},
        **({"volumes": [_volume(one) for one in content["volumes"]]} if "volumes" in content else {}),
        "containerDefinitions": containers,
        "networkMode": mode,
        "compatibilities": ["EC2", FARGATE] if FARGATE in wanted or fits else ["EC2"],
    }


def _port(mapping: Content, mode: str) -> dict[str, Any]:
    found = {"protocol": "tcp", **mapping}
    if "containerPort" in found:
        found.setdefault("hostPort", found["containerPort"] if mode in ("awsvpc", "host") else 0)
    return found


def _volume(volume: Content) -> dict[str, Any]:
    if "efsVolumeConfiguration" not in volume:
        return dict(volume)
    return {**volume, "efsVolumeConfiguration": {"rootDirectory": "/", **volume["efsVolumeConfiguration"]}}
