"""The task definition as AWS::ECS::TaskDefinition."""

from __future__ import annotations

from emulator.ecs.properties import properties
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.render.cloudformation.intrinsics import Commented, Ref
from emulator.render.cloudformation.template import Properties, Template, place
from emulator.render.cloudformation.values import Values

LOG_GROUP = "LogGroup"


def add_task_definition(template: Template, service: Service, values: Values) -> None:
    """Adds the log group and the task definition."""
    template.resource(
        LOG_GROUP,
        "AWS::Logs::LogGroup",
        {"LogGroupName": service.log_group.name, "RetentionInDays": service.log_group.retention_in_days},
        comment="What the containers print, other than through a log router",
        position=service.positions.get("logging"),
    )
    template.resource(
        "TaskDefinition",
        "AWS::ECS::TaskDefinition",
        task_definition_properties(service.task_definition, service, values),
        position=service.positions.get("name"),
        comment="The containers that run as one task",
    )


def task_definition_properties(definition: TaskDefinition, service: Service, values: Values) -> Properties:
    """The properties, in the order of the API."""
    found = properties(definition.model_copy(update={"container_definitions": []}), values.node)
    containers: list[object] = []
    for container in definition.container_definitions:
        it: object = _container(container, service, values)
        position = _position(container.name, service)
        containers.append(Commented(position, it) if position else it)
    order = ("Family", "TaskRoleArn", "ExecutionRoleArn", "NetworkMode", "RequiresCompatibilities", "Cpu", "Memory")
    ordered = {name: found.pop(name) for name in order if name in found}
    return {**ordered, **found, "ContainerDefinitions": containers}


def _container(container: ContainerDefinition, service: Service, values: Values) -> Properties:
    found = properties(container, lambda value: values.node(value, container.name))
    logging = found.get("LogConfiguration")
    if isinstance(logging, dict):
        # awsfirelens wants options, if empty ones.
        options = logging.setdefault("Options", {})
        if options.get("awslogs-group") == service.log_group.name:
            options["awslogs-group"] = Ref(LOG_GROUP)
    return found


def _position(container: str, service: Service) -> str:
    router = service.task_definition.log_router
    path = f"sidecars.{container}"
    if container == service.main_container:
        path = "image" if "image" in service.positions else "name"
    elif router is not None and router.name == container:
        path = "logging"
    position = service.positions.get(path)
    return place(position) if position else ""
