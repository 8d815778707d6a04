"""What RegisterTaskDefinition refuses, and what it adds. Pure.

Sources: the ECS API reference (RegisterTaskDefinition), and moto's tests for the texts. What is wrong with a task
definition says `emulator.ecs.registration`, as for `up` and `validate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.api.errors import client_error
from emulator.ecs.fargate import registered_size
from emulator.ecs.plain import NOT_ON_FARGATE
from emulator.ecs.problem import RefusedBy
from emulator.ecs.registration import problems
from emulator.ecs.task_definition import TaskDefinition
from emulator.model import InvalidData, Keys, from_plain

FARGATE = "FARGATE"
_CONTAINER = {"cpu": 0, "portMappings": [], "essential": True, "environment": [], "mountPoints": [], "volumesFrom": []}
_ELSEWHERE = ("tags", *NOT_ON_FARGATE)
"""Members that the model of a task definition has not."""
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_CONDITIONS = "START,COMPLETE,SUCCESS,HEALTHY"

Content = Mapping[str, Any]


def refuse_wrong(content: Content, *, lenient: bool = False, ecs_limits: bool = True) -> None:
    """Raises `ApiError` for what ECS refuses to register. With `lenient`, containers may have no memory where no launch
    type is named, as other emulators take them. Without `ecs_limits` times may be shorter than ECS takes them."""
    containers, wanted = content["containerDefinitions"], content.get("requiresCompatibilities", [])
    for container in containers:
        for key in ("name", "image"):
            if not container.get(key):
                raise client_error(f"Container.{key} should not be null or empty.")
    for one in wanted:
        if one not in ("EC2", FARGATE, "EXTERNAL", "MANAGED_INSTANCES"):
            raise client_error(f"requiresCompatibilities: {one} should be one of [EC2,FARGATE,EXTERNAL]")
    _refuse_problems(content, FARGATE in wanted, ecs_limits)
    if FARGATE not in wanted and not content.get("memory") and (wanted or not lenient):
        for container in containers:
            if not (container.get("memory") or container.get("memoryReservation")):
                raise client_error(
                    f"Invalid setting for container '{container['name']}'. At least one of 'memory' or "
                    "'memoryReservation' must be specified."
                )


def _refuse_problems(content: Content, on_fargate: bool, ecs_limits: bool) -> None:
    """Raises `ApiError` for the first thing that is wrong: ECS names one."""
    refusing = (RefusedBy.ECS, RefusedBy.FARGATE) if on_fargate else (RefusedBy.ECS,)
    for problem in problems(_model(content)):
        if problem.by in refusing and (ecs_limits or not problem.timing):
            raise client_error(problem.words or problem.message)
    for key in NOT_ON_FARGATE if on_fargate else ():
        if content.get(key):
            raise client_error(f"Fargate compatible task definitions do not support {key}")


def _model(content: Content) -> TaskDefinition:
    """The task definition without what the model does not know: kinds of volumes, say, and values that only other
    launch types have. ECS takes them, so they are not judged. Raises `ApiError` for a condition that is none."""
    known: Any = _filled({key: value for key, value in content.items() if key not in _ELSEWHERE})
    while True:
        try:
            return from_plain(TaskDefinition, known)
        except InvalidData as error:
            if any(problem.keys[-1:] == ("condition",) for problem in error.problems):
                raise client_error(f"dependsOn: condition should be one of [{_CONDITIONS}]") from None
            for keys in sorted({_present(known, problem.keys) for problem in error.problems}, reverse=True):
                _remove(known, keys)


def _filled(content: Any) -> Any:
    """A copy with a word in the place of every `${name}`: DescribeTaskDefinition writes these here for what only a
    deployment knows, and clients send them back."""
    if isinstance(content, str):
        return _PLACEHOLDER.sub("value", content)
    if isinstance(content, dict):
        return {key: _filled(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_filled(one) for one in content]
    return content


def _present(content: Any, keys: Keys) -> Keys:
    """The keys as far as they lead to something that is there."""
    inside = content
    for number, key in enumerate(keys):
        there = range(len(inside)) if isinstance(inside, list) else inside if isinstance(inside, dict) else ()
        if key not in there:
            return keys[:number]
        inside = inside[key]
    return keys


def _remove(content: Any, keys: Keys) -> None:
    *before, last = keys
    for key in before:
        content = content[key]
    del content[last]


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
        **registered_size(content.get("cpu"), content.get("memory")),
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
