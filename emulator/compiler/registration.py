"""What ECS refuses when the task definition of a manifest is registered, at the manifest's or the patch's line."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.compiler.context import FindPosition, Surroundings
from emulator.compiler.patches import for_task_definition
from emulator.compiler.property_tree import property_key
from emulator.compiler.values import snake_case
from emulator.ecs.problem import Problem
from emulator.ecs.properties import property_name
from emulator.ecs.registration import problems
from emulator.ecs.service import Service
from emulator.errors import Position
from emulator.manifest.schema.workload import Workload

_TASK_KEYS = {"volumes": "storage.volumes", "ephemeralStorage": "storage.ephemeral", "containerDefinitions": "sidecars"}
_MAIN_KEYS = {
    "environment": "variables",
    "environmentFiles": "env_file",
    "mountPoints": "storage.volumes",
    "healthCheck": "image.healthcheck",
    "dependsOn": "image.depends_on",
    "logConfiguration": "logging",
    "portMappings": "image.port",
    "repositoryCredentials": "image.credentials",
}
_SIDECAR_KEYS = {
    "environment": "variables",
    "environmentFiles": "env_file",
    "mountPoints": "mount_points",
    "healthCheck": "healthcheck",
    "dependsOn": "depends_on",
    "portMappings": "port",
    "repositoryCredentials": "credentialsParameter",
}


def registration_problems(
    service: Service, manifest: Workload, surroundings: Surroundings, find: FindPosition
) -> Iterator[tuple[Problem, str, Position | None]]:
    """Everything that ECS refuses of the service's task definition, each with the manifest's path and the line that it
    comes from; nothing where it would be registered."""
    for problem in problems(service.task_definition):
        yield problem, *_place(problem, service, manifest, surroundings, find)


def _place(
    problem: Problem, service: Service, manifest: Workload, surroundings: Surroundings, find: FindPosition
) -> tuple[str, Position | None]:
    """The manifest's path and line that a problem comes from, or the line of the override or patch."""
    for path, position, keys in _changes(manifest, surroundings, find):
        common = min(len(keys), len(problem.keys), 3)
        if common and [str(key) for key in keys[:common]] == [_property(key) for key in problem.keys[:common]]:
            return path, position
    path = _path(problem, service, find)
    steps = path
    if (output := _output_of(problem, service, surroundings)) is not None and find(path) is None:
        return "", output
    while steps:
        if (position := find(steps)) is not None:
            return steps, position
        steps = steps.rpartition(".")[0]
    return "", find("name")


def _property(key: str | int) -> str:
    return property_name(key) if isinstance(key, str) else str(key)


def _changes(
    manifest: Workload, surroundings: Surroundings, find: FindPosition
) -> Iterator[tuple[str, Position | None, list[str]]]:
    """Patches and overrides, the last first: the path that a finding names, the line, and the keys that it wrote at."""
    for patch in reversed(for_task_definition(surroundings.patches)):
        yield "", patch.position, patch.path
    for number, rule in reversed(list(enumerate(manifest.taskdef_overrides))):
        keys: list[str] = []
        for segment in rule.path.split("."):
            name, bracket, index = segment.partition("[")
            keys += [property_key(name), *([index.rstrip("]")] if bracket else [])]
        path = f"taskdef_overrides[{number}]"
        yield path, find(path), keys


def _secret(problem: Problem, service: Service) -> str | None:
    """The name of the secret that a problem is about."""
    match problem.keys:
        case ("containerDefinitions", int() as number, "secrets", int() as place):
            return service.task_definition.container_definitions[number].secrets[place].name
        case _:
            return None


def _output_of(problem: Problem, service: Service, surroundings: Surroundings) -> Position | None:
    """Where the output of an addon stands that a secret comes from."""
    name, template = _secret(problem, service), surroundings.addon_template
    outputs = (output for output in surroundings.addons.secrets if snake_case(output) == name)
    output = next(outputs, None)
    return template.positions.get(f"Outputs.{output}") if template is not None and output is not None else None


def _path(problem: Problem, service: Service, find: FindPosition) -> str:
    path, name = _block(problem, service), _secret(problem, service)
    if name is None or find(f"{path}.{name}") is not None:
        return path if name is None else f"{path}.{name}"
    # A secret that an addon puts out, and a variable of its name.
    return f"{path.removesuffix('secrets')}variables.{name}"


def _block(problem: Problem, service: Service) -> str:
    if problem.keys[:1] != ("containerDefinitions",) or len(problem.keys) < 2:
        first = str(problem.keys[0]) if problem.keys else ""
        return _TASK_KEYS.get(first, first)
    container = service.task_definition.container_definitions[int(problem.keys[1])]
    key = str(problem.keys[2]) if len(problem.keys) > 2 else ""
    if container.name == service.main_container:
        return _MAIN_KEYS.get(key, key) or "image"
    if container.firelens_configuration is not None:
        return f"logging.{_SIDECAR_KEYS.get(key, key)}"
    return f"sidecars.{container.name}.{_SIDECAR_KEYS.get(key, key)}"
