"""A plain ECS task definition as a service: the pivot's second entrance, for what no Copilot manifest describes.

Reads what `aws ecs register-task-definition --cli-input-json` takes and what `aws ecs describe-task-definition` prints.
A task definition says nothing about a load balancer, so the front sends everything to the first port that a container
maps, and takes any answer that is no server error for healthy. Its service has the API's defaults, such as no grace
period.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from emulator.ecs.problem import Problem
from emulator.ecs.references import Value
from emulator.ecs.registration import SHORT_HINT, judge
from emulator.ecs.service import (
    Forward,
    ListenerRule,
    LogGroup,
    PathPattern,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.errors import Finding, FindingsError, InputError, Position
from emulator.files import read_text
from emulator.model import FieldError, InvalidData, from_plain

SERVICE_TYPE = "ECS Service"
OUTPUT_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
)
"""What DescribeTaskDefinition adds and RegisterTaskDefinition does not take."""
NOT_ON_FARGATE = ("placementConstraints", "inferenceAccelerators")
"""What describe-task-definition always prints, empty; Fargate takes it no other way."""


def read_task_definition(path: Path) -> TaskDefinition:
    """The task definition in a JSON file. Raises `FindingsError` with everything that is wrong in it."""
    try:
        text = read_text(path)
        content = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    except json.JSONDecodeError as error:
        position = Position(str(path), error.lineno, error.colno)
        raise InputError(f"not valid JSON: {error.msg}", position=position) from None
    if isinstance(content, dict) and isinstance(content.get("taskDefinition"), dict):
        content = content["taskDefinition"]
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no task definition", hint="a JSON object with `containerDefinitions`")
    empty = [key for key in (*NOT_ON_FARGATE, "proxyConfiguration") if content.get(key) in (None, [], {})]
    given = {key: value for key, value in content.items() if key not in OUTPUT_ONLY and key not in empty}
    try:
        return from_plain(TaskDefinition, given)
    except InvalidData as error:
        raise FindingsError(path, [_finding(path, text, problem) for problem in error.problems]) from None


def refuse_problems(definition: TaskDefinition, path: Path, *, ecs_limits: bool = True) -> None:
    """Raises `FindingsError` with everything that ECS and Fargate refuse of it. Without `ecs_limits` times may be
    shorter than ECS takes them."""
    verdict = judge(definition)
    found = [*verdict.refused, *(verdict.short if ecs_limits else ())]
    if not found:
        return
    text = read_text(path)
    findings = []
    for problem in found:
        keys = [str(key) for key in problem.keys if isinstance(key, str)]
        where = ".".join(str(key) for key in problem.keys)
        hint = problem.hint or (SHORT_HINT if problem.timing and ecs_limits else "")
        position = Position(str(path), _line_of(text, keys, _container_of(definition, problem)))
        findings.append(Finding("CL901", problem.message, position, where, hint))
    raise FindingsError(path, findings)


def _container_of(definition: TaskDefinition, problem: Problem) -> str:
    """The name of the container that a problem is about; empty where it is about the task."""
    if problem.keys[:1] == ("containerDefinitions",) and len(problem.keys) > 1:
        return definition.container_definitions[int(problem.keys[1])].name
    return ""


def service_of(definition: TaskDefinition, *, app: str, environment: str, path: str) -> Service:
    """A service of one task of this definition, named after its family."""
    target = next((found for found in map(_web_port, definition.container_definitions) if found), None)
    groups, rules = [], []
    if target is not None:
        container, port = target
        check = TargetHealthCheck(path="/", success_codes="200-499", stated=("path", "success_codes"))
        groups = [TargetGroup(name="default", container_name=container, container_port=port, health_check=check)]
        action = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
        rules = [ListenerRule(name="default", conditions=[PathPattern(values=["/*"])], action=action, root=True)]
    main = next((c.name for c in definition.container_definitions if c.essential), "")
    return Service(
        app=app,
        environment=environment,
        name=definition.family,
        type=SERVICE_TYPE,
        task_definition=definition,
        main_container=main,
        target_groups=groups,
        listener_rules=rules,
        health_check_grace_period=0,
        log_group=LogGroup(name=_log_group(definition)),
        manifest=path,
        positions=_positions(path, definition),
    )


def _positions(path: str, definition: TaskDefinition) -> dict[str, Position]:
    """Where images and secrets stand in the file, as `containerDefinitions.<container>.<key>`: the lines that have
    these texts, one after the other. JSON keeps no positions; a file that is not there has none."""
    try:
        lines = read_text(path).splitlines()
    except OSError:
        return {}
    found: dict[str, Position] = {}
    seen: dict[str, int] = {}
    for key, text in _texts(definition):
        quoted = json.dumps(text)
        lines_with_it = [number for number, line in enumerate(lines, start=1) if quoted in line]
        if lines_with_it:
            which = seen[quoted] = seen.get(quoted, -1) + 1
            found[key] = Position(path, lines_with_it[min(which, len(lines_with_it) - 1)])
    return found


def _texts(definition: TaskDefinition) -> Iterator[tuple[str, str]]:
    for container in definition.container_definitions:
        block = f"containerDefinitions.{container.name}"
        values: list[tuple[str, Value]] = [(f"{block}.image", container.image)]
        if container.repository_credentials is not None:
            values.append((f"{block}.credentialsParameter", container.repository_credentials.credentials_parameter))
        values += [(f"{block}.secrets.{secret.name}", secret.value_from) for secret in container.secrets]
        log = container.log_configuration
        values += [(f"logging.secretOptions.{s.name}", s.value_from) for s in (log.secret_options if log else ())]
        yield from ((key, value) for key, value in values if isinstance(value, str))


def _web_port(container: ContainerDefinition) -> tuple[str, int] | None:
    ports = [m.container_port for m in container.port_mappings if m.protocol == "tcp" and m.container_port]
    return (container.name, ports[0]) if ports else None


def _log_group(definition: TaskDefinition) -> str:
    for container in definition.container_definitions:
        group = container.log_configuration.options.get("awslogs-group") if container.log_configuration else None
        if isinstance(group, str):
            return group
    return f"/ecs/{definition.family}"


def _finding(path: Path, text: str, problem: FieldError) -> Finding:
    keys = [key for key in problem.keys if isinstance(key, str)]
    message = "no such field of a task definition" if problem.unknown else problem.message
    if keys and keys[0] in NOT_ON_FARGATE:
        message = f"Fargate compatible task definitions do not support {keys[0]}"
    return Finding("CL900", message, Position(str(path), _line_of(text, keys)), problem.where)


def _line_of(text: str, keys: list[str], container: str = "") -> int:
    """The first line that has the innermost key that stands in the file at all, for a container from its name on:
    JSON keeps no positions."""
    lines = text.splitlines()
    name = re.compile(rf'"name"\s*:\s*"{re.escape(container)}"')
    named = next((n for n, line in enumerate(lines, 1) if container and name.search(line)), 0)
    for key in reversed(keys):
        found = [number for number, line in enumerate(lines, start=1) if f'"{key}"' in line]
        if found:
            return next((number for number in found if number >= named), found[-1])
    return named or 1
