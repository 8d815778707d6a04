"""One container of a task: from its definition to what Docker makes it from. Pure.

Source: the ECS agent's mapping of container definitions to Docker, where Fargate's platform 1.4 does not differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.ecs.endpoints import credentials_digest, credentials_id, credentials_variables, metadata_variables
from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerSpec, File, HealthCheckSpec, Mount, UlimitSpec
from emulator.engine.labels import CONTROL_PREFIXES
from emulator.firelens.local_aws import FOLDER as AWS_FOLDER
from emulator.runtime.listeners.references import is_given_later, missing_queues, resolve
from emulator.runtime.specs.attended.native import native_member
from emulator.runtime.specs.aws.names import named_member
from emulator.runtime.specs.egress import closed_router
from emulator.runtime.specs.limits import BELOW_PAUSE, MIB, TASK_PIDS, TaskLimits
from emulator.runtime.specs.log_router import RouterSetup
from emulator.runtime.specs.log_store import task_logs
from emulator.runtime.specs.restart import restart_rule
from emulator.runtime.specs.trace_receiver import collector_files, collector_member, with_receivers
from emulator.runtime.state import names
from emulator.runtime.state.conventions import FARGATE_NO_FILE, JSON_FILE_OPTIONS, REGION_VARIABLES
from emulator.runtime.state.desired import DesiredService, Private
from emulator.runtime.state.names import Names, Role
from emulator.traces.collectors import kind_of


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One container of a task: its definition, what Docker makes it from, files that go in before it starts."""

    definition: ContainerDefinition
    spec: ContainerSpec
    files: tuple[tuple[str, tuple[File, ...]], ...] = ()
    depends_on: tuple[tuple[str, str], ...] = ()
    """(container, condition), the implicit dependency on the log router included."""
    router: str = ""
    """The Docker name of the log router whose socket this container's log driver needs."""
    needs_aws: bool = False
    """It is a log router that sends to the local AWS endpoint."""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What all containers of one task are made with."""

    desired: DesiredService
    identity: TaskIdentity
    names: Names
    private: Private
    docker_root: str
    labels: Mapping[str, str]
    """Of the task."""
    volumes: Mapping[str, str]
    """Docker's name of each volume of the task definition."""
    router: RouterSetup | None
    limits: TaskLimits


@dataclass(slots=True)
class _Logging:
    """How a container logs, or what a log router is given."""

    is_router: bool = False
    router: str = ""
    """The log router that it logs to, empty where it logs to none."""
    driver: str = "json-file"
    options: dict[str, str] = field(default_factory=lambda: dict(JSON_FILE_OPTIONS))
    labels: Mapping[str, str] = field(default_factory=dict)
    dependencies: list[tuple[str, str]] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    files: tuple[tuple[str, tuple[File, ...]], ...] = ()
    needs_aws: bool = False


def member_spec(task: TaskContext, container: ContainerDefinition) -> MemberSpec:
    """The container of a definition, in a task of that identity."""
    desired, options, limits = task.desired, task.desired.options, task.limits
    service = desired.service
    logging = _logging(task, container)
    dependencies = _dependencies(desired, container) + logging.dependencies
    dependencies = with_receivers(desired, container, dependencies)
    debugging = options.debug.get(container.name)
    instead = debugging.command if debugging else ()
    linux = container.linux_parameters
    # On Fargate a frame of a task's own making reaches no other task, each has an interface of its own. Here it
    # could be sent in the name of another task, or of the agent.
    dropped = linux.capabilities.drop if linux and linux.capabilities else ()
    pause = task.names.pause(task.identity.task_id)
    spec = ContainerSpec(
        name=_name(task, container.name),
        image=options.images.get(container.name) or resolve(container.image, desired),
        labels=_labels(task, container, logging, dependencies),
        entrypoint=instead[:1] if instead else _tuple(container.entry_point),
        command=instead[1:] if instead else _tuple(container.command),
        environment=_environment(task, container, logging),
        user=container.user,
        working_directory=container.working_directory,
        network=f"container:{pause}",
        mounts=(
            *(
                Mount(task.volumes[point.source_volume], point.container_path, read_only=bool(point.read_only))
                for point in container.mount_points
            ),
            *logging.mounts,
        ),
        volumes_from=tuple(
            _name(task, source.source_container) + (":ro" if source.read_only else "")
            for source in container.volumes_from
        ),
        log_driver=logging.driver,
        log_options=logging.options,
        health_check=_health_check(container),
        init=bool(linux and linux.init_process_enabled),
        read_only=bool(container.readonly_root_filesystem),
        cap_add=tuple(linux.capabilities.add) if linux and linux.capabilities else (),
        cap_drop=tuple(dict.fromkeys((*dropped, "NET_RAW"))),
        ulimits=_ulimits(container),
        pids_limit=TASK_PIDS,
        cpu_shares=limits.shares(container),
        nano_cpus=None if limits.nested else limits.nano_cpus,
        memory=limits.member_memory(container),
        cgroup_parent=BELOW_PAUSE if limits.nested else None,
        memory_reservation=container.memory_reservation * MIB if container.memory_reservation else None,
        tty=bool(container.pseudo_terminal),
        stdin_open=bool(container.interactive),
        # Fargate has a process namespace of the task's own, with a pause container as its first process.
        pid_mode=f"container:{pause}" if service.task_definition.pid_mode == "task" else None,
        sysctls={c.namespace: c.value for c in container.system_controls if not c.namespace.startswith("net.")},
    )
    spec = _altered(task, container, spec, is_router=logging.is_router)
    router_name = _name(task, logging.router) if logging.router else ""
    needs_aws = logging.needs_aws or desired.options.aws_port > 0
    files = (*logging.files, *collector_files(options.collectors.get(container.name)))
    return MemberSpec(container, spec, files, tuple(dependencies), router_name, needs_aws)


def _altered(
    task: TaskContext, container: ContainerDefinition, spec: ContainerSpec, *, is_router: bool
) -> ContainerSpec:
    """The container as this machine's options have it."""
    options = task.desired.options
    if is_router:
        return closed_router(spec) if task.router is not None and task.router.closed else spec
    if options.native is not None and _is_native(task.desired, container.name):
        return native_member(spec, options.native, task.names.native_volume(task.identity.task_id))
    if (collector := options.collectors.get(container.name)) is not None:
        return collector_member(spec, container.name, collector)
    return named_member(spec, task.names.aws_volume) if options.leads_names else spec


def _is_native(desired: DesiredService, container: str) -> bool:
    """Whether a program of this machine runs in the container's place."""
    return desired.options.native is not None and container == desired.service.main_container


def _dependencies(desired: DesiredService, container: ContainerDefinition) -> list[tuple[str, str]]:
    """What a container waits for. The health of a program of this machine is not known."""
    return [
        (one.container_name, "START" if _is_native(desired, one.container_name) else one.condition)
        for one in container.depends_on
    ]


def _name(task: TaskContext, container: str) -> str:
    return task.names.container(task.desired.service.name, task.identity.task_id, container)


def _logging(task: TaskContext, container: ContainerDefinition) -> _Logging:
    """The log driver of a container that logs to the router, or the folders and files of the router itself."""
    router, found = task.router, _Logging()
    if router is None or _is_native(task.desired, container.name):
        return found
    if container.name in router.log_options:
        found.router = router.container
        found.driver, found.options = "fluentd", dict(router.log_options[container.name])
        found.labels = router.labels[container.name]
        if container.name in router.dependencies:
            found.dependencies.append(router.dependencies[container.name])
    if router.container == container.name:
        found.is_router, found.needs_aws, found.files = True, router.aws, router.files
        found.labels = {names.LOG_OUTPUTS: router.description}
        found.mounts = [
            Mount(router.socket_volume, "/var/run", copy=False),
            task_logs(task.docker_root, task.names, task.desired.service.name, task.identity.task_id),
        ]
        if router.aws:
            found.mounts.append(Mount(task.names.aws_volume, AWS_FOLDER, read_only=True, copy=False))
    return found


def _environment(task: TaskContext, container: ContainerDefinition, logging: _Logging) -> dict[str, str]:
    """The variables of a container.

    ECS: a variable of the definition wins over an environment file, a secret wins over both; the region is only set
    where nothing else sets it, the image included. What ECS puts in last wins over the user's own of the same name.
    """
    desired, options, router = task.desired, task.desired.options, task.router
    private = task.private.of(desired.service.name, container.name)
    secret_names = {secret.name for secret in container.secrets}
    environment = {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        **{name: value for name, value in private.items() if name not in secret_names},
        **{
            pair.name: resolve(pair.value, desired)
            for pair in container.environment
            if not missing_queues(pair.value, desired)  # a Worker Service runs without its queue
            and not (pair.name in private and is_given_later(pair.value, desired))  # an addon output that is secret
        },
        **{name: value for name, value in private.items() if name in secret_names},
        **options.variables.get(container.name, {}),
    }
    if container.name not in options.own_region and not environment.keys() & REGION_VARIABLES:
        environment |= dict.fromkeys(REGION_VARIABLES, options.region)
    if router is not None and logging.router:
        environment |= router.client_variables[container.name]
    if router is not None and logging.is_router:
        environment = {**router.default_variables, **environment, **router.variables}
    environment = {**_aws_variables(desired, container, is_router=logging.is_router), **environment}
    environment |= metadata_variables(task.identity.container_id(container.name))
    if options.offers_credentials:
        environment |= credentials_variables(task.identity.task_id)
    return environment


def _aws_variables(desired: DesiredService, container: ContainerDefinition, *, is_router: bool) -> dict[str, str]:
    """What leads SDKs to the local AWS endpoint, where the container does not say otherwise itself.

    With real keys only the services that have something here are led there. A log router has destinations of its own,
    and what a collector sends is for AWS X-Ray, which is none of the endpoint's services.
    """
    options, service = desired.options, desired.service
    if not options.aws_port or is_router or kind_of(container) is not None:
        return {}
    url = f"http://127.0.0.1:{options.aws_port}"
    if options.credentials == "none":
        return {"AWS_ENDPOINT_URL": url}
    here = {"AWS_ENDPOINT_URL_SQS": service.queues, "AWS_ENDPOINT_URL_SNS": service.topics}
    return {name: url for name, present in here.items() if present}


def _labels(
    task: TaskContext, container: ContainerDefinition, logging: _Logging, dependencies: list[tuple[str, str]]
) -> dict[str, str]:
    options, rule = task.desired.options, restart_rule(container)
    stop_timeout = options.time.stop_timeout if container.stop_timeout is None else container.stop_timeout
    offered = {}
    if options.offers_credentials:
        offered = {names.CREDENTIALS: credentials_digest(credentials_id(task.identity.task_id))}
    return {
        **{name: value for name, value in container.docker_labels.items() if not _is_reserved(name)},
        **names.sealed(logging.labels),
        **task.labels,
        names.ROLE: Role.ROUTER if logging.is_router else Role.MEMBER,
        names.CONTAINER: container.name,
        names.ESSENTIAL: "true" if container.essential else "false",
        names.DEPENDS_ON: ",".join(f"{name}:{condition}" for name, condition in dependencies),
        names.STOP_TIMEOUT: str(stop_timeout),
        names.LOG_ROUTER: logging.router,
        **_log_stream(task.desired, task.identity, container),
        **offered,
        names.RESTART_POLICY: rule.label() if rule else "",
        names.ECS_CONTAINER_NAME: container.name,
    }


def _is_reserved(label: str) -> bool:
    """Whether a label is ours or the ECS agent's: a task definition does not set those."""
    return label.startswith(CONTROL_PREFIXES)


def _log_stream(desired: DesiredService, identity: TaskIdentity, container: ContainerDefinition) -> dict[str, str]:
    """Where the container's output would stand in CloudWatch, if it logs there by itself, as labels."""
    configuration = container.log_configuration
    if configuration is None or configuration.log_driver != "awslogs":
        return {}
    options = {key: resolve(value, desired) for key, value in configuration.options.items()}
    prefix = options.get("awslogs-stream-prefix", "")
    stream = "/".join([*([prefix] if prefix else ()), container.name, identity.task_id])
    return {names.LOG_GROUP: options.get("awslogs-group", ""), names.LOG_STREAM: stream}


def _ulimits(container: ContainerDefinition) -> tuple[UlimitSpec, ...]:
    """The definition's limits, and Fargate's for open files where it has none."""
    limits = tuple(UlimitSpec(u.name, u.soft_limit, u.hard_limit) for u in container.ulimits)
    return limits if any(limit.name == FARGATE_NO_FILE.name for limit in limits) else (*limits, FARGATE_NO_FILE)


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def _health_check(container: ContainerDefinition) -> HealthCheckSpec:
    """The definition's check; an image's own HEALTHCHECK is switched off, since ECS ignores it."""
    check = container.health_check
    if check is None:
        return HealthCheckSpec(("NONE",))
    return HealthCheckSpec(
        test=tuple(check.command),
        interval=30 if check.interval is None else check.interval,
        timeout=5 if check.timeout is None else check.timeout,
        retries=3 if check.retries is None else check.retries,
        start_period=check.start_period or 0,
    )
