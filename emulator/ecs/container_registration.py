"""What RegisterTaskDefinition and Fargate refuse of one container. Pure.

Sources: the ECS API reference (ContainerDefinition) and the ECS developer guide on Fargate's differences. The words of
ECS are those that users of its clients report.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pydantic.alias_generators import to_camel

from emulator.ecs.problem import Problem, RefusedBy
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.secret_names import reference_problem, variable_problem

MOST_ENVIRONMENT_FILES = 10
MOST_IGNORED_CODES = 50
HIGHEST_PORT = 65535
LEAST_MEMORY = 6
"""MiB; Docker takes no less."""
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
"""Those of Fargate."""
_AWSLOGS = ("awslogs-region", "awslogs-group")
_STREAM_PREFIX = "awslogs-stream-prefix"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
UNSUPPORTED = "Fargate compatible task definitions do not support {}"
"""ECS's words for a field that is for other launch types."""
_NOT_WITH_AWSVPC = "{} not supported on container when networkMode=awsvpc."
_FIELDS = {
    "privileged": ("is privileged", "Fargate requires that the 'privileged' setting be 'false'"),
    "links": ("uses links", "Links are not supported when networkMode=awsvpc."),
    "hostname": ("uses hostname", _NOT_WITH_AWSVPC.format("hostname is")),
    "disable_networking": ("uses disableNetworking", _NOT_WITH_AWSVPC.format("Disable Networking is")),
    "dns_servers": ("uses dnsServers", _NOT_WITH_AWSVPC.format("DNS servers are")),
    "dns_search_domains": ("uses dnsSearchDomains", ""),
    "extra_hosts": ("uses extraHosts", _NOT_WITH_AWSVPC.format("Extra hosts are")),
    "docker_security_options": ("uses dockerSecurityOptions", UNSUPPORTED.format("dockerSecurityOptions")),
    "resource_requirements": (
        "uses resourceRequirements",
        "Tasks using the Fargate launch type do not support GPU resource requirements",
    ),
    "credential_specs": ("uses credentialSpecs", ""),
}
"""Attributes that Fargate refuses, what a container with them does, and ECS's words."""
_LINUX_FIELDS = ("devices", "shared_memory_size", "tmpfs", "max_swap", "swappiness")
_PARAMETERS = ("net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue.")
_CAPABILITIES = ("SYS_PTRACE",)
"""What Fargate lets a container have beyond Docker's default set."""
_TIMES = {"interval": (5, 300), "timeout": (2, 60), "start_period": (0, 300)}


def container_problems(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[Problem]:
    """What is wrong with one container of a task definition."""
    base = ("containerDefinitions", definition.container_definitions.index(container))
    for found in (
        *_fargate(container),
        *_sizes(container),
        *_variables(container),
        *_network(container, definition),
        *_volumes(container, definition),
        *_logs(container, definition),
        *_times(container),
    ):
        yield replace(found, message=f"container {container.name} {found.message}", keys=(*base, *found.keys))


def _row(
    message: str,
    *keys: str | int,
    hint: str = "",
    timing: bool = False,
    by: RefusedBy = RefusedBy.FARGATE,
    words: str = "",
) -> Problem:
    return Problem(message, keys, hint, timing, by, words)


def _fargate(container: ContainerDefinition) -> Iterator[Problem]:
    if not _NAME.fullmatch(container.name):
        yield _row("has a name that ECS does not take", "name", hint="letters, digits, - and _, 255 at most",
                   by=RefusedBy.ECS, words="Container.name contains invalid characters.")  # fmt: skip
    for field, (use, words) in _FIELDS.items():
        if getattr(container, field):
            yield _row(f"{use}, which Fargate refuses", to_camel(field), words=words)
    linux = container.linux_parameters
    for field in _LINUX_FIELDS:
        if linux is not None and getattr(linux, field) not in (None, []):
            name = to_camel(field)
            message = f"uses linuxParameters.{name}, which Fargate refuses"
            yield _row(message, "linuxParameters", name, words=UNSUPPORTED.format(name))
    added = linux.capabilities.add if linux is not None and linux.capabilities is not None else []
    for capability in added:
        if capability not in _CAPABILITIES:
            yield _row(f"adds {capability}; Fargate lets a container add {_CAPABILITIES[0]} alone", "linuxParameters",
                       "capabilities", "add", words=f"{capability} is not allowed on Fargate.")  # fmt: skip
    for limit in container.ulimits:
        if limit.name != "nofile":
            message = f"sets the ulimit {limit.name}; Fargate lets it set nofile alone"
            yield _row(message, "ulimits", by=RefusedBy.LATER)
        elif limit.soft_limit > limit.hard_limit:
            yield _row("has a soft limit of nofile above the hard one", "ulimits")


def _sizes(container: ContainerDefinition) -> Iterator[Problem]:
    memory, reservation = container.memory, container.memory_reservation
    for name, value in (("memory", memory), ("memoryReservation", reservation)):
        if value is not None and value < LEAST_MEMORY:
            yield _row(f"has a {name} of {value} MiB; {LEAST_MEMORY} is the least", name, by=RefusedBy.LATER)
    if memory and reservation and reservation > memory:
        words = (
            f"Invalid setting for container '{container.name}'. 'memory' must be greater than or equal to "
            "'memoryReservation'."
        )
        message = "reserves more memory than it may have: memory must not be below memoryReservation"
        yield _row(message, "memory", by=RefusedBy.ECS, words=words)


def _variables(container: ContainerDefinition) -> Iterator[Problem]:
    names = Counter(secret.name for secret in container.secrets)
    given = {pair.name for pair in container.environment}
    places = {secret.name: number for number, secret in enumerate(container.secrets)}
    for name, times in names.items():
        if name in given or times > 1:
            rule = (
                "name must be unique and not shared with any new or existing environment variables set on the "
                f"container, such as '{name}'"
            )
            words = f"The secret {rule}."
            yield _row(f"has a secret whose {rule}", "secrets", places[name], by=RefusedBy.ECS, words=words)
    yield from _references(container)
    for pair in container.environment:
        if not pair.name or "=" in pair.name:
            yield _row(f"has a variable with the name {pair.name!r}", "environment", hint="rename it",
                       by=RefusedBy.LATER)  # fmt: skip
    files = len(container.environment_files)
    if files > MOST_ENVIRONMENT_FILES:
        message = f"has {files} environment files; ECS takes {MOST_ENVIRONMENT_FILES} at most"
        yield _row(message, "environmentFiles")
    for file in container.environment_files:
        if isinstance(file.value, str) and not file.value.endswith(".env"):
            message = f"has an environment file that does not end in .env: {file.value}"
            yield _row(message, "environmentFiles", by=RefusedBy.LATER)


def _references(container: ContainerDefinition) -> Iterator[Problem]:
    """Names of the variables that secrets are put into, and what `valueFrom` may be."""
    for secret in container.secrets:
        if problem := variable_problem(secret.name):
            message = f"has a secret of a name that does not work: {problem}"
            yield _row(message, "secrets", hint="rename it", by=RefusedBy.LATER)
    options = container.log_configuration.secret_options if container.log_configuration else []
    rows = [(secret, "secrets") for secret in container.secrets] + [(it, "logConfiguration") for it in options]
    for secret, key in rows:
        if isinstance(secret.value_from, str) and (problem := reference_problem(secret.value_from)):
            hint = "give the name of an SSM parameter, or the ARN of one or of a Secrets Manager secret"
            message = f"has a secret {secret.name} that ECS refuses: {problem}"
            if not secret.value_from.startswith("arn:"):
                message = (
                    f"has a secret that ECS refuses: the Systems Manager parameter name specified for secret "
                    f"{secret.name} is invalid: {problem}"
                )
            yield _row(message, key, hint=hint)


def _network(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[Problem]:
    mode = definition.network_mode or "awsvpc"
    for mapping in container.port_mappings:
        if mapping.host_port is not None and mapping.host_port not in (0, mapping.container_port):
            rule = "the host ports and container ports in port mappings must match"
            message = f"maps port {mapping.container_port} to {mapping.host_port}: when networkMode=awsvpc, {rule}"
            words = f"When networkMode={mode}, {rule}."
            yield _row(message, "portMappings", hint="leave hostPort out", by=one_network(definition), words=words)
        if mapping.container_port is not None and not 0 < mapping.container_port <= HIGHEST_PORT:
            words = f"Invalid 'containerPort' setting for container '{container.name}'."
            message = f"maps port {mapping.container_port}; ports are 1 to {HIGHEST_PORT}"
            yield _row(message, "portMappings", by=RefusedBy.ECS, words=words)
        if (mapping.container_port is None) == (mapping.container_port_range is None):
            words = ""
            if mapping.container_port is None:
                words = f"Invalid 'containerPort' setting for container '{container.name}'."
            message = "has a port mapping without exactly one of containerPort and containerPortRange"
            yield _row(message, "portMappings", by=RefusedBy.ECS, words=words)
        if mapping.container_port_range and not port_range(mapping.container_port_range):
            yield _row(f"has a containerPortRange of {mapping.container_port_range}; like 8000-8010", "portMappings")
    for control in container.system_controls:
        if not control.namespace.startswith(_PARAMETERS):
            message = f"sets {control.namespace}; systemControls set those of the network and of IPC alone"
            yield _row(message, "systemControls")


def _volumes(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[Problem]:
    known = {volume.name for volume in definition.volumes}
    for point in container.mount_points:
        if point.source_volume not in known:
            hint = f"volumes: {', '.join(sorted(known)) or 'none'}"
            yield _row(f"mounts a volume that is not there: Invalid volume referenced: {point.source_volume}",
                       "mountPoints", hint=hint, by=RefusedBy.ECS,
                       words=f"Unknown volume '{point.source_volume}'.")  # fmt: skip
    others = {other.name for other in definition.container_definitions} - {container.name}
    for source in container.volumes_from:
        if source.source_container not in others:
            yield _row(f"takes volumes from {source.source_container}, which is not there", "volumesFrom")


def _logs(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[Problem]:
    logs = container.log_configuration
    if logs is None:
        return
    if logs.log_driver not in LOG_DRIVERS:
        hint = f"Fargate's: {', '.join(LOG_DRIVERS)}"
        words = f"{logs.log_driver} is not a valid log driver. Must be one of [{','.join(LOG_DRIVERS)}]"
        message = f"logs with {logs.log_driver}, which Fargate refuses"
        yield _row(message, "logConfiguration", "logDriver", hint=hint, words=words)
    if logs.log_driver == "awslogs":
        missing = [name for name in (*_AWSLOGS, _STREAM_PREFIX) if name not in logs.options]
        if missing:
            needed = ", ".join(name for name in missing if name in _AWSLOGS)
            words = f"Log driver awslogs requires options: {needed}"
            if not needed:
                words = f"Fargate requires log configuration options to include {_STREAM_PREFIX}"
            message = f"logs with awslogs without {', '.join(missing)}, which Fargate requires"
            yield _row(message, "logConfiguration", words=words)
    if logs.log_driver == "awsfirelens" and definition.log_router is None:
        words = (
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
            "configured in one of the containers."
        )
        hint = "give one container a firelensConfiguration, or use another log driver"
        message = "logs with awsfirelens, but no container has a firelensConfiguration"
        yield _row(message, "logConfiguration", hint=hint, by=RefusedBy.ECS, words=words)


def _times(container: ContainerDefinition) -> Iterator[Problem]:
    check = container.health_check
    if check is not None:
        for field, (least, most) in _TIMES.items():
            value = getattr(check, field)
            if value is not None and not least <= value <= most:
                name = to_camel(field)
                message = f"has a health check {name} of {value} s; ECS takes {least} to {most}"
                yield _row(message, "healthCheck", name, timing=value < least, by=RefusedBy.ECS)
        if check.retries is not None and not 1 <= check.retries <= 10:
            message = f"has a health check with {check.retries} retries; ECS takes 1 to 10"
            yield _row(message, "healthCheck", "retries", by=RefusedBy.ECS)
        if not check.command or (check.command[0] in ("CMD", "CMD-SHELL") and len(check.command) < 2):
            yield _row("has a health check without a command", "healthCheck", "command")
    for field, least, most in (("start_timeout", 2, 120), ("stop_timeout", 2, 120)):
        value = getattr(container, field)
        if value is not None and not least <= value <= most:
            message = f"has a {to_camel(field)} of {value} s; Fargate takes {least} to {most}"
            yield _row(message, to_camel(field), timing=value < least)
    policy = container.restart_policy
    if policy is None:
        return
    if len(policy.ignored_exit_codes) > MOST_IGNORED_CODES:
        message = f"ignores {len(policy.ignored_exit_codes)} exit codes; ECS takes {MOST_IGNORED_CODES} at most"
        yield _row(message, "restartPolicy", "ignoredExitCodes")
    period = policy.restart_attempt_period
    if period is not None and not 60 <= period <= 1800:
        message = f"has a restartAttemptPeriod of {period} s; ECS takes 60 to 1800"
        yield _row(message, "restartPolicy", "restartAttemptPeriod", timing=period < 60)


def one_network(definition: TaskDefinition) -> RefusedBy:
    """Who refuses what cannot be where all containers of a task have one network: it may be on EC2 with `bridge`."""
    return RefusedBy.ECS if definition.network_mode in ("awsvpc", "host") else RefusedBy.FARGATE


def port_range(text: str) -> range:
    """The ports of a `containerPortRange`; none of a text that is no range of ports."""
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text, re.ASCII)
    if found is None or not 0 < int(found[1]) <= int(found[2]) <= HIGHEST_PORT:
        return range(0)
    return range(int(found[1]), int(found[2]) + 1)
