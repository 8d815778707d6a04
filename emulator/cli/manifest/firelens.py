"""`copilot-local firelens`: what the log router is told."""

from __future__ import annotations

import enum
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.load import load_one
from emulator.app.selection import Selection, region
from emulator.app.up_request import log_destinations
from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.options import (
    App,
    Env,
    EnvFile,
    Format,
    Name,
    OutputFormat,
    Replacements,
    Service,
    ShowSecrets,
    Strict,
    assignments,
    services_of,
)
from emulator.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.firelens.local import Difference


class Which(enum.StrEnum):
    """Which of the two files to print."""

    BOTH = "both"
    ECS = "ecs"
    LOCAL = "local"


def config(
    service: Service = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    env_file: EnvFile = None,
    strict: Strict = False,
    container: Annotated[
        str | None, typer.Option("--container", "-c", metavar="NAME", help="Only the sections about this container.")
    ] = None,
    logs: Annotated[
        list[str] | None, typer.Option("--logs", metavar="[NAME=]POLICY", help="As `up --logs`. Repeatable.")
    ] = None,
    only: Annotated[Which, typer.Option("--only", help="Print one of the two files alone.")] = Which.BOTH,
    show_secrets: ShowSecrets = False,
) -> None:
    """Print the router's configuration as ECS would generate it, the one in use here, and why they differ."""
    from emulator.display import make_display
    from emulator.firelens.routing import routed_containers
    from emulator.runtime.images.router_configuration import router_configurations
    from emulator.runtime.reports.redact import Redactor, secrets_of

    display = make_display()
    loaded = load_one(Selection(app, env, services_of(name, service), env_file), display.emit, strict=strict)
    redact = str if show_secrets else Redactor(secrets_of(loaded.service))
    asked = log_destinations(logs or ())
    settings = loaded.settings.with_destinations(asked).logs
    found = router_configurations(loaded.service, settings, asked, region())
    ecs, local, differences = found.ecs, found.local, list(found.differences)
    if container is not None:
        routed = [one.name for one in routed_containers(loaded.service.task_definition)]
        if container not in routed:
            raise UsageError(f"{container} does not log through the router", hint=f"those do: {', '.join(routed)}")
        ecs, local, differences = _about(container, ecs), _about(container, local), []
    printed = {Which.ECS: ecs, Which.LOCAL: local, Which.BOTH: _both(ecs, found.path, local, differences)}
    sys.stdout.write(redact(printed[only]))


def _both(ecs: str, path: str, local: str, differences: Sequence[Difference]) -> str:
    lines = ["# ---- what ECS generates ----", ecs.rstrip(), "", f"# ---- in use here: {path} ----", local.rstrip(), ""]
    if differences:
        lines.append("# ---- the differences ----")
    for number, difference in enumerate(differences, start=1):
        lines.append(f"# {number}. {difference.reason}")
        lines += [f"#    - {line}" for line in difference.ecs]
        lines += [f"#    + {line}" for line in difference.local]
    return "\n".join(lines) + "\n"


def _about(container: str, text: str) -> str:
    """The sections of a configuration that match the container's records, or every record."""
    sections = text.strip("\n").split("\n\n")
    return "".join(f"\n{one}\n" for one in sections if f"{container}-firelens" in one or "Match *" in one)


def check(
    service: Service = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    env_file: EnvFile = None,
    strict: Strict = False,
    images: Replacements = None,
) -> None:
    """Start the real router on ECS's configuration for a moment, without network, and say what it rejects."""
    from emulator.app.permissions import asked_for_one
    from emulator.display import make_display
    from emulator.engine.connect import connect
    from emulator.runtime.images.resolver import ImageResolver
    from emulator.runtime.images.router_check import check_router
    from emulator.runtime.images.router_configuration import ADDS_ROUTER
    from emulator.runtime.images.sources import ImageSources
    from emulator.runtime.state.names import Names
    from emulator.trust.check import require

    display = make_display()
    selection = Selection(app, env, services_of(name, service), env_file)
    loaded = load_one(selection, display.emit, strict=strict)
    router = loaded.service.task_definition.log_router
    if router is None:
        raise InputError(f"service {loaded.service.name} has no log router", hint=ADDS_ROUTER)
    require(asked_for_one(loaded, selection))
    task = loaded.service.task_definition.model_copy(update={"container_definitions": [router]})
    alone = loaded.service.model_copy(update={"task_definition": task})
    with closing(connect()) as engine:
        root = loaded.workspace.root
        settings = loaded.settings
        sources = ImageSources(root, settings.substitute, assignments(images, "--image"), settings.images)
        resolver = ImageResolver(engine, sources, display.emit)
        image = resolver.resolve([alone])[alone.name][router.name]
        environment = Names(loaded.service.app, loaded.service.environment)
        result = check_router(engine, environment, loaded.service, image, region())
    display.close()
    fatal = [problem for problem in result.problems if problem.fatal]
    for problem in result.problems:
        if not problem.fatal or problem is not fatal[0]:
            typer.echo(f"{'error' if problem.fatal else 'warning'}: {problem}", err=True)
    if fatal:
        raise InputError(fatal[0].message, position=fatal[0].position, hint=f"said by {result.version}")
    typer.echo(f"{result.version} takes the configuration of {loaded.service.name}: {result.outputs} output(s)")


def metrics(
    service: Annotated[str | None, typer.Argument(help="Service name. Default: all that have a log router.")] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show Fluent Bit's own counters: records and bytes in and out, retries, errors, drops."""
    from emulator.runtime.reports.router_metrics import router_metrics, tasks_with_routers

    with chosen_environment(app, env) as (engine, names):
        for task in tasks_with_routers(engine, names, services_of(name, service)):
            found = router_metrics(engine, task)
            if format is OutputFormat.JSON:
                typer.echo(json.dumps({"service": task.service, "task": task.id, **found}))
                continue
            typer.echo(f"{task.service} {task.short_id}")
            for kind, plugins in found.items():
                for plugin, counters in plugins.items():
                    shown = ", ".join(f"{key} {value}" for key, value in counters.items())
                    typer.echo(f"  {kind} {plugin}: {shown}")


def tail(
    service: Annotated[str | None, typer.Argument(help="The service, where several have a log router.")] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow/--once", "-f/-1", help="Follow the output, or stop.")] = True,
) -> None:
    """Show what a log router says itself, its errors with the line of the manifest that they are about."""
    from emulator.runtime.reports.router_metrics import router_words, tasks_with_routers

    with chosen_environment(app, env) as (engine, names):
        found = tasks_with_routers(engine, names, services_of(name, service))
        if follow and len(found) > 1:
            several = ", ".join(sorted({task.service for task in found}))
            raise UsageError(f"several log routers run: {several}", hint="choose a service, or look --once")
        for task in found:
            for text, position in router_words(engine, task, follow=follow):
                typer.echo(f"{text}  ← {position}" if position else text)
