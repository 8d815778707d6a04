"""`copilot-local up`: run services."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection
from emulator.cli.run.console_beside import WatchKey, beside
from emulator.cli.run.early_claim import EarlyClaim
from emulator.cli.run.native_options import Natives, refuse_watching
from emulator.cli.run.trust_workspace import with_trust
from emulator.cli.shell import completion
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.missing_on_machine import look
from emulator.cli.shell.options import (
    App,
    Credentials,
    Env,
    EnvFiles,
    Format,
    Name,
    NewEnv,
    OutputFormat,
    Quiet,
    Replacements,
    Router,
    Secrets,
    Strict,
    Variables,
    assignments,
    counts_of,
    env_files_of,
    services_of,
    variables_of,
)
from emulator.cli.shell.secret_prompt import secret_choice
from emulator.errors import ExitCode, UsageError
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.planning.up_request import UpRequest
    from emulator.settings_attended import Debugging


class Timing(enum.StrEnum):
    """Whose delays: ours, which suit a desk, or those that ECS and the manifest have."""

    LOCAL = "local"
    ECS = "ecs"


def up(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE]...",
            help="Services, or the path of one manifest. Default: all services.",
            autocompletion=completion.services,
        ),
    ] = None,
    with_deps: Annotated[
        bool,
        typer.Option(
            "--with-deps",
            help="Run what the named services call too: what their variables name, and `needs` of copilot-local.toml.",
        ),
    ] = False,
    app: App = None,
    env: Env = None,
    name: Name = None,
    new_env: NewEnv = False,
    env_file: EnvFiles = None,
    variables: Variables = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything runs, and leave it running.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="With -d, return when containers and load balancer targets are healthy.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Watch files: rebuild, replace or copy what a change belongs to.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            metavar="PORT",
            help="Publish the public load balancer on this port of 127.0.0.1. Default: 8080 or the next free one.",
        ),
    ] = None,
    https: Annotated[
        bool | None,
        typer.Option("--https/--no-https", help="Add an HTTPS listener or not. Default: as a deployment has it."),
    ] = None,
    https_port: Annotated[
        int | None,
        typer.Option(
            "--https-port",
            min=1,
            max=65535,
            metavar="PORT",
            help="Publish the HTTPS listener on this port of 127.0.0.1. Default: 8443 or the next free one.",
        ),
    ] = None,
    internal_port: Annotated[
        int | None,
        typer.Option(
            "--internal-port",
            min=1,
            max=65535,
            metavar="PORT",
            help="Publish the internal load balancer on this port of 127.0.0.1. Default: 8081 or the next free one.",
        ),
    ] = None,
    images: Replacements = None,
    debug: Annotated[
        list[str] | None,
        typer.Option(
            "--debug",
            metavar="CONTAINER=[HOST:]PORT",
            help="Publish a debugger's port of a container on 127.0.0.1, and do not give up its task as unhealthy. "
            "Repeatable.",
        ),
    ] = None,
    debug_command: Annotated[
        list[str] | None,
        typer.Option(
            "--debug-command",
            metavar="CONTAINER=COMMAND",
            help="Run this in place of a debugged container's entry point and command. Repeatable.",
        ),
    ] = None,
    native: Natives = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale", metavar="SERVICE=N", help="Run this many tasks of a service, in place of `count`. Repeatable."
        ),
    ] = None,
    wait_timeout: Annotated[
        int | None,
        typer.Option(
            "--wait-timeout",
            min=1,
            metavar="SECONDS",
            help="Wait this long with --wait. Default: 120, or `wait_timeout` of copilot-local.toml.",
        ),
    ] = None,
    jobs: Annotated[
        bool | None,
        typer.Option(
            "--jobs/--no-jobs",
            help="Run Scheduled Jobs on their schedules, or not. Default: as copilot-local.toml says.",
        ),
    ] = None,
    console: Annotated[
        bool, typer.Option("--console", help="Open the console, a local web page of the environment, for as long.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    retain: Annotated[
        bool, typer.Option("--retain", help="Keep what was made when something fails, to look at it.")
    ] = False,
    timing: Annotated[
        Timing, typer.Option("--timing", help="Timings to use: local (shortened) or ecs (as in the manifest).")
    ] = Timing.LOCAL,
    credentials: Credentials = None,
    secrets: Secrets = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--logs",
            metavar="[NAME=]POLICY",
            help="Choose what happens to FireLens destinations: capture, local-aws or live. NAME is a container or an "
            "output plugin. Repeatable.",
        ),
    ] = None,
    task_definition: Annotated[
        Path | None,
        typer.Option(
            "--task-definition", metavar="FILE", help="Run a plain ECS task definition (JSON) instead of services."
        ),
    ] = None,
    strict: Strict = False,
    router: Router = False,
    quiet: Quiet = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Run services as ECS on Fargate would, and show their logs until Ctrl-C."""
    from emulator.display import make_display

    _refuse_combinations(detach, wait=wait, dry_run=dry_run, watch=watch, console=console, quiet=quiet, format=format)
    replacements = assignments(images, "--image")
    debugging = _debugging(debug, debug_command)
    display = make_display("json" if format is OutputFormat.JSON else "text", quiet=quiet)
    manifest_variables, env_files = env_files_of(env_file)
    selection = Selection(
        app,
        env,
        services_of(name, *(services or ())),
        manifest_variables,
        variables=variables_of(variables),
        with_deps=with_deps,
        task_definition=task_definition,
        env_files=env_files,
        counts=counts_of(scale, "--scale"),
        new_environment=new_env,
    )
    claims = not (dry_run or watch)
    with closing(display), EarlyClaim(selection, display.emit, claims=claims, stays=not detach) as early:
        from emulator.app.up_request import UpOptions, up_request  # Docker works meanwhile

        choice = secret_choice(secrets, before_asking=early.give_up)
        emit_once = _without_repeated_warnings(display.emit)
        options = UpOptions(
            strict=strict,
            replacements=replacements,
            debug=debugging,
            native=native or (),
            port=port,
            https=https,
            https_port=https_port,
            internal_port=internal_port,
            timing=timing,
            wait=wait,
            retain=retain,
            jobs=jobs,
            foreground=not detach,
            credentials=credentials,
            logs=logs or (),
            secrets=choice,
            wait_timeout=wait_timeout,
        )

        load = partial(up_request, selection, emit_once, options, look=look)
        loaded = early.interruptibly(lambda: with_trust(load, early.give_up))
        request = replace(loaded, show_router=router)
        choice.ask = None  # from here on the terminal belongs to the logs
        if dry_run:
            code = early.interruptibly(lambda: _dry_run(early.engine, request))
        else:
            refuse_watching(request, watch=watch)
            early.interruptibly(lambda: _check(early.engine, request, display.emit))
            with beside(early.engine, request, selection, display.emit, console, quiet, detach, watch) as (w, emit):
                extra = [file for file in (manifest_variables, task_definition) if file]
                follow = partial(_watch, early, request, load, emit, extra, w)
                code = follow() if watch else _run(early, request, emit, w, follow, detach=detach)
    raise typer.Exit(code)


def _debugging(ports: Sequence[str] | None, commands: Sequence[str] | None) -> dict[str, Debugging]:
    """What `--debug` and `--debug-command` say. Raises UsageError."""
    if not ports and not commands:
        return {}
    from emulator.runtime.specs.attended.debugging import read_options

    return read_options(ports or (), commands or ())


def _check(engine: Engine, request: UpRequest, emit: Emit) -> None:
    """Raises what can be known of logins and roles before anything is made."""
    from emulator.runtime.images.resolver import check_logins
    from emulator.runtime.specs.attended.debugging import tell

    check_logins(engine, request)
    tell(request.debug, emit)
    if request.native:
        from emulator.runtime.specs.attended.native import tell as tell_natives

        tell_natives(request.native, request.services, emit)
    if request.private.task_roles:
        from emulator.runtime.secrets.sts import check_roles

        check_roles(request.private)


def _watch(
    early: EarlyClaim,
    request: UpRequest,
    load: Callable[[], UpRequest],
    emit: Emit,
    extra_files: Sequence[Path],
    w: WatchKey,
    *,
    owned: bool = False,
) -> int:
    from emulator.runtime.watch.watch import run_watch

    joined = threading.Event()
    interrupted, killed = interruptions(emit, detaches=joined)
    early.hand_over(interrupted)
    return run_watch(
        early.engine,
        request,
        load,
        emit,
        extra_files=extra_files,
        interrupted=interrupted,
        killed=killed,
        joined=joined,
        owned=owned,
        held=w.held,
    )


def _refuse_combinations(
    detach: bool, *, wait: bool, dry_run: bool, watch: bool, console: bool, quiet: bool, format: OutputFormat
) -> None:
    """Raises UsageError for options that contradict each other."""
    if wait and not (detach or dry_run):
        raise UsageError("--wait needs -d", hint="without -d, up stays and shows the logs")
    if watch and (detach or dry_run):
        raise UsageError("--watch cannot be combined with -d or --dry-run", hint="it stays until Ctrl-C")
    if console and (detach or dry_run):
        raise UsageError(
            "--console cannot be combined with -d or --dry-run",
            hint="it is served by this command; `copilot-local console` shows what runs already",
        )
    if quiet and format is OutputFormat.JSON:
        raise UsageError("--quiet cannot be combined with --format json", hint="its reader chooses by `kind`")


def _without_repeated_warnings(emit: Emit) -> Emit:
    """Manifests that are read again each time they change are warned about once, and say once what tasks get."""
    from emulator.app.permissions import TASKS_GET

    told: set[tuple[str, str]] = set()

    def emit_once(event: Event) -> None:
        if event.kind is EventKind.WARNING or event.subject == TASKS_GET:
            if (event.subject, event.message) in told:
                return
            told.add((event.subject, event.message))
        emit(event)

    return emit_once


def _dry_run(engine: Engine, request: UpRequest) -> int:
    from emulator.runtime.lifecycle.dry_run import dry_run
    from emulator.runtime.planning.up_request import also_done

    lines = [str(dry_run(engine, request)), *also_done(request)]
    typer.echo("\n".join(line for line in lines if line) or "nothing to do")
    return ExitCode.OK


def _run(
    early: EarlyClaim, request: UpRequest, emit: Emit, w: WatchKey, follow: Callable[..., int], *, detach: bool
) -> int:
    """`follow` watches where the key `w` asks for it."""
    joined = threading.Event()
    interrupted, killed = interruptions(emit, detaches=joined)
    engine, claim = early.engine, early.hand_over(interrupted)
    if not detach:
        from emulator.runtime.lifecycle.foreground import run_foreground

        code = run_foreground(
            *(engine, request, emit),
            interrupted=interrupted,
            killed=killed,
            joined=joined,
            detach=w.leave,
            farewell=w.farewell,
            claim=claim,
        )
        return follow(owned=not joined.is_set()) if w.takes_over else code
    from emulator.runtime.execution.context import Cancelled
    from emulator.runtime.lifecycle.up import up as bring_up

    try:
        running = bring_up(engine, request, emit, cancelled=interrupted, claim=claim)
    except Cancelled:
        return ExitCode.INTERRUPTED
    running.hand_over()
    from emulator.cli.run.up_lines import lines

    for event in lines(running, request):
        emit(event)
    running.tell_trust(emit)
    return ExitCode.OK
