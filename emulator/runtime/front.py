"""The front's container, its files and its targets."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from emulator.engine.interface import ContainerSpec, ContainerState, Engine, File, Mount, PublishedPort
from emulator.frontdoor.haproxy import FrontFiles, front_configuration
from emulator.frontdoor.options import ADMIN_SOCKET, COMMAND, FOLDER, USER_ID, FrontOptions, Target
from emulator.runtime import names
from emulator.runtime.desired import DesiredState
from emulator.runtime.names import Names, Role
from emulator.runtime.observed import Observed, Task, observe
from emulator.runtime.task_specs import JSON_FILE_OPTIONS, NO_FILE, RESTART

BIND_PORT = 8080
RULES_KEY_FILE = "rules.key"
MAX_CONNECTIONS = 4000
"""Each takes two files, and HAProxy refuses to start where the open-file limit does not fit."""
INITIAL_INTERVAL = 0.25
"""Seconds between the checks of a target until its first success."""


def front_spec(state: DesiredState) -> ContainerSpec | None:
    """The front's container; None where no service is routed to. HAProxy runs as its own user without capabilities."""
    if not any(desired.service.listener_rules for desired in state.services.values()):
        return None
    environment = Names(state.app, state.environment)
    return ContainerSpec(
        name=environment.front,
        image=state.front_image,
        labels={**environment.labels(Role.FRONT), names.CONFIG_HASH: f"{state.front_image}@{state.front_port}"},
        entrypoint=COMMAND[:1],
        command=COMMAND[1:],
        user=f"{USER_ID}:{USER_ID}",
        network=environment.network,
        ports=(PublishedPort(BIND_PORT, state.front_port),),
        mounts=(Mount(environment.front_volume, FOLDER, copy=False),),
        log_options=JSON_FILE_OPTIONS,
        cap_drop=("ALL",),
        ulimits=(NO_FILE,),
        restart=RESTART,
        init=False,
    )


def front_options(state: DesiredState) -> FrontOptions:
    """What the front's configuration needs to know beyond the services."""
    timing = {desired.options.timing for desired in state.services.values()}
    return FrontOptions(
        listener_port=state.front_port,
        bind_port=BIND_PORT,
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

    The agent's monitor registers targets at the admin socket; the first file has those that run already, so that
    their checks begin before the agent is up.
    """

    def __init__(self, environment: Names) -> None:
        self.names = environment
        self.state: DesiredState | None = None

    def use(self, state: DesiredState) -> None:
        """The services from now on."""
        self.state = state

    def configure(self, engine: Engine) -> None:
        """Writes the configuration; starts the front, or makes a running one load it."""
        observed = observe(engine, self.names)
        if self.state is None or observed.front is None:
            return
        configuration = self.files(observed)
        engine.put_files(observed.front.name, FOLDER, packed(configuration))
        if observed.front.state is ContainerState.RUNNING:
            engine.kill(observed.front.name, "SIGUSR2")
        else:
            engine.start(observed.front.name)

    def files(self, observed: Observed) -> FrontFiles:
        """The front's files for what runs now."""
        assert self.state is not None
        services = [desired.service for desired in self.state.services.values()]
        return front_configuration(services, targets_of(self.state, observed), front_options(self.state))

    def deregister(self, engine: Engine, task_id: str, delay: int) -> None:
        """Takes a task's targets out of the front and waits for their requests, `delay` seconds at most."""
        del engine, task_id, delay  # without an agent the task's end is what takes it out


def packed(configuration: FrontFiles) -> list[File]:
    """The front's files, and the folder that HAProxy's user makes its admin socket in."""
    content = {**configuration.files, RULES_KEY_FILE: configuration.rules_key.encode()}
    folder = File(posixpath.dirname(ADMIN_SOCKET), mode=0o755, uid=USER_ID, gid=USER_ID, directory=True)
    return [folder, *(File(path, data, uid=USER_ID, gid=USER_ID) for path, data in content.items())]
