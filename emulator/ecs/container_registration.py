"""What RegisterTaskDefinition and Fargate refuse of one container. Pure.

Source: the ECS API reference (ContainerDefinition) and the ECS developer guide on Fargate's differences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from emulator.ecs.problem import Problem
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.secret_names import reference_problem, variable_problem

MOST_ENVIRONMENT_FILES = 10
MOST_IGNORED_CODES = 50
LEAST_MEMORY = 6
"""MiB; Docker takes no less."""
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
"""Those of Fargate."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_FIELDS = {
    "privileged": "is privileged",
    "links": "uses links",
    "hostname": "uses hostname",
    "disable_networking": "uses disableNetworking",
    "dns_servers": "uses dnsServers",
    "dns_search_domains": "uses dnsSearchDomains",
    "extra_hosts": "uses extraHosts",
    "docker_security_options": "uses dockerSecurityOptions",
    "resource_requirements": "uses resourceRequirements",
    "credential_specs": "uses credentialSpecs",
}
_LINUX_FIELDS = {
    "devices": "devices",
    "shared_memory_size": "sharedMemorySize",
    "tmpfs": "tmpfs",
    "max_swap": "maxSwap",
    "swappiness": "swappiness",
}
_PARAMETERS = ("net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue.")
_CAPABILITIES = ("SYS_PTRACE",)
"""What Fargate lets a container have beyond Docker's default set."""
_TIMES = {"interval": (5, 300), "timeout": (2, 60), "start_period": (0, 300)}


def container_problems(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[Problem]:
    """What is wrong with one container of a task definition."""
    base = ("containerDefinitions", definition.container_definitions.index(container))
    who = f"container {container.name}"
    for message, keys, hint, timing in (
        *_fargate(container),
        *_sizes(container),
        *_variables(container),
        *_network(container),
        *_volumes(container, definition),
        *_logs(container),
        *_times(container),
    ):
        yield Problem(f"{who} {message}", (*base, *keys), hint, timing)


_Row = tuple[str, tuple[str | int, ...], str, bool]


def _row(message: str, *keys: str | int, hint: str = "", timing: bool = False) -> _Row:
    return message, keys, hint, timing


def _fargate(container: ContainerDefinition) -> Iterator[_Row]:
    if not _NAME.fullmatch(container.name):
        yield _row("has a name that ECS does not take", "name", hint="letters, digits, - and _, 255 at most")
    for field, words in _FIELDS.items():
        if getattr(container, field):
            yield _row(f"{words}, which Fargate refuses", _api(field))
    linux = container.linux_parameters
    for field, name in _LINUX_FIELDS.items():
        if linux is not None and getattr(linux, field) not in (None, []):
            yield _row(f"uses linuxParameters.{name}, which Fargate refuses", "linuxParameters", name)
    added = linux.capabilities.add if linux is not None and linux.capabilities is not None else []
    for capability in added:
        if capability not in _CAPABILITIES:
            yield _row(f"adds {capability}; Fargate lets a container add {_CAPABILITIES[0]} alone", "linuxParameters",
                       "capabilities", "add")  # fmt: skip
    for limit in container.ulimits:
        if limit.name != "nofile":
            yield _row(f"sets the ulimit {limit.name}; Fargate lets it set nofile alone", "ulimits")
        elif limit.soft_limit > limit.hard_limit:
            yield _row("has a soft limit of nofile above the hard one", "ulimits")


def _sizes(container: ContainerDefinition) -> Iterator[_Row]:
    memory, reservation = container.memory, container.memory_reservation
    for name, value in (("memory", memory), ("memoryReservation", reservation)):
        if value is not None and value < LEAST_MEMORY:
            yield _row(f"has a {name} of {value} MiB; {LEAST_MEMORY} is the least", name)
    if memory and reservation and reservation >= memory:
        yield _row("reserves as much memory as it may have, or more: memory must be above memoryReservation", "memory")


def _variables(container: ContainerDefinition) -> Iterator[_Row]:
    names = Counter(secret.name for secret in container.secrets)
    given = {pair.name for pair in container.environment}
    for name, times in names.items():
        if name in given or times > 1:
            message = (
                "has a secret whose name must be unique and not shared with any new or existing environment variables "
                f"set on the container, such as '{name}'"
            )
            yield _row(message, "secrets")
    yield from _references(container)
    files = len(container.environment_files)
    if files > MOST_ENVIRONMENT_FILES:
        message = f"has {files} environment files; ECS takes {MOST_ENVIRONMENT_FILES} at most"
        yield _row(message, "environmentFiles")
    for file in container.environment_files:
        if isinstance(file.value, str) and not file.value.endswith(".env"):
            yield _row(f"has an environment file that does not end in .env: {file.value}", "environmentFiles")


def _references(container: ContainerDefinition) -> Iterator[_Row]:
    """Names of the variables that secrets are put into, and what `valueFrom` may be."""
    for secret in container.secrets:
        if problem := variable_problem(secret.name):
            yield _row(f"has a secret of a name that does not work: {problem}", "secrets", hint="rename it")
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


def _network(container: ContainerDefinition) -> Iterator[_Row]:
    for mapping in container.port_mappings:
        if mapping.host_port is not None and mapping.host_port not in (0, mapping.container_port):
            message = (
                f"maps port {mapping.container_port} to {mapping.host_port}: when networkMode=awsvpc, the host ports "
                "and container ports in port mappings must match"
            )
            yield _row(message, "portMappings", hint="leave hostPort out")
        if (mapping.container_port is None) == (mapping.container_port_range is None):
            yield _row("has a port mapping without exactly one of containerPort and containerPortRange", "portMappings")
        span = re.fullmatch(r"(\d+)-(\d+)", mapping.container_port_range or "")
        if mapping.container_port_range and (span is None or not 0 < int(span[1]) <= int(span[2]) <= 65535):
            yield _row(f"has a containerPortRange of {mapping.container_port_range}; like 8000-8010", "portMappings")
    for control in container.system_controls:
        if not control.namespace.startswith(_PARAMETERS):
            message = f"sets {control.namespace}; systemControls set those of the network and of IPC alone"
            yield _row(message, "systemControls")


def _volumes(container: ContainerDefinition, definition: TaskDefinition) -> Iterator[_Row]:
    known = {volume.name for volume in definition.volumes}
    for point in container.mount_points:
        if point.source_volume not in known:
            hint = f"volumes: {', '.join(sorted(known)) or 'none'}"
            yield _row(f"mounts a volume that is not there: Invalid volume referenced: {point.source_volume}",
                       "mountPoints", hint=hint)  # fmt: skip
    others = {other.name for other in definition.container_definitions} - {container.name}
    for source in container.volumes_from:
        if source.source_container not in others:
            yield _row(f"takes volumes from {source.source_container}, which is not there", "volumesFrom")


def _logs(container: ContainerDefinition) -> Iterator[_Row]:
    logs = container.log_configuration
    if logs is None:
        return
    if logs.log_driver not in LOG_DRIVERS:
        hint = f"Fargate's: {', '.join(LOG_DRIVERS)}"
        yield _row(f"logs with {logs.log_driver}, which Fargate refuses", "logConfiguration", "logDriver", hint=hint)
    if logs.log_driver == "awslogs":
        missing = [
            name for name in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix") if name not in logs.options
        ]
        if missing:
            yield _row(f"logs with awslogs without {', '.join(missing)}, which Fargate requires", "logConfiguration")


def _times(container: ContainerDefinition) -> Iterator[_Row]:
    check = container.health_check
    if check is not None:
        for field, (least, most) in _TIMES.items():
            value = getattr(check, field)
            if value is not None and not least <= value <= most:
                name = _api(field)
                message = f"has a health check {name} of {value} s; ECS takes {least} to {most}"
                yield _row(message, "healthCheck", name, timing=value < least)
        if check.retries is not None and not 1 <= check.retries <= 10:
            yield _row(f"has a health check with {check.retries} retries; ECS takes 1 to 10", "healthCheck", "retries")
        if not check.command or (check.command[0] in ("CMD", "CMD-SHELL") and len(check.command) < 2):
            yield _row("has a health check without a command", "healthCheck", "command")
    for field, least, most in (("start_timeout", 2, 120), ("stop_timeout", 2, 120)):
        value = getattr(container, field)
        if value is not None and not least <= value <= most:
            message = f"has a {_api(field)} of {value} s; Fargate takes {least} to {most}"
            yield _row(message, _api(field), timing=value < least)
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


def _api(field: str) -> str:
    """The API's name of an attribute."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
