"""The containers of the load balancers, their files and their targets."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from emulator.engine.interface import Container, ContainerSpec, ContainerState, Engine, File, Mount
from emulator.frontdoor.balancers import Balancer, balancer_of, behind, rule_hosts
from emulator.frontdoor.options import ADMIN_SOCKET, COMMAND, FOLDER, USER_ID, FrontOptions, Https, Target
from emulator.frontdoor.routing.patterns import has_wildcards
from emulator.runtime.listeners.front_ports import (
    BIND_PORT,
    HTTPS_BIND_PORT,
    bind_ports,
    front_listeners,
    front_ports,
    host_ports,
    to_label,
    udp_bind_ports,
)
from emulator.runtime.specs.limits import LASTING, MIB
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, Task, observe

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.frontdoor.haproxy.configuration import FrontFiles
    from emulator.runtime.state.desired import DesiredState

RULES_KEY_FILE = "rules.key"
MAX_CONNECTIONS = 12_000
"""A connection that waits takes one file, a request under way two: idle clients leave room for 4000 requests within the
open-file limit that every daemon can give."""
PUBLISHED_CONNECTIONS = 1000
"""Of each published port. Docker's proxy for it takes up to six files a connection, of as few as 16384."""
MEMORY = 2048 * MIB
"""More than so many connections need."""
INITIAL_INTERVAL = 0.1
"""Seconds between the checks of a target until its first success."""


UNPRIVILEGED_PORTS = "net.ipv4.ip_unprivileged_port_start"
"""From which port on a program without capabilities may listen: HAProxy listens at 80 and 443 too."""


def front_specs(state: DesiredState) -> dict[Balancer, ContainerSpec]:
    """The containers of the load balancers that something goes through."""
    found = {balancer: front_spec(state, balancer) for balancer in Balancer}
    return {balancer: spec for balancer, spec in found.items() if spec is not None}


def front_spec(state: DesiredState, balancer: Balancer = Balancer.PUBLIC) -> ContainerSpec | None:
    """The container of a load balancer; None where nothing goes through it. HAProxy runs as its own user without
    capabilities.

    The public one checks the targets of UDP listeners too, whose datagrams a relay balances.
    Docker fixes the published ports and the names of a container when it makes it, so others are another front.
    """
    ports = front_ports(state, balancer)
    checks_udp = balancer is Balancer.PUBLIC and bool(udp_bind_ports(state))
    if not ports and not checks_udp:
        return None
    environment = Names(state.app, state.environment)
    aliases = front_names(state, balancer)
    published = ",".join(f"{p.host_port}-{p.container_port}" for p in ports)
    return replace(
        LASTING,
        name=front_container(environment, balancer),
        image=state.front_image,
        labels={
            **names.sealed(environment.labels(_ROLES[balancer])),
            names.CONFIG_HASH: f"{state.front_image}@{published}@{','.join(aliases)}",
            names.LISTENERS: to_label(front_listeners(state, balancer)),
            names.IMAGE_NAME: state.front_image_name,
        },
        entrypoint=COMMAND[:1],
        command=COMMAND[1:],
        user=f"{USER_ID}:{USER_ID}",
        network=environment.network,
        network_aliases=aliases,
        ports=ports,
        mounts=(Mount(front_volume(environment, balancer), FOLDER, copy=False),),
        sysctls={UNPRIVILEGED_PORTS: "0"},
        memory=MEMORY,
    )


_ROLES = {Balancer.PUBLIC: Role.FRONT, Balancer.INTERNAL: Role.INTERNAL_FRONT}


def front_container(environment: Names, balancer: Balancer) -> str:
    """The name of a load balancer's container."""
    return environment.internal_front if balancer is Balancer.INTERNAL else environment.front


def front_volume(environment: Names, balancer: Balancer) -> str:
    """The volume that a load balancer shares with the agent."""
    return environment.internal_front_volume if balancer is Balancer.INTERNAL else environment.front_volume


def front_in(observed: Observed, balancer: Balancer) -> Container | None:
    """A load balancer's container, where there is one."""
    return observed.internal_front if balancer is Balancer.INTERNAL else observed.front


def front_names(state: DesiredState, balancer: Balancer) -> tuple[str, ...]:
    """The names under which every task of the environment finds a load balancer.

    Those of the internal one are in the environment's private DNS when deployed: Copilot's `<service>.<env>.<app>
    .internal`, and the aliases of its rules. Those of the public one are in public DNS, which is not ours.
    """
    hosts: list[str] = []
    if balancer is Balancer.INTERNAL:
        for desired in state.services.values():
            if balancer_of(desired.service) is balancer:
                hosts += [internal_name(desired.service), *rule_hosts(desired.service)]
    return (balancer.dns_name, *dict.fromkeys(host for host in hosts if not has_wildcards(host)))


def internal_name(service: Service) -> str:
    """The name that Copilot gives a service behind the internal load balancer."""
    return f"{service.name}.{service.environment}.{service.app}.internal".lower()


def front_options(
    state: DesiredState,
    certificates: Mapping[str, str] = MappingProxyType({}),
    balancer: Balancer = Balancer.PUBLIC,
) -> FrontOptions:
    """What a load balancer's configuration needs to know beyond its services; `certificates` are PEM, by service."""
    http, https = host_ports(state, balancer)
    network = state.network_ports if balancer is Balancer.PUBLIC else []
    secure = https or any(port.protocol == "TLS" for port in network)
    timing = {desired.options.timing for desired in state.services.values()}
    own = {service.name for service in behind([d.service for d in state.services.values()], balancer)}
    shown = {name: certificate for name, certificate in certificates.items() if name in own}
    return FrontOptions(
        balancer=balancer,
        listener_port=http,
        bind_port=BIND_PORT,
        inside=True,
        https=Https(shown, https or HTTPS_BIND_PORT, HTTPS_BIND_PORT) if secure else None,
        network_ports=bind_ports(state) if network else {},
        timing="ecs" if timing == {"ecs"} else "local",
        initial_interval=INITIAL_INTERVAL,
        maxconn=MAX_CONNECTIONS,
        published_connections=PUBLISHED_CONNECTIONS,
        access_log=True,
        jwks=state.jwks,
    )


def balancer_for(state: DesiredState, url: str) -> Balancer:
    """The load balancer that a request for a path or a URL goes to."""
    from emulator.frontdoor.routing.explain import asked_balancer

    return asked_balancer([desired.service for desired in state.services.values()], url, all_options(state))


def all_options(state: DesiredState) -> dict[Balancer, FrontOptions]:
    """The same for each load balancer."""
    return {balancer: front_options(state, balancer=balancer) for balancer in Balancer}


def targets_of(
    state: DesiredState,
    observed: Observed,
    kept: Collection[str] = (),
    balancer: Balancer = Balancer.PUBLIC,
    weights: Mapping[str, int] = MappingProxyType({}),
) -> list[Target]:
    """A target of the load balancer for every port that a target group forwards to, in every task whose target
    container runs.

    `kept` are tasks, by id, that stay targets while a container of theirs is replaced; `weights` those of tasks, where
    they are others than 1.
    """
    network = Names(state.app, state.environment).network
    found: list[Target] = []
    for name, desired in state.services.items():
        if balancer_of(desired.service) is not balancer:
            continue
        for task in observed.tasks_of(name):
            if task.pause is None or not (address := task.pause.addresses.get(network)):
                continue
            for group in desired.service.target_groups:
                member = task.members.get(group.container_name)
                if member is not None and (member.running or task.id in kept):
                    target = target_name(task)
                    weight = weights.get(task.id, 1)
                    found.append(Target(target, name, group.name, address, group.container_port, weight=weight))
    return found


def target_name(task: Task) -> str:
    """The name that a task's targets carry in the front."""
    return f"{task.service}-{task.short_id}"


class Front:
    """Configures one load balancer from outside, where no agent watches over it yet: files go in, then it starts.

    The agent's monitor registers targets at the admin socket.
    """

    def __init__(self, environment: Names, balancer: Balancer = Balancer.PUBLIC) -> None:
        self.names = environment
        self.balancer = balancer
        self.state: DesiredState | None = None
        self.certificates: dict[str, str] = {}
        self._prepared = False
        """Whether a front was made that has its files and was not started yet."""

    @property
    def container(self) -> str:
        """The name of its container."""
        return front_container(self.names, self.balancer)

    def use(self, state: DesiredState, certificates: Mapping[str, str] = MappingProxyType({})) -> None:
        """The services from now on, and certificates for their names."""
        self.state = state
        self.certificates |= certificates

    def prepare(self, engine: Engine) -> None:
        """Gives a front that was just made its files: by the time that it is to start they are there."""
        if self.state is not None:
            engine.put_files(self.container, FOLDER, packed(self.files(observe(engine, self.names))))
            self._prepared = True

    def configure(self, engine: Engine) -> None:
        """Writes the configuration; starts the front, or makes a running one load it."""
        if self._prepared:
            self._prepared = False
            engine.start(self.container)
            return
        observed = observe(engine, self.names)
        present = front_in(observed, self.balancer)
        if self.state is None or present is None:
            return
        configuration = self.files(observed)
        engine.put_files(present.name, FOLDER, packed(configuration))
        if present.state is ContainerState.RUNNING:
            engine.kill(present.name, "SIGUSR2")
        else:
            engine.start(present.name)

    def options(self) -> FrontOptions:
        """What the front's configuration needs to know beyond the services."""
        assert self.state is not None
        return front_options(self.state, self.certificates, self.balancer)

    def services(self) -> list[Service]:
        """The services behind it."""
        assert self.state is not None
        return behind([desired.service for desired in self.state.services.values()], self.balancer)

    def files(self, observed: Observed) -> FrontFiles:
        """The front's files for what runs now."""
        from emulator.frontdoor.haproxy.configuration import front_configuration

        assert self.state is not None
        targets = targets_of(self.state, observed, balancer=self.balancer)
        return front_configuration(self.services(), targets, self.options())


class FrontControl:
    """Both load balancers of an environment, as what carries out plans knows them."""

    def __init__(self, environment: Names) -> None:
        self.names = environment
        self.fronts: Mapping[Balancer, Front] = {balancer: Front(environment, balancer) for balancer in Balancer}

    @property
    def state(self) -> DesiredState | None:
        """What should run; None before that is known."""
        return self.fronts[Balancer.PUBLIC].state

    def use(self, state: DesiredState, certificates: Mapping[str, str] = MappingProxyType({})) -> None:
        """The services from now on, and certificates for their names."""
        for front in self.fronts.values():
            front.use(state, certificates)

    def prepare(self, engine: Engine, container: str) -> None:
        """Gives a container that was just made its files, if it is a front."""
        for front in self._called(container):
            front.prepare(engine)

    def configure(self, engine: Engine, container: str) -> None:
        """Writes a front's configuration; starts it, or makes a running one load it."""
        for front in self._called(container):
            front.configure(engine)

    def deregister(self, engine: Engine, task_id: str, delay: int) -> None:
        """Takes a task's targets out of the load balancer and waits for their requests, `delay` seconds at most."""
        del engine, task_id, delay  # without an agent the task's end is what takes it out

    def _called(self, container: str) -> list[Front]:
        return [front for front in self.fronts.values() if front.container == container]


def packed(configuration: FrontFiles) -> list[File]:
    """The front's files, and the folder that HAProxy's user makes its admin socket in."""
    content = {**configuration.files, RULES_KEY_FILE: configuration.rules_key.encode()}
    folder = File(posixpath.dirname(ADMIN_SOCKET), mode=0o755, uid=USER_ID, gid=USER_ID, directory=True)
    return [folder, *(File(path, data, uid=USER_ID, gid=USER_ID) for path, data in content.items())]
