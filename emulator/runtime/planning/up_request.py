"""What `up` is asked to run, and with which images and ports of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.ecs.service import Service
from emulator.engine.interface import Engine
from emulator.events import Emit
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT
from emulator.runtime.listeners.port_choice import AskedPorts
from emulator.runtime.secrets.endpoint_secrets import EndpointSecrets
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.specs.aws.known import Known
from emulator.runtime.specs.aws.seed import Seed
from emulator.runtime.specs.beside import Beside
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import Private
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.names import Names
from emulator.settings import Settings
from emulator.settings_attended import Debugging, Native


@dataclass(frozen=True, slots=True)
class SupportImages:
    """References of the images that are ours: `[substitute]` applies to them too; the agent's is built beforehand."""

    pause: str
    front: str
    agent: Callable[[Engine], str]
    aws: Callable[[], str] | None = None
    """The local AWS endpoint's, asked for only where one is needed."""
    database: Callable[[str], str] | None = None
    """The local image for the reference of a database's, pulled or built where one is needed."""
    proxy: Callable[[Engine], str] | None = None
    """That of Service Connect's proxies, asked for only where a task has one."""


@dataclass(frozen=True, slots=True)
class ApiOrder:
    """What the ECS API orders: the agent is given it and goes on by itself, and an image that cannot be had fails the
    tasks, not the order."""

    updates: Mapping[str, Mapping[str, object]]
    """By service, fields of its `DesiredService`."""
    inherited: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """By service and container, the private variables whose values the agent has."""
    account: str = LOCAL_ACCOUNT
    """That of the ARNs of what is ordered."""


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What `up` is asked to run. `replacements` are `--image` options, `port` and `https_port` are host ports of
    the public load balancer, `internal_port` of the internal one."""

    environment: Names
    services: Sequence[Service]
    settings: Settings
    workspace: Path
    support: SupportImages
    private: Private = field(default_factory=Private)
    known: Mapping[str, Known] = field(default_factory=dict)
    """What stacks give to each service that names an export or an addon output."""
    endpoint_secrets: EndpointSecrets = field(default_factory=EndpointSecrets)
    """Secrets that go to the local AWS endpoint, and those that come from it."""
    beside: Beside | None = None
    """Compose services beside the environment; None: none."""
    seed: Seed | None = None
    """What is in the local AWS endpoint from the start; None: nothing."""
    logins: RegistryLogins = field(default_factory=RegistryLogins)
    """Of the registries that images are pulled from; never handed to the agent."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    env_files: Mapping[str, Path] = field(default_factory=dict)
    """`SERVICE` or `SERVICE/CONTAINER` to the environment file read in place of the manifest's."""
    debug: Mapping[str, Debugging] = field(default_factory=dict)
    """Containers that a debugger is attached to."""
    native: Mapping[str, Native] = field(default_factory=dict)
    """Services whose main container's program runs on this machine."""
    port: int | None = None
    https_port: int | None = None
    internal_port: int | None = None
    databases: Callable[[Mapping[str, object], Emit], list[DesiredDatabase]] = lambda *_: []
    """The databases that a request to the local AWS endpoint describes; it refuses and warns."""
    region: str = DEFAULT_REGION
    timing: str = "local"
    wait: bool = False
    retain: bool = False
    foreground: bool = False
    """The command stays attached: an essential container that exits ends it, and is no failed start."""
    scheduled: frozenset[str] = frozenset()
    """The Scheduled Jobs that run on their schedules."""
    log_names: frozenset[str] = frozenset()
    """The log destinations that `--logs` names."""
    revisions: Mapping[str, int] = field(default_factory=dict)
    """By family, the last revision that was registered through the ECS API."""
    order: ApiOrder | None = None
    """Of the ECS API; None: a command's, which waits."""
    trust_hint: str = ""
    """How programs are made to trust the certificates of its HTTPS listeners; empty where nothing is to be said."""
    show_router: bool = False
    """Whether the lines that are shown include the banner and info lines of log routers."""


def log_subjects(request: UpRequest) -> LogSubjects:
    """What the lines of the request's containers are prefixed with."""
    several = [service.name for service in request.services if (service.desired_count or 0) > 1]
    return LogSubjects(one_service=len(request.services) == 1, several=several)


def also_done(request: UpRequest) -> list[str]:
    """What `up` does beside its plan, a line each: Compose services that start, and seeds."""
    beside = request.beside.services if request.beside is not None else []
    seeds: list[str] = []
    if request.seed is not None:
        seeds = [name.removeprefix("parameters ") for name in request.seed.targets]
        seeds += [f"database {one.name}" for one in request.seed.databases]
    return [
        *(f"start Compose service {name}: [beside] names it" for name in beside),
        *(f"seed {name}: [seed] names it, and it is seeded once" for name in seeds),
    ]


def asked_ports(request: UpRequest) -> AskedPorts:
    """The host ports that options and settings ask for."""
    front = request.settings.front
    return AskedPorts(
        http=request.port or front.port,
        https=request.https_port or front.https_port,
        internal=request.internal_port or front.internal_port,
        internal_https=front.internal_https_port,
        network=front.network_ports,
        aws=request.settings.aws.port,
    )
