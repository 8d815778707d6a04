"""The front's container, its files and its targets."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from types import MappingProxyType

from emulator.engine.interface import ContainerSpec, ContainerState, Engine, File, Mount
from emulator.frontdoor.haproxy import FrontFiles, front_configuration
from emulator.frontdoor.options import ADMIN_SOCKET, COMMAND, FOLDER, USER_ID, FrontOptions, Https, Target
from emulator.runtime import names
from emulator.runtime.desired import DesiredState
from emulator.runtime.front_ports import (
    BIND_PORT,
    HTTPS_BIND_PORT,
    bind_ports,
    front_ports,
    listeners_of,
    routes,
    to_label,
)
from emulator.runtime.names import Names, Role
from emulator.runtime.observed import Observed, Task, observe
from emulator.runtime.task_specs import JSON_FILE_OPTIONS, NO_FILE, RESTART

RULES_KEY_FILE = "rules.key"
MAX_CONNECTIONS = 12_000
"""A connection that waits takes one file, a request under way two: idle clients leave room for 4000 requests within the
open-file limit that every daemon can give."""
INITIAL_INTERVAL = 0.1
"""Seconds between the checks of a target until its first success."""


def front_spec(state: DesiredState) -> ContainerSpec | None:
    """The front's container; None where nothing goes through it. HAProxy runs as its own user without capabilities.

    Docker fixes the published ports of a container when it makes it, so other listeners are another front.
    """
    if not routes(state) and not state.network_ports:
        return None
    ports = front_ports(state)
    listeners = [listener for listener in listeners_of(state) if listener.protocol != "UDP"]
    environment = Names(state.app, state.environment)
    return ContainerSpec(
        name=environment.front,
        image=state.front_image,
        labels={
            **environment.labels(Role.FRONT),
            names.CONFIG_HASH: f"{state.front_image}@{','.join(f'{p.host_port}-{p.container_port}' for p in ports)}",
            names.LISTENERS: to_label(listeners),
        },
        entrypoint=COMMAND[:1],
        command=COMMAND[1:],
        user=f"{USER_ID}:{USER_ID}",
        network=environment.network,
        ports=ports,
        mounts=(Mount(environment.front_volume, FOLDER, copy=False),),
        log_options=JSON_FILE_OPTIONS,
        cap_drop=("ALL",),
        ulimits=(NO_FILE,),
        restart=RESTART,
        init=False,
    )


def front_options(state: DesiredState, certificates: Mapping[str, str] = MappingProxyType({})) -> FrontOptions:
    """What the front's configuration needs to know beyond the services; `certificates` are PEM, by service."""
    secure = state.https_port or any(port.protocol == "TLS" for port in state.network_ports)
    timing = {desired.options.timing for desired in state.services.values()}
    return FrontOptions(
        listener_port=state.front_port,
        bind_port=BIND_PORT,
        https=Https(certificates, state.https_port or HTTPS_BIND_PORT, HTTPS_BIND_PORT) if secure else None,
        network_ports=bind_ports(state),
        timing="ecs" if timing == {"ecs"} else "local",
        initial_interval=INITIAL_INTERVAL,
        maxconn=MAX_CONNECTIONS,
        access_log=True,
    )


def targets_of(state: DesiredState, observed: Observed, kept: Collection[str] = ()) -> list[Target]:
    """A target for every port that a target group forwards to, in every task whose target container runs.

    `kept` are tasks, by id, that stay targets while a container of theirs is replaced.
    """
    network = Names(state.app, state.environment).network
    found: list[Target] = []
    for name, desired in state.services.items():
        for task in observed.tasks_of(name):
            if task.pause is None or not (address := task.pause.addresses.get(network)):
                continue
            for group in desired.service.target_groups:
                if group.protocol == "UDP":
                    continue  # goes past the front
                member = task.members.get(group.container_name)
                if member is not None and (member.running or task.id in kept):
                    target = target_name(task)
                    found.append(Target(target, name, group.name, address, group.container_port))
    return found


def target_name(task: Task) -> str:
    """The name that a task's targets carry in the front."""
    return f"{task.service}-{task.short_id}"


class FrontControl:
    """Configures a front from outside, where no agent watches over it yet: files go in, then it starts.

    The agent's monitor registers targets at the admin socket.
    """

    def __init__(self, environment: Names) -> None:
        self.names = environment
        self.state: DesiredState | None = None
        self.certificates: dict[str, str] = {}
        self._prepared = False
        """Whether a front was made that has its files and was not started yet."""

    def use(self, state: DesiredState, certificates: Mapping[str, str] = MappingProxyType({})) -> None:
        """The services from now on, and certificates for their names."""
        self.state = state
        self.certificates |= certificates

    def prepare(self, engine: Engine) -> None:
        """Gives a front that was just made its files: by the time that it is to start they are there."""
        if self.state is not None:
            engine.put_files(self.names.front, FOLDER, packed(self.files(observe(engine, self.names))))
            self._prepared = True

    def configure(self, engine: Engine) -> None:
        """Writes the configuration; starts the front, or makes a running one load it."""
        if self._prepared:
            self._prepared = False
            engine.start(self.names.front)
            return
        observed = observe(engine, self.names)
        if self.state is None or observed.front is None:
            return
        configuration = self.files(observed)
        engine.put_files(observed.front.name, FOLDER, packed(configuration))
        if observed.front.state is ContainerState.RUNNING:
            engine.kill(observed.front.name, "SIGUSR2")
        else:
            engine.start(observed.front.name)

    def options(self) -> FrontOptions:
        """What the front's configuration needs to know beyond the services."""
        assert self.state is not None
        return front_options(self.state, self.certificates)

    def files(self, observed: Observed) -> FrontFiles:
        """The front's files for what runs now."""
        assert self.state is not None
        services = [desired.service for desired in self.state.services.values()]
        return front_configuration(services, targets_of(self.state, observed), self.options())

    def deregister(self, engine: Engine, task_id: str, delay: int) -> None:
        """Takes a task's targets out of the front and waits for their requests, `delay` seconds at most."""
        del engine, task_id, delay  # without an agent the task's end is what takes it out


def packed(configuration: FrontFiles) -> list[File]:
    """The front's files, and the folder that HAProxy's user makes its admin socket in."""
    content = {**configuration.files, RULES_KEY_FILE: configuration.rules_key.encode()}
    folder = File(posixpath.dirname(ADMIN_SOCKET), mode=0o755, uid=USER_ID, gid=USER_ID, directory=True)
    return [folder, *(File(path, data, uid=USER_ID, gid=USER_ID) for path, data in content.items())]
