"""From a task definition to the containers of one task, ready for Docker. Pure.

Source: the ECS agent's mapping of container definitions to Docker, where Fargate's platform 1.4 does not differ.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulator import __version__
from emulator.ecs.endpoints import private_dns_name
from emulator.ecs.identity import TaskIdentity, cluster_arn, task_identity
from emulator.ecs.network import network_parameters
from emulator.ecs.references import Reference
from emulator.engine.interface import ContainerSpec, Engine, Mount
from emulator.firelens.ecs_config import SOCKET_FOLDER, SOCKET_NAME
from emulator.firelens.local import BUFFER_FOLDER, record_file
from emulator.firelens.log_options import RELAY_SOCKET
from emulator.firelens.stored import LOG_FOLDER
from emulator.runtime.listeners.references import missing_queues, without_value
from emulator.runtime.specs.attended.debugging import debug_ports
from emulator.runtime.specs.attended.native import native_pause
from emulator.runtime.specs.aws.names import named_pause
from emulator.runtime.specs.connect.endpoints import virtual_lines
from emulator.runtime.specs.connect.names import connect_labels
from emulator.runtime.specs.connect.proxy import proxy_spec, with_virtual_names
from emulator.runtime.specs.container import MemberSpec, TaskContext, member_spec
from emulator.runtime.specs.egress import closing_pause
from emulator.runtime.specs.limits import NO_NEW_PRIVILEGES, OWN_PIDS, TASK_PIDS, TaskLimits, can_nest
from emulator.runtime.specs.log_router import RouterSetup, router_setup
from emulator.runtime.specs.log_store import task_logs
from emulator.runtime.specs.pause_script import (
    AWS_AND_LOGS_SCRIPT,
    AWS_PAUSE_SCRIPT,
    PAUSE_CAPABILITIES,
    PAUSE_SCRIPT,
    RELAY_SCRIPT,
)
from emulator.runtime.specs.volumes import docker_volumes
from emulator.runtime.state import names
from emulator.runtime.state.conventions import (
    AWS_RELAY_MEMORY,
    NO_FILE,
    NO_IPV6,
    PAUSE_MEMORY,
    RELAY_MEMORY,
    SETTLED,
    SHARED_FOLDER,
)
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names, Role


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Everything of one task."""

    identity: TaskIdentity
    pause: ContainerSpec
    proxy: ContainerSpec | None
    """Its proxy of Service Connect."""
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
        plain = router is None and not desired.options.aws_port and desired.options.native is None
        plain = plain and not definition.enable_fault_injection  # faults are made by iptables and tc
        pause = ContainerSpec(
            name=self.names.pause(task_id),
            image=self.state.pause_image if plain else self.state.agent_image,
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
        if desired.options.native is not None:
            volumes[self.names.native_volume(task_id)] = {**task_labels, names.ROLE: Role.VOLUME}
        pause = self._with_relays(pause, desired, router, identity)
        proxy = None
        if desired.proxied:
            pause = with_virtual_names(pause, virtual_lines(self.state, service.name))
            proxy = proxy_spec(desired, task_id, self.names, self.state.proxy_image, task_labels)
        context = TaskContext(
            desired, identity, self.names, self.private, self.docker_root, task_labels, mounts, router, limits
        )
        members = tuple(member_spec(context, container) for container in definition.container_definitions)
        return TaskSpec(identity, pause, proxy, members, volumes)

    def _with_relays(
        self, pause: ContainerSpec, desired: DesiredService, router: RouterSetup | None, identity: TaskIdentity
    ) -> ContainerSpec:
        """The pause with what leads out of the task and into it: for logs, local AWS, a program of this machine."""
        if router is not None and router.closed:
            pause = closing_pause(pause, aws=router.aws, names=desired.options.leads_names)
        if router is not None and router.relayed:
            pause = self._with_relay(pause, router, desired.service.name, identity)
        if desired.options.aws_port:
            pause = self._with_aws(pause, desired.options.aws_port, desired.service.name)
        if desired.options.leads_names:
            pause = named_pause(pause)
        if desired.options.native is None:
            return pause
        return native_pause(pause, desired, self.names.native_volume(identity.task_id))

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

    def _with_aws(self, pause: ContainerSpec, port: int, service: str) -> ContainerSpec:
        """The pause that leads that port of the task's loopback address to the local AWS endpoint."""
        script, *rest = pause.command or (PAUSE_SCRIPT,)
        script = AWS_AND_LOGS_SCRIPT if script == RELAY_SCRIPT else AWS_PAUSE_SCRIPT
        words = rest[1:] if rest else []
        return replace(
            pause,
            memory=pause.memory + AWS_RELAY_MEMORY if pause.memory else None,
            cap_add=tuple(dict.fromkeys((*pause.cap_add, *PAUSE_CAPABILITIES))),  # it becomes another user
            command=(script, "pause", str(port), self.names.aws, service, *words),
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
