"""What each container that logs through the router gets: Docker log driver options and variables.

Source: the ECS agent's Docker task engine; options that it does not name are not passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.errors import InputError
from emulator.firelens.ecs_config import BUFFER_LIMIT_OPTION, FORWARD_PORT
from emulator.firelens.routing import find_router, text_option, uses_router

RELAY_SOCKET = "relay.sock"
"""Beside the router's: of what keeps each line until the router has stored it (`emulator.agent.log_relay.relay`)."""
IDENTITY_FIELDS = ("container_id", "container_name")
"""The fields that name a record's container: as on Fargate, or with ECS's own driver mode as Docker names it."""
_DOCKERS_COPY = {"mode": "blocking", "cache-disabled": "false"}
"""Options that keep Docker's own copy of the output whole, which is what went in when lines are counted or drained.

Where no mode is given, Docker writes the copy through a ring buffer of 1 MB, and drops what finds it full without a
word (moby, daemon/logger/loggerutils/cache/local_cache.go); the driver itself blocks in either case. A daemon's own
log options can switch the copy off.
"""
MAX_SOCKET_PATH = 107
"""Bytes of a unix socket's path that Linux takes, without the closing zero."""


@dataclass(frozen=True, slots=True)
class DockerLogConfiguration:
    """A Docker log driver with its options."""

    driver: str
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    """Labels of the container whose values the driver puts into each record, under the label's name."""


def record_tag(container: str, identity: TaskIdentity) -> str:
    """The tag of the records that a container's output becomes."""
    return f"{container}-firelens-{identity.task_id}"


def docker_log_configuration(
    container: ContainerDefinition, identity: TaskIdentity, socket: str, *, asynchronous: bool = False
) -> DockerLogConfiguration:
    """The log driver of a container that logs through the router.

    `socket` is the router's socket as the Docker daemon sees it. `asynchronous` is how ECS on EC2 runs the driver: the
    container never waits for the router, and what is queued when it exits is dropped. Otherwise records carry the name
    and id that Fargate gives the container: fields that come from labels win over Docker's own of the same name.
    Raises InputError if the container does not log through the router or the socket's path is too long.
    """
    if not uses_router(container) or container.log_configuration is None:
        raise InputError(f"container {container.name} does not log through a log router")
    if len(socket.encode()) > MAX_SOCKET_PATH:
        raise InputError(
            f"the log router's socket {socket} has a path of {len(socket.encode())} bytes; "
            f"a unix socket takes {MAX_SOCKET_PATH}",
            hint="use shorter names for application, environment and service, or a shorter Docker data folder",
        )
    options = {
        "tag": record_tag(container.name, identity),
        "fluentd-address": f"unix://{socket}",
        "fluentd-async": "true" if asynchronous else "false",
        "fluentd-sub-second-precision": "true",
        **_DOCKERS_COPY,
    }
    labels = {} if asynchronous or identity.ec2_instance_id else identity_labels(container, identity)
    if labels:
        options["labels"] = ",".join(labels)
    log_options = container.log_configuration.options
    if BUFFER_LIMIT_OPTION in log_options:
        options["fluentd-buffer-limit"] = text_option(container, BUFFER_LIMIT_OPTION, log_options[BUFFER_LIMIT_OPTION])
    return DockerLogConfiguration("fluentd", options, labels)


def identity_labels(container: ContainerDefinition, identity: TaskIdentity) -> dict[str, str]:
    """The fields by which Fargate's records name a container, as Docker labels."""
    return dict(zip(IDENTITY_FIELDS, (identity.container_id(container.name), container.name), strict=True))


def fluent_variables(
    task_definition: TaskDefinition, container: ContainerDefinition, router_address: str = ""
) -> dict[str, str]:
    """The variables that tell a container where the router listens; they go before the user's own of the same name.

    Only containers with the `awsfirelens` driver get them, and only where the router listens on a port. In the
    `awsvpc` mode that is loopback; in the `bridge` mode it is `router_address`, the router's address on the bridge.
    """
    if not uses_router(container):
        return {}
    mode = task_definition.network_mode or "bridge"
    if mode == "awsvpc":
        return {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": str(FORWARD_PORT)}
    if mode != "bridge":
        return {}
    if not router_address:
        raise InputError("unable to get BridgeIP for task in bridge mode")
    return {"FLUENT_HOST": router_address, "FLUENT_PORT": str(FORWARD_PORT)}


def router_variables(task_definition: TaskDefinition) -> dict[str, str]:
    """The variables that ECS sets on the router itself, secrets apart."""
    router = find_router(task_definition)
    return {"FLUENT_UID": "0"} if router and router.type == "fluentd" else {}
