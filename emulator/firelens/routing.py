"""Which containers of a task log through its router, and what follows from that before any file is written.

Source of the rules: the ECS agent's task engine (dependencies, secrets of log options) and the ECS developer guide,
"Send Amazon ECS logs to an AWS service or AWS Partner using FireLens".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.ecs.references import Value
from emulator.ecs.task_definition import ContainerDefinition, ContainerDependency, Secret, TaskDefinition
from emulator.errors import InputError

LOG_DRIVER = "awsfirelens"
METADATA_OPTION = "enable-ecs-log-metadata"
CONFIG_TYPE_OPTION = "config-file-type"
CONFIG_VALUE_OPTION = "config-file-value"

RESERVED_PATHS = frozenset({"/fluent-bit/etc/fluent-bit.conf", "/fluentd/etc/fluent.conf"})
"""Where FireLens puts its own file. Source: ECS developer guide, "Use a custom configuration file"."""

_GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


@dataclass(frozen=True, slots=True)
class Router:
    """The log router of a task and what its FireLens configuration asks for."""

    container: ContainerDefinition
    type: str
    """`fluentbit` or `fluentd`."""
    metadata: bool
    """Whether records get `ecs_cluster`, `ecs_task_arn` and `ecs_task_definition`."""
    config_type: str | None
    """Where the user's own configuration comes from: `file` (in the router's image), `s3`, or None."""
    config_value: str | None
    """A path in the router's image, or the ARN of an S3 object."""

    @property
    def config_path(self) -> str:
        """Where the router's program reads its configuration."""
        return "/fluentd/etc/fluent.conf" if self.type == "fluentd" else "/fluent-bit/etc/fluent-bit.conf"

    @property
    def include_path(self) -> str | None:
        """The path that the generated configuration includes; what is in S3 is downloaded to a fixed place."""
        if self.config_type == "s3":
            return "/fluentd/etc/external.conf" if self.type == "fluentd" else "/fluent-bit/etc/external.conf"
        return self.config_value


def find_router(task_definition: TaskDefinition) -> Router | None:
    """The task's router, None if it has none.

    Raises InputError, in ECS's words, for FireLens options that ECS refuses and for containers that use the
    `awsfirelens` driver in a task without a router.
    """
    container = task_definition.log_router
    if container is None or container.firelens_configuration is None:
        if routed_containers(task_definition):
            raise InputError(
                f"When {LOG_DRIVER} log driver is specified in log configuration, "
                "a firelens configuration object must be configured in one of the containers.",
                hint="give one container a firelensConfiguration, or use another log driver",
            )
        return None
    configuration = container.firelens_configuration
    config_type, config_value = _external_configuration(configuration.options)
    return Router(
        container=container,
        type=configuration.type,
        metadata=configuration.options.get(METADATA_OPTION, "true") in _GO_TRUE,
        config_type=config_type,
        config_value=config_value,
    )


def _external_configuration(options: Mapping[str, str]) -> tuple[str, str] | tuple[None, None]:
    if CONFIG_TYPE_OPTION not in options:
        return None, None
    config_type = options[CONFIG_TYPE_OPTION]
    if config_type not in ("s3", "file"):
        raise InputError(
            f"invalid value {config_type} is specified for option {CONFIG_TYPE_OPTION}",
            hint="Fargate knows only `file`: a path in the router's image",
        )
    if CONFIG_VALUE_OPTION not in options:
        raise InputError(
            f"option {CONFIG_TYPE_OPTION} is specified but {CONFIG_VALUE_OPTION} is not specified",
            hint=f"add the option {CONFIG_VALUE_OPTION}, or remove {CONFIG_TYPE_OPTION}",
        )
    return config_type, options[CONFIG_VALUE_OPTION]


def uses_router(container: ContainerDefinition) -> bool:
    """Whether the container's output goes to the router."""
    return container.log_configuration is not None and container.log_configuration.log_driver == LOG_DRIVER


def routed_containers(task_definition: TaskDefinition) -> list[ContainerDefinition]:
    """The containers whose output goes to the router, in the order of the task definition."""
    return [container for container in task_definition.container_definitions if uses_router(container)]


def router_dependencies(task_definition: TaskDefinition) -> dict[str, ContainerDependency]:
    """The dependencies on the router that ECS adds by itself, by the name of the container that gets one.

    Each container that logs through the router waits for its START, unless it names the router in its own dependsOn.
    None is added if the router itself depends on something. As a real dependency it also makes the router stop last.
    """
    router = find_router(task_definition)
    if router is None or router.container.depends_on:
        return {}
    name = router.container.name
    return {
        container.name: ContainerDependency(container_name=name, condition="START")
        for container in routed_containers(task_definition)
        if container.name != name and all(dependency.container_name != name for dependency in container.depends_on)
    }


def secret_variable(option: str, index: int) -> str:
    """The router's variable that holds a secret log option of the container at that index of the task definition."""
    return f"{option}_{index}"


def router_secrets(task_definition: TaskDefinition) -> list[Secret]:
    """The secrets that the router gets as variables: every secret log option of the containers that log through it."""
    return [
        Secret(name=secret_variable(secret.name, index), value_from=secret.value_from)
        for index, container in enumerate(task_definition.container_definitions)
        if uses_router(container) and container.log_configuration
        for secret in container.log_configuration.secret_options
    ]


def text_option(container: ContainerDefinition, key: str, value: Value) -> str:
    """A log option as text; InputError if it is still a reference."""
    if isinstance(value, str):
        return value
    raise InputError(
        f"log option {key} of container {container.name} has no value yet",
        hint="give the value that it refers to",
        position=value.position,
    )
