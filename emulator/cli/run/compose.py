"""`copilot-local compose`: what Docker Compose asks of a provider of services.

Source: docs/extension.md of docker/compose. Compose runs `copilot-local compose --project-name=NAME up|down|stop
[--OPTION=VALUE]... SERVICE` and reads one JSON message per line from standard output; standard error is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from emulator.app.selection import Selection, find_names
from emulator.cli.run.early_claim import EarlyClaim
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.machine_errors import machine_error
from emulator.errors import CopilotLocalError, ExitCode, InputError, UsageError
from emulator.events import Event, EventKind

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.lifecycle.running import Running

_PROJECT = "com.docker.compose.project"
_PLACE: Final = {
    "workspace": "Folder of the workspace, from where `docker compose` runs. Default: that folder, or one above it.",
    "app": "Application. Default: that of the workspace.",
    "environment": "Environment. Default: as for `copilot-local up`.",
}
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "up": {
        **_PLACE,
        "service": "A service to run. Repeatable. Default: all of them.",
        "port": "Port of this machine for the public load balancer. Default: 8080 or the next free one.",
        "variable": "SERVICE/NAME: a variable of a service's main container, passed on as it is. Repeatable.",
    },
    "down": _PLACE,
    "stop": _PLACE,
}


def compose(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENT...", help="up, down, stop or metadata; then options, and the service's name."),
    ] = None,
    project_name: Annotated[str, typer.Option("--project-name", metavar="NAME", help="The Compose project.")] = "",
) -> None:
    """Be a provider of Docker Compose: what it runs for a service with `provider: {type: copilot-local}`."""
    verb, *rest = arguments or ["metadata"]
    if verb == "metadata":
        typer.echo(json.dumps(_metadata(), indent=2))
        return
    try:
        if verb not in _OPTIONS:
            raise UsageError(f"Docker Compose asks a provider for up, down, stop or metadata, and not for {verb}")
        asked = _read(verb, project_name, rest)
        code = _up(asked) if verb == "up" else _down(asked)
    except Exception as error:
        code = _failed(error)
    raise typer.Exit(code)


def _failed(error: Exception) -> int:
    """Tells what went wrong and returns the exit code. Raises what may be a bug."""
    from emulator.display.failure import render_error

    known = error if isinstance(error, CopilotLocalError) else machine_error(error)
    if known is None:
        _say("error", f"copilot-local has a bug: {error!r}")
        raise error
    _say("error", render_error(known).removeprefix("error: "))
    return known.exit_code


@dataclass(frozen=True, slots=True)
class _Asked:
    """What Compose asks for. `service` is the name of the environment in the Compose file."""

    project: str
    service: str
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """The value of an option that is given once."""
        return next(iter(self.options.get(name, ())), None)

    @property
    def selection(self) -> Selection:
        """The environment and its services."""
        workspace = self.one("workspace")
        services = tuple(self.options.get("service", ()))
        start = Path(workspace).expanduser().resolve() if workspace else None
        if start is not None and not start.is_dir():
            raise InputError(f"workspace: there is no folder {start}", hint="it is looked for from where you are")
        return Selection(self.one("app"), self.one("environment"), services, start=start)


def _read(verb: str, project: str, words: Sequence[str]) -> _Asked:
    """Raises UsageError for what is no option, and where the service is missing."""
    options: dict[str, list[str]] = {}
    services = []
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            services.append(word)
        elif name in _OPTIONS["up"]:
            options.setdefault(name, []).append(value)
        else:
            known = ", ".join(_OPTIONS[verb])
            raise UsageError(f"{name} is no option of a provider of the type copilot-local", hint=f"options: {known}")
    if len(services) != 1:
        raise UsageError("Docker Compose names one service, after the options")
    return _Asked(project, services[0], options)


def _metadata() -> dict[str, object]:
    def parameter(name: str, description: str) -> dict[str, object]:
        kind = "integer" if name == "port" else "string"
        return {"name": name, "description": description, "required": False, "type": kind}

    verbs = {verb: {"parameters": [parameter(*one) for one in known.items()]} for verb, known in _OPTIONS.items()}
    return {"description": "Runs an AWS Copilot workspace as ECS on Fargate would.", **verbs}


def _up(asked: _Asked) -> int:
    from emulator.app.up_request import UpOptions, up_request
    from emulator.cli.shell.missing_on_machine import look
    from emulator.runtime.execution.context import Cancelled
    from emulator.runtime.images.resolver import check_logins
    from emulator.runtime.lifecycle.up import up

    options = UpOptions(port=_port(asked.one("port")), wait=True)
    with EarlyClaim(asked.selection, _tell, claims=True, stays=False) as early:
        request = early.interruptibly(lambda: up_request(asked.selection, _tell, options, look=look))
        early.interruptibly(lambda: check_logins(early.engine, request))
        interrupted, _ = interruptions(_tell)
        try:
            running = up(early.engine, request, _tell, cancelled=interrupted, claim=early.hand_over(interrupted))
        except Cancelled:
            return ExitCode.INTERRUPTED
        running.hand_over()
        for name, value in _variables(early.engine, running, asked).items():
            _say("setenv", f"{name}={value}")
    return ExitCode.OK


def _variables(engine: Engine, running: Running, asked: _Asked) -> dict[str, str]:
    """Puts what services of the project are to reach into its networks; returns the variables that tell of it."""
    from emulator.runtime.reports.compose_variables import compose_variables, shared_containers
    from emulator.runtime.state.observed import observe

    networks = engine.list_networks({_PROJECT: asked.project})
    if not networks:
        _say("info", "no network of the project is there: its containers do not reach the environment")
    observed = observe(engine, running.environment)
    for shared in shared_containers(running.state, observed, asked.service):
        for network in networks:
            engine.join_network(shared.container.name, network, shared.aliases)
    observed = observe(engine, running.environment)
    default = f"{asked.project}_default"
    network = default if default in networks else next(iter(networks), "")
    found = compose_variables(running.state, observed, asked.service, network)
    for wanted in asked.options.get("variable", ()):
        service, _, name = wanted.partition("/")
        tasks = observed.tasks_of(service)
        member = tasks[0].members.get(service) if tasks else None
        value = engine.variables(member.container.name).get(name) if member is not None else None
        if value is None:
            raise InputError(
                f"variable: {wanted}: {'it has no such variable' if member else f'no service {service} runs'}",
                hint="SERVICE/NAME; `copilot-local env SERVICE` shows the names",
            )
        found[name] = value
    return found


def _down(asked: _Asked) -> int:
    """Data stays, as with `copilot-local down`: Compose does not say whether `-v` was given."""
    from emulator.engine.connect import connect
    from emulator.runtime.lifecycle.down import down
    from emulator.runtime.state.names import Names
    from emulator.setup.images import any_agent_image

    names = Names(*find_names(asked.selection))
    with closing(connect()) as engine:
        _, killed = interruptions(_tell)
        down(engine, names, _tell, cancelled=killed, agent_image=lambda: any_agent_image(_tell))
    return ExitCode.OK


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise UsageError(f"port: {text} is no port")
    return int(text)


def _tell(event: Event) -> None:
    """An event as a message: Compose shows the last one as the service's state."""
    if event.kind in (EventKind.STEP_STARTED, EventKind.INFO):
        _say("info", f"{event.subject} {event.message}".strip())
    elif event.kind is EventKind.WARNING:
        _say("info", f"warning: {event.subject}: {event.message}")
    else:
        _say("debug", f"{event.kind}: {event.subject} {event.message}".strip())


def _say(type: str, message: str) -> None:
    typer.echo(json.dumps({"type": type, "message": message}))
