"""What a task's log router and the containers that log to it are made from here."""

from __future__ import annotations

import contextlib
import difflib
import json
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.ecs.identity import TaskIdentity, task_identity
from emulator.engine.interface import File
from emulator.errors import InputError, Position, Unsupported, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.firelens.destinations import EVERY, Destinations, LocalOutput
from emulator.firelens.diagnose import Problem, find_problems, nearest, option_path
from emulator.firelens.ecs_config import SOCKET_NAME
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration
from emulator.firelens.local_aws import AWS_PLUGINS, GO_VARIABLES
from emulator.firelens.log_options import RELAY_SOCKET, docker_log_configuration, fluent_variables, router_variables
from emulator.firelens.option_check import BadOption
from emulator.firelens.placed import Placed, output_names
from emulator.firelens.routing import find_router, routed_containers, router_dependencies
from emulator.firelens.users_files import find_in
from emulator.runtime.specs.log_destinations import describe_destinations
from emulator.runtime.specs.log_store import volume_path
from emulator.runtime.state.names import Names

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.state.desired import DesiredService, DesiredState
    from emulator.settings import LogPolicy

NO_OUTPUT = "the log router has no output, here and deployed: what containers send it is dropped"


@dataclass(frozen=True, slots=True)
class RouterSetup:
    """The log router of one task, and what follows from it for the other containers."""

    container: str
    socket_volume: str
    relayed: bool
    """Whether Docker's log driver talks to a relay in the task's pause, not to the router itself."""
    metadata: Mapping[str, str]
    """Fields that the router adds to each record."""
    files: tuple[tuple[str, tuple[File, ...]], ...]
    """Files of the router: (folder, files)."""
    variables: Mapping[str, str]
    """Variables of the router itself."""
    default_variables: Mapping[str, str]
    """Variables of the router that its own of the same name win over."""
    description: str
    """What the router's errors are understood with, as JSON: a label of its container."""
    log_options: Mapping[str, Mapping[str, str]]
    """Options of Docker's `fluentd` driver, by the name of each container that logs to the router."""
    labels: Mapping[str, Mapping[str, str]]
    """Labels that the log driver takes fields of records from, by container."""
    aws: bool
    """Whether it sends to the local AWS endpoint."""
    closed: bool
    """Whether nothing of it may leave the machine: none of its destinations is live."""
    client_variables: Mapping[str, Mapping[str, str]]
    """FLUENT_HOST and FLUENT_PORT, by container."""
    dependencies: Mapping[str, tuple[str, str]]
    """The dependency on the router that ECS adds: (router, condition), by container."""


def router_setup(
    desired: DesiredService, identity: TaskIdentity, environment: Names, docker_root: str
) -> RouterSetup | None:
    """The router of a task, None if it has none.

    The daemon's log driver opens the socket where the volume really is: `<Docker's folder>/volumes/<name>/_data`.
    """
    definition = desired.service.task_definition
    router = find_router(definition)
    if router is None:
        return None
    configuration = router_configuration(desired, identity)
    volume = environment.socket_volume(identity.task_id)
    # ECS's driver mode loses lines by itself; Fluentd's unix input acknowledges nothing.
    relayed = desired.options.fidelity == "local" and router.type == "fluentbit"
    socket = f"{volume_path(docker_root, volume)}/{RELAY_SOCKET if relayed else SOCKET_NAME}"
    routed = routed_containers(definition)
    drivers = {
        container.name: docker_log_configuration(
            container, identity, socket, asynchronous=desired.options.fidelity == "ecs"
        )
        for container in routed
    }
    aws = any(output.policy == "local-aws" for output in configuration.outputs)
    return RouterSetup(
        container=router.container.name,
        socket_volume=volume,
        relayed=relayed,
        metadata=_metadata(identity) if router.metadata else {},
        files=_files({configuration.path: configuration.text, **configuration.files}),
        variables=router_variables(definition),
        default_variables=_aws_variables(configuration),
        description=describe_router(desired.service, configuration),
        log_options={name: driver.options for name, driver in drivers.items()},
        labels={name: driver.labels for name, driver in drivers.items()},
        aws=aws,
        closed=desired.options.log_destinations.get(EVERY) != "live"
        and all(output.policy != "live" for output in configuration.outputs),
        client_variables={container.name: fluent_variables(definition, container) for container in routed},
        dependencies={
            name: (dependency.container_name, dependency.condition)
            for name, dependency in router_dependencies(definition).items()
        },
    )


def router_configuration(desired: DesiredService, identity: TaskIdentity) -> LocalRouterConfiguration:
    """The configuration that the router of a task runs on; the user's own files were read from its image before, other
    than for a dry run, which has no image yet."""
    files, plugins = desired.options.router_files, desired.options.router_plugins
    shipped = None if plugins is None else frozenset(plugins)
    with manifest_lines(desired.service):
        return local_router_configuration(
            desired.service.task_definition,
            identity,
            service=desired.service.name,
            fidelity=desired.options.fidelity,
            destinations=Destinations(desired.options.log_destinations, shipped),
            check=desired.options.log_check,
            read=files.get if files else None,
            find=find_in(files),
            working_directory=desired.options.router_folder,
        )


@contextlib.contextmanager
def manifest_lines(service: Service) -> Iterator[None]:
    """Gives errors about a router's configuration the manifest's line that they are about."""
    try:
        yield
    except (InputError, Unsupported) as error:
        path = "logging.configFilePath"
        if isinstance(error, BadOption) and error.stream:
            path = option_path(error.stream, error.option, service.main_container)
        error.position = error.position or nearest(path, service.positions)
        raise


def local_outputs(desired: DesiredService) -> tuple[LocalOutput, ...]:
    """The outputs of the log router of a service's tasks, and what happens to each here; none without a router."""
    configuration = _local_configuration(desired)
    return configuration.outputs if configuration is not None else ()


def _local_configuration(desired: DesiredService) -> LocalRouterConfiguration | None:
    if find_router(desired.service.task_definition) is None:
        return None
    identity = task_identity(cluster="any", family=desired.service.task_definition.family)
    return router_configuration(desired, identity)


def drops_everything(configuration: LocalRouterConfiguration) -> bool:
    """Whether the router is known to have no output but ECS's own for its health check, so that no record gets
    anywhere."""
    outputs = [section for section in configuration.sections if section.kind == "output"]
    return bool(configuration.sections) and not any(output.stream or output.file for output in outputs)


def uses_local_aws(desired: DesiredService) -> bool:
    """Whether the log router of a service's tasks sends to the local AWS endpoint."""
    chosen = "local-aws" in desired.options.log_destinations.values()
    return chosen and any(output.policy == "local-aws" for output in local_outputs(desired))


def check_destinations(state: DesiredState, emit: Emit, asked: Collection[str] = ()) -> None:
    """Says of every log destination that leaves this machine where to, of a policy that nothing answers to, and of a
    router without any destination.

    Raises UsageError where that policy was `asked` for on the command line: only settings may be about other services.
    """
    found: list[LocalOutput] = []
    policies: dict[str, LogPolicy] = {}
    for name, desired in state.services.items():
        policies |= desired.options.log_destinations
        configuration = _local_configuration(desired)
        if configuration is None:
            continue
        if drops_everything(configuration):
            emit(Event(EventKind.WARNING, name, NO_OUTPUT))
        found += configuration.outputs
        for output in configuration.outputs:
            if output.policy == "live":
                emit(Event(EventKind.WARNING, name, f"logs of {output.stream} leave this machine: {output.target}"))
    for name in Destinations(policies).unknown_names(found):
        error = unknown_destination(name, destination_names(found))
        if name in asked:
            raise error
        emit(Event(EventKind.WARNING, "logs", f"{error.message}; {error.hint}"))


def destination_names(outputs: Iterable[LocalOutput]) -> set[str]:
    """The names by which a policy for these outputs may be chosen."""
    names: set[str] = set()
    for output in outputs:
        names |= {output.stream, *output.plugin_names}
    return names


def unknown_destination(name: str, known: Collection[str]) -> UsageError:
    """The error for a destination that no output is called, with the name that was probably meant."""
    near = difflib.get_close_matches(name, known, n=1)
    listed = f"those of the task: {', '.join(sorted(known)) or 'none'}"
    hint = f"did you mean {near[0]}? {listed.capitalize()}" if near else listed
    return UsageError(f"no log destination is called {name}", hint=hint)


def describe_router(service: Service, configuration: LocalRouterConfiguration) -> str:
    """What `router_problems` needs to know of a router, as JSON: the manifest's lines and whose the outputs are."""
    positions = {
        path: [position.file, position.line, position.column]
        for path, position in service.positions.items()
        if path.partition(".")[0] == "logging"
    }
    outputs = [[output.stream, output.plugin] for output in configuration.outputs]
    router = find_router(service.task_definition)
    content: dict[str, object] = {"main": service.main_container, "outputs": outputs, "positions": positions}
    content["destinations"] = describe_destinations(configuration)
    content["sections"] = [
        [one.kind, one.plugin, one.stream, one.file, one.line, dict(one.keys), one.alias]
        for one in configuration.sections
    ]
    if configuration.metrics_port is not None and configuration.sections:
        content |= {"port": configuration.metrics_port, "expected": output_names(configuration.sections)}
    return json.dumps({**content, "metadata": router is not None and router.metadata})


def router_problems(description: str, output: Iterable[str]) -> list[Problem]:
    """What a log router complains about in what it printed, with the manifest's lines. `description`: its label."""
    if not description:
        return []
    content = json.loads(description)
    positions = {path: Position(*where) for path, where in content["positions"].items()}
    outputs = [(stream, plugin) for stream, plugin in content["outputs"]]
    sections = [Placed(*fields) for fields in content.get("sections", ())]
    return find_problems(output, outputs, positions, content["main"], sections)


def _aws_variables(configuration: LocalRouterConfiguration) -> dict[str, str]:
    """What AWS's plugins need to start: they look for keys at once, in the end on the network. The local endpoint takes
    any; where records really leave, none are given but the user's own."""
    aws = [output for output in configuration.outputs if output.plugin in AWS_PLUGINS]
    variables = dict(GO_VARIABLES) if any(output.policy == "local-aws" for output in aws) else {}
    if aws and all(output.policy != "live" for output in aws):
        variables |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return variables


def _metadata(identity: TaskIdentity) -> dict[str, str]:
    return {
        "ecs_cluster": identity.cluster,
        "ecs_task_arn": identity.task_arn,
        "ecs_task_definition": f"{identity.family}:{identity.revision}",
    }


def _files(texts: Mapping[str, str]) -> tuple[tuple[str, tuple[File, ...]], ...]:
    return tuple(
        (posixpath.dirname(path), (File(posixpath.basename(path), text.encode()),)) for path, text in texts.items()
    )
