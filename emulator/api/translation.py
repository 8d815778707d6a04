"""From a registered task definition to the service that runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from emulator.api.definitions import Definition
from emulator.api.errors import client_error, invalid
from emulator.ecs.container_registration import LOG_DRIVERS
from emulator.ecs.fargate import size_problem
from emulator.ecs.plain import NOT_ON_FARGATE
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.model import InvalidData, from_plain, to_plain
from emulator.render.task_definition import render_task_definition
from emulator.runtime.state.desired import DesiredService

Path = tuple[str, ...]
"""Keys that lead to a value, without the places in lists."""


def described_content(desired: DesiredService) -> dict[str, Any]:
    """The task definition that a service runs on, as RegisterTaskDefinition takes it. What only a deployment knows is
    written as `${name}`, secrets as the references that they are."""
    options = desired.options
    known = {"AWS::Region": options.region, "AWS::AccountId": options.account}
    return render_task_definition(desired.service, known, placeholders=True)


def kept_definition(desired: DesiredService) -> Definition:
    """The task definition of a manifest that a service runs on."""
    options, service = desired.options, desired.service
    kept = {"service": to_plain(service), "images": dict(options.images)}
    return Definition(
        service.task_definition.family,
        desired.revision,
        described_content(desired),
        options.region,
        options.account,
        kept=kept,
    )


def model_of(definition: Definition, current: DesiredService | None = None) -> TaskDefinition:
    """The task definition as it runs here. Texts that DescribeTaskDefinition wrote in the place of references of the
    `current` one stand for those. Raises `ApiError` for what cannot run on Fargate."""
    if definition.kept:
        return from_plain(Service, definition.kept["service"]).task_definition
    content: Any = {
        key: value
        for key, value in definition.content.items()
        if not (key in (*NOT_ON_FARGATE, "proxyConfiguration") and not value)
    }
    if current is not None:
        references = dict(_references(to_plain(current.service.task_definition), described_content(current), ()))
        content = _put_back(content, references, ())
    try:
        return from_plain(TaskDefinition, content)
    except InvalidData as error:
        raise client_error(f"{definition.arn} cannot run on Fargate: {error}") from None


def as_on_fargate(definition: Definition) -> TaskDefinition:
    """A task definition of any launch type as it runs in a created cluster: in a network of its own, without the task's
    size where Fargate has none such, and without log drivers of EC2, whose lines stay on this machine. Raises
    `ApiError`, as `model_of`."""
    content = definition.content
    if definition.kept:
        return model_of(definition)
    cpu, memory = content.get("cpu"), content.get("memory")
    left = {"requiresCompatibilities", "placementConstraints"}
    left |= {"cpu", "memory"} if size_problem(cpu, memory)[0] else set()
    kept: dict[str, Any] = {key: value for key, value in content.items() if key not in left}
    kept["networkMode"] = "awsvpc"
    kept["containerDefinitions"] = [_on_fargate(one) for one in content["containerDefinitions"]]
    return model_of(replace(definition, content=kept))


def _on_fargate(container: dict[str, Any]) -> dict[str, Any]:
    """A container without ports of its machine, since in a network of its own there are none, and without a log driver
    that Fargate has not."""
    mappings = [
        {key: value for key, value in one.items() if key != "hostPort"} for one in container.get("portMappings", ())
    ]
    own = {**container, "portMappings": mappings}
    if own.get("logConfiguration", {}).get("logDriver", LOG_DRIVERS[0]) not in LOG_DRIVERS:
        del own["logConfiguration"]
    return own


def _references(plain: Any, rendered: Any, path: Path) -> Iterator[tuple[tuple[Path, str], Any]]:
    """By where they stand and their texts, the values of a definition that are no texts."""
    if isinstance(rendered, str):
        if not isinstance(plain, str):
            yield (path, rendered), plain
    elif isinstance(rendered, dict):
        for key, value in rendered.items():
            yield from _references(plain.get(key), value, (*path, key))
    elif isinstance(rendered, list):
        for one, shown in zip(plain, rendered, strict=True):
            yield from _references(one, shown, path)


def _put_back(content: Any, references: Mapping[tuple[Path, str], Any], path: Path) -> Any:
    if isinstance(content, str):
        return references.get((path, content), content)
    if isinstance(content, dict):
        return {key: _put_back(value, references, (*path, key)) for key, value in content.items()}
    if isinstance(content, list):
        return [_put_back(one, references, path) for one in content]
    return content


def with_definition(service: Service, definition: TaskDefinition) -> Service:
    """The service on another task definition. Raises `ApiError` where that lacks what a load balancer forwards to."""
    containers = {one.name: one for one in definition.container_definitions}
    for group in service.target_groups:
        container = containers.get(group.container_name)
        if container is None:
            raise invalid(f"The container {group.container_name} does not exist in the task definition.")
        if group.container_port not in [mapping.container_port for mapping in container.port_mappings]:
            raise invalid(
                f"The container {group.container_name} did not have a container port {group.container_port} defined."
            )
    main = service.main_container
    if main not in containers:
        main = next((one.name for one in definition.container_definitions if one.essential), "")
    update: dict[str, Any] = {"task_definition": definition, "main_container": main, "manifest": "", "positions": {}}
    return service.model_copy(update=update)


def images_of(definition: Definition, model: TaskDefinition, current: DesiredService) -> dict[str, str]:
    """The local images of containers, by name, that are known: those of a manifest's definition, and those of
    containers that the manifest built."""
    if definition.kept:
        found: dict[str, str] = definition.kept["images"]
        return found
    before = {one.name: one.image for one in current.service.task_definition.container_definitions}
    return {
        one.name: current.options.images[one.name]
        for one in model.container_definitions
        if not isinstance(one.image, str) and one.image == before.get(one.name) and one.name in current.options.images
    }


def inherited(model: TaskDefinition, current: DesiredService) -> dict[str, list[str]]:
    """The private variables, by container, that are the same as in the definition that runs."""
    before = {one.name: _secrets(one) for one in current.service.task_definition.container_definitions}
    found = {}
    for container in model.container_definitions:
        secrets, old = _secrets(container), before.get(container.name, {})
        found[container.name] = [
            name for name in current.private_names.get(container.name, ()) if secrets.get(name) == old.get(name)
        ]
    return found


def _secrets(container: ContainerDefinition) -> dict[str, object]:
    return {secret.name: secret.value_from for secret in container.secrets}
