"""From a task definition to the containers of one task, ready for Docker. Pure.

Source: the ECS agent's mapping of container definitions to Docker, where Fargate's platform 1.4 does not differ.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from emulator import __version__
from emulator.ecs.endpoints import (
    credentials_digest,
    credentials_id,
    credentials_variables,
    metadata_variables,
    private_dns_name,
)
from emulator.ecs.identity import TaskIdentity, cluster_arn, task_identity
from emulator.ecs.references import Reference
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerSpec, Engine, File, HealthCheckSpec, Mount, UlimitSpec
from emulator.engine.labels import CONTROL_PREFIXES
from emulator.firelens.ecs_config import SOCKET_FOLDER, SOCKET_NAME
from emulator.firelens.local import BUFFER_FOLDER, LOG_FOLDER, record_file
from emulator.firelens.local_aws import FOLDER as AWS_FOLDER
from emulator.firelens.log_options import RELAY_SOCKET
from emulator.runtime.listeners.references import missing_queues, resolve, without_value
from emulator.runtime.specs.debugging import debug_ports
from emulator.runtime.specs.egress import closed_router, closing_pause
from emulator.runtime.specs.kernel_parameters import network_parameters
from emulator.runtime.specs.limits import BELOW_PAUSE, MIB, NO_NEW_PRIVILEGES, OWN_PIDS, TASK_PIDS, TaskLimits, can_nest
from emulator.runtime.specs.log_router import RouterSetup, router_setup
from emulator.runtime.specs.log_store import task_logs
from emulator.runtime.specs.pause_script import PAUSE_CAPABILITIES, PAUSE_SCRIPT, RELAY_SCRIPT
from emulator.runtime.specs.restart import restart_rule
from emulator.runtime.specs.service_connect import connect_labels
from emulator.runtime.specs.volumes import docker_volumes
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names, Role

FARGATE_NO_FILE = UlimitSpec("nofile", 65535, 65535)
"""Fargate's default; always explicit, since a daemon may hand out a huge or a tiny one."""
NO_FILE = UlimitSpec("nofile", 16384, 16384)
"""For containers of our own, and where a daemon may not raise the limit to Fargate's."""
NO_IPV6 = "net.ipv6.conf.all.disable_ipv6"
"""Set in every task: `localhost` is 127.0.0.1 alone, also where an engine gives containers an IPv6 loopback."""
REGION_VARIABLES = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})
JSON_FILE_OPTIONS = {"max-size": "20m", "max-file": "5"}
RESTART = "always"
"""Restart policy of the containers that are no task's. Not `unless-stopped`: a daemon that was killed stops, when it
starts again, what it finds still running, and takes that for stopped by somebody."""
PAUSE_MEMORY = 64 * MIB
"""What a pause may have where its limits are not those of the task."""
RELAY_MEMORY = 48 * MIB
"""What the relay in a pause may need; on top of the task's memory, which is not to be less than on Fargate for it."""
SHARED_FOLDER = "/copilot-local/socket"
"""Where containers of our own have the volume that the router has at `/var/run`."""
SETTLED = "/tmp/relay.settled"
"""Where a relay says that it holds nothing any more: in the pause itself, out of the router's reach."""


class MemberSpec(Struct, frozen=True):
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


class TaskSpec(Struct, frozen=True):
    """Everything of one task."""

    identity: TaskIdentity
    pause: ContainerSpec
    members: tuple[MemberSpec, ...]
    volumes: Mapping[str, Mapping[str, str]]
    """Docker volumes to make before, name to labels."""


class TaskFactory:
    """Makes the specifications of new tasks of an environment."""

    def __init__(self, state: DesiredState, private: Private, docker_root: str, *, nested_limits: bool = False) -> None:
        self.state = state
        self.private = private
        self.docker_root = docker_root
        self.nested_limits = nested_limits
        self.names = Names(state.app, state.environment)

    def task(self, desired: DesiredService, task_id: str) -> TaskSpec:
        """The containers of a task of that id."""
        service = desired.service
        definition = service.task_definition
        identity = task_identity(
            cluster=self.state.cluster,
            family=definition.family,
            task_id=task_id,
            revision=desired.revision,
            region=desired.options.region,
            account_id=desired.options.account,
        )
        volumes: dict[str, Mapping[str, str]] = {}
        task_labels = self._task_labels(desired, identity)
        router = router_setup(desired, identity, self.names, self.docker_root)
        if router is not None:
            volumes[router.socket_volume] = {**task_labels, names.ROLE: Role.VOLUME}
        mounts: dict[str, str] = {}
        for name, (docker_name, labels) in docker_volumes(desired, task_id, self.names, task_labels).items():
            mounts[name] = docker_name
            volumes[docker_name] = labels
        limits = TaskLimits.of(definition, nested=self.nested_limits)
        pause = ContainerSpec(
            name=self.names.pause(task_id),
            image=self.state.pause_image if router is None else self.state.agent_image,
            labels={
                **names.sealed(task_labels),
                names.ROLE: Role.PAUSE,
                **({names.LIMITS: limits.scope} if limits.scope else {}),
                **connect_labels(service),
            },
            entrypoint=("sh", "-c"),
            command=(PAUSE_SCRIPT,),
            network=self.names.network,
            network_aliases=self._names_of(desired),
            hostname=private_dns_name(task_id, identity.region),
            extra_hosts=("host.docker.internal:host-gateway",),
            ports=debug_ports(desired),
            ulimits=(NO_FILE,),
            cap_drop=("ALL",),
            cap_add=PAUSE_CAPABILITIES,
            security_options=NO_NEW_PRIVILEGES,
            pids_limit=TASK_PIDS if limits.nested else OWN_PIDS,
            sysctls={NO_IPV6: "1", **network_parameters(definition)},
            nano_cpus=limits.nano_cpus if limits.nested else None,
            memory=limits.memory if limits.nested else PAUSE_MEMORY,
        )
        if router is not None and router.closed:
            pause = closing_pause(pause, aws=router.aws)
        if router is not None and router.relayed:
            pause = self._with_relay(pause, router, service.name, identity)
        members = tuple(
            self._member(desired, identity, container, task_labels, mounts, router, limits)
            for container in definition.container_definitions
        )
        return TaskSpec(identity, pause, members, volumes)

    def _with_relay(
        self, pause: ContainerSpec, router: RouterSetup, service: str, identity: TaskIdentity
    ) -> ContainerSpec:
        """The pause with what takes the lines from Docker's log driver until the router has stored them. It lives as
        long as the task, whatever becomes of the router."""
        folder, file = SHARED_FOLDER, record_file(service, identity, "drained")
        buffer = f"{folder}/{posixpath.relpath(BUFFER_FOLDER, SOCKET_FOLDER)}"
        metadata = (f"{key}={value}" for key, value in router.metadata.items())
        return replace(
            pause,
            labels={**pause.labels, names.RELAY: "true"},
            memory=pause.memory + RELAY_MEMORY if pause.memory else None,
            cap_add=("NET_ADMIN", "DAC_OVERRIDE"),  # the socket's folder may belong to the router's user
            command=(
                *(RELAY_SCRIPT, "relay", f"{folder}/{RELAY_SOCKET}", f"{folder}/{SOCKET_NAME}"),
                *(buffer, f"{LOG_FOLDER}/{file}", SETTLED, *metadata),
            ),
            mounts=(
                Mount(router.socket_volume, folder, copy=False),
                task_logs(self.docker_root, self.names, service, identity.task_id),
            ),
        )

    def _task_labels(self, desired: DesiredService, identity: TaskIdentity) -> dict[str, str]:
        return {
            **self.names.labels(),
            names.SERVICE: desired.service.name,
            names.TASK: identity.task_id,
            names.CONFIG_HASH: desired.config_hash(),
            names.VERSION: __version__,
            names.ECS_TASK_ARN: identity.task_arn,
            names.ECS_FAMILY: identity.family,
            names.ECS_REVISION: str(identity.revision),
            names.ECS_CLUSTER: cluster_arn(identity.region, identity.cluster, desired.options.account),
        }

    def _names_of(self, desired: DesiredService) -> tuple[str, ...]:
        """The service's name in service discovery, where it is registered there."""
        discovery = desired.service.discovery
        if discovery is None or discovery.port is None:
            return ()
        return (f"{discovery.name}.{discovery.namespace}",)

    def _member(
        self,
        desired: DesiredService,
        identity: TaskIdentity,
        container: ContainerDefinition,
        task_labels: Mapping[str, str],
        volume_names: Mapping[str, str],
        router: RouterSetup | None,
        limits: TaskLimits,
    ) -> MemberSpec:
        service, options = desired.service, desired.options
        is_router = router is not None and router.container == container.name
        logs_to_router = router is not None and container.name in router.log_options
        dependencies: list[tuple[str, str]] = [(d.container_name, d.condition) for d in container.depends_on]
        files: tuple[tuple[str, tuple[File, ...]], ...] = ()
        # ECS: a variable of the definition wins over an environment file, a secret wins over both; the region is only
        # set where nobody did, the image included.
        private = self.private.of(service.name, container.name)
        secret_names = {secret.name for secret in container.secrets}
        environment = {
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            **{name: value for name, value in private.items() if name not in secret_names},
            **{
                pair.name: resolve(pair.value, desired)
                for pair in container.environment
                if not missing_queues(pair.value, desired)  # a Worker Service runs without its queue
            },
            **{name: value for name, value in private.items() if name in secret_names},
        }
        if container.name not in options.own_region and not environment.keys() & REGION_VARIABLES:
            environment |= dict.fromkeys(REGION_VARIABLES, options.region)
        mounts = [
            Mount(volume_names[point.source_volume], point.container_path, read_only=bool(point.read_only))
            for point in container.mount_points
        ]
        log_driver, log_options = "json-file", dict(JSON_FILE_OPTIONS)
        record_labels: Mapping[str, str] = {}
        if router is not None and logs_to_router:
            log_driver, log_options = "fluentd", dict(router.log_options[container.name])
            record_labels = router.labels[container.name]
            # ECS puts these in last: they win over the user's own of the same name.
            environment |= router.client_variables[container.name]
            if container.name in router.dependencies:
                dependencies.append(router.dependencies[container.name])
        if router is not None and is_router:
            environment = {**router.default_variables, **environment, **router.variables}
            record_labels = {names.LOG_OUTPUTS: router.description}
            mounts += [
                Mount(router.socket_volume, "/var/run", copy=False),
                task_logs(self.docker_root, self.names, service.name, identity.task_id),
            ]
            files = router.files
            if router.aws:
                mounts.append(Mount(self.names.aws_volume, AWS_FOLDER, read_only=True, copy=False))
        # As on ECS, nobody's own variable of the same name wins over these.
        environment |= metadata_variables(identity.container_id(container.name))
        offered = {}
        if options.credentials != "none":
            environment |= credentials_variables(identity.task_id)
            offered = {names.CREDENTIALS: credentials_digest(credentials_id(identity.task_id))}
        linux = container.linux_parameters
        # On Fargate a frame of a task's own making reaches no other task, each has an interface of its own. Here it
        # could be sent in the name of another task, or of the agent.
        dropped = linux.capabilities.drop if linux and linux.capabilities else ()
        debugging = options.debug.get(container.name)
        instead = debugging.command if debugging else ()
        definition, pause = service.task_definition, self.names.pause(identity.task_id)
        spec = ContainerSpec(
            name=self.names.container(service.name, identity.task_id, container.name),
            image=options.images.get(container.name) or resolve(container.image, desired),
            labels={
                **{name: value for name, value in container.docker_labels.items() if not _is_reserved(name)},
                **names.sealed(record_labels),
                **task_labels,
                names.ROLE: Role.ROUTER if is_router else Role.MEMBER,
                names.CONTAINER: container.name,
                names.ESSENTIAL: "true" if container.essential else "false",
                names.DEPENDS_ON: ",".join(f"{name}:{condition}" for name, condition in dependencies),
                names.STOP_TIMEOUT: str(
                    options.time.stop_timeout if container.stop_timeout is None else container.stop_timeout
                ),
                names.LOG_ROUTER: router.container if router is not None and logs_to_router else "",
                **_log_stream(desired, identity, container),
                **offered,
                names.RESTART_POLICY: rule.label() if (rule := restart_rule(container)) else "",
                names.ECS_CONTAINER_NAME: container.name,
            },
            entrypoint=instead[:1] if instead else _tuple(container.entry_point),
            command=instead[1:] if instead else _tuple(container.command),
            environment=environment,
            user=container.user,
            working_directory=container.working_directory,
            network=f"container:{pause}",
            mounts=tuple(mounts),
            volumes_from=tuple(
                self.names.container(service.name, identity.task_id, source.source_container)
                + (":ro" if source.read_only else "")
                for source in container.volumes_from
            ),
            log_driver=log_driver,
            log_options=log_options,
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
            pid_mode=f"container:{pause}" if definition.pid_mode == "task" else None,
            sysctls={c.namespace: c.value for c in container.system_controls if not c.namespace.startswith("net.")},
        )
        if is_router and router is not None and router.closed:
            spec = closed_router(spec)
        needs_aws = is_router and router is not None and router.aws
        router_name = self.names.container(service.name, identity.task_id, router.container) if router else ""
        return MemberSpec(container, spec, files, tuple(dependencies), router_name if logs_to_router else "", needs_aws)


def task_factory(state: DesiredState, private: Private, engine: Engine) -> TaskFactory:
    """The factory for the daemon that is there."""
    info = engine.info()
    return TaskFactory(state, private, info.root_dir, nested_limits=can_nest(info))


def unresolved(desired: DesiredService) -> list[Reference]:
    """Every value that nothing here gives, so that they can be asked for together."""
    values = [
        value
        for container in desired.service.task_definition.container_definitions
        for value in (
            *([] if container.name in desired.options.images else [container.image]),
            *(pair.value for pair in container.environment if not missing_queues(pair.value, desired)),
            *(container.log_configuration.options.values() if container.log_configuration else ()),
        )
    ]
    return without_value(values, desired)


def _is_reserved(label: str) -> bool:
    """Whether a label is ours or the ECS agent's: a task definition does not set those."""
    return label.startswith(CONTROL_PREFIXES)


def _log_stream(desired: DesiredService, identity: TaskIdentity, container: ContainerDefinition) -> dict[str, str]:
    """Where the container's output would stand in CloudWatch, if it logs there by itself, as labels."""
    configuration = container.log_configuration
    if configuration is None or configuration.log_driver != "awslogs":
        return {}
    options = {key: resolve(value, desired) for key, value in configuration.options.items()}
    stream = f"{options.get('awslogs-stream-prefix', '')}/{container.name}/{identity.task_id}"
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
