"""Starts a log router for a moment, without a network, to hear what it says of its configuration.

`fluent-bit --dry-run` takes wrong options; only a real start refuses them.
"""

from __future__ import annotations

import posixpath
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.ecs.identity import task_identity
from emulator.ecs.service import Service
from emulator.engine.interface import ContainerSpec, ContainerState, Engine, File, Mount
from emulator.errors import TaskError
from emulator.firelens.destinations import EVERY, Destinations
from emulator.firelens.diagnose import STARTED, Problem, explained
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration
from emulator.firelens.routing import find_router, router_secrets
from emulator.firelens.stored import LOG_FOLDER
from emulator.firelens.users_files import find_in
from emulator.runtime.health.last_words import lost_its_reason, say_again
from emulator.runtime.images.router_configuration import no_router
from emulator.runtime.images.router_files import read_router_image
from emulator.runtime.specs.limits import MIB, OWN_PIDS
from emulator.runtime.specs.log_router import (
    NO_OUTPUT,
    describe_router,
    drops_everything,
    manifest_lines,
    router_problems,
)
from emulator.runtime.state.names import Names, Role, sealed

START_TIMEOUT = 30.0
WATCHED = 1.0
"""Seconds for which a router is watched after its start."""
MEMORY = 512 * MIB
_VERSION = re.compile(r"Fluent Bit v[0-9.]+")
INFO = {"FLB_LOG_LEVEL": "info"}
"""The variable wins over `Log_Level`, also where it is the image's."""
KEYS = {"AWS_ACCESS_KEY_ID": "check", "AWS_SECRET_ACCESS_KEY": "check"}


@dataclass(frozen=True, slots=True)
class RouterCheck:
    """What a router said. `version`: its first line; `outputs`: how many it was given."""

    problems: tuple[Problem, ...]
    version: str
    outputs: int


def check_router(engine: Engine, environment: Names, service: Service, image: str, region: str) -> RouterCheck:
    """Starts the router of a service on ECS's own file, every output as it would be deployed, and stops it.

    `image` must be local. Plugins in Go that it lacks are checked as Fluent Bit's own. Nothing can leave: there is no
    network, and the keys and secrets are none. Raises InputError where there is no router, TaskError where it says
    nothing.
    """
    definition = service.task_definition
    router = find_router(definition)
    if router is None:
        raise no_router(service)
    configuration = _as_deployed(engine, environment, service, image, region)
    variables: Mapping[str, str] = {
        **KEYS,
        **{pair.name: pair.value for pair in router.container.environment if isinstance(pair.value, str)},
        **{secret.name: "check" for secret in (*router.container.secrets, *router_secrets(definition))},
        **INFO,
    }
    description = describe_router(service, configuration)
    lines, code, problems = _run(
        engine, environment, image, configuration, variables, lambda said: router_problems(description, said)
    )
    version = next((match[0] for line in lines if (match := _VERSION.search(line))), "the log router")
    if code is not None and not any(problem.fatal for problem in problems):
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        position = service.positions.get("logging.configFilePath") or service.positions.get("logging")
        problems.append(
            Problem(f"the log router ended with code {code} and did not say why; it printed last: {last}", "", position)
        )
    if drops_everything(configuration) and not problems:
        problems.append(Problem(NO_OUTPUT, "", service.positions.get("logging"), fatal=False))
    return RouterCheck(tuple(problems), version, len(configuration.outputs))


def _as_deployed(
    engine: Engine, environment: Names, service: Service, image: str, region: str
) -> LocalRouterConfiguration:
    """ECS's own file, with what the image includes; every output as it would be deployed.

    Only the router's log is another: that it has started, it says at level info alone.
    """
    definition = service.task_definition
    cluster = f"{service.app}-{service.environment}"
    with manifest_lines(service):
        found = read_router_image(
            engine,
            environment,
            definition,
            image,
            plugins=True,
            position=service.positions.get("logging.configFilePath"),
            image_position=service.positions.get("logging.image") or service.positions.get("logging"),
        )
        return local_router_configuration(
            definition,
            task_identity(cluster=cluster, family=definition.family, region=region),
            service=service.name,
            fidelity="ecs",
            destinations=Destinations({EVERY: "live"}, frozenset(found.go_plugins or ()) or None),
            read=found.files.get,
            find=find_in(found.files),
            working_directory=found.working_directory,
            says_all=True,
        )


def _run(
    engine: Engine,
    environment: Names,
    image: str,
    configuration: LocalRouterConfiguration,
    variables: Mapping[str, str],
    problems_of: Callable[[Sequence[str]], list[Problem]],
) -> tuple[list[str], int | None, list[Problem]]:
    """What the router says on that configuration, its exit code (None where it goes on), and what is wrong.

    It is removed; before that it says again what it lost at its end.
    """
    name = f"{environment.prefix}-check-{secrets.token_hex(4)}"
    volume = f"{name}-socket"
    labels = environment.labels(Role.VOLUME)
    engine.ensure_volume(volume, labels)
    try:
        engine.create_container(
            ContainerSpec(
                name=name,
                image=image,
                labels=sealed(environment.labels()),
                environment=variables,
                network="none",
                memory=MEMORY,
                pids_limit=OWN_PIDS,
                mounts=(Mount(volume, "/var/run", copy=False), Mount(volume, LOG_FOLDER, copy=False)),
            )
        )
        for path, text in {configuration.path: configuration.text, **configuration.files}.items():
            engine.put_files(name, "/", [File(posixpath.relpath(path, "/"), text.encode())])
        engine.start(name)
        lines, code = _listen(engine, name)
        problems = problems_of(lines)
        if not explained(problems) and lost_its_reason(lines, code):
            problems = problems_of(say_again(engine, name, lambda said: explained(problems_of(said)))) or problems
        return lines, code, problems
    finally:
        engine.remove(name)
        engine.remove_volume(volume)


def _listen(engine: Engine, name: str) -> tuple[list[str], int | None]:
    """What the router prints until it has started or ended, and the exit code if it has ended.

    One that has started is watched a little longer: it may end over what it finds then.
    """
    deadline = time.monotonic() + START_TIMEOUT
    started: float | None = None
    while True:
        rows = [row for row in engine.list_containers({}) if row.name == name]
        ended = next((row.exit_code or 0 for row in rows if row.state is not ContainerState.RUNNING), None)
        lines = [line.text for line in engine.logs(name)]
        now = time.monotonic()
        if started is None and any(sign in line for line in lines for sign in STARTED):
            started = now
        if ended is not None or (started is not None and now > started + WATCHED):
            return lines, ended
        if now > deadline:
            raise TaskError(
                f"the log router did not start within {START_TIMEOUT:.0f} s",
                hint="its last words: " + " | ".join(lines[-3:]),
            )
        time.sleep(0.1)
