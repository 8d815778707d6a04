"""`copilot-local logs`: what containers printed, and what arrived of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection
from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import chosen_environment, environment_names
from emulator.cli.shell.options import App, Env, Format, OutputFormat, Router, services_of
from emulator.errors import TaskError, UsageError

if TYPE_CHECKING:
    from emulator.cli.observe.log_views import View


ALL = -1
_NUMBER = re.compile(r"[-+]?\d+")


def _lines(text: str, option: str = "") -> int:
    """How many lines; ALL of all. Raises typer.BadParameter, with the name of an `option` that may be about others."""
    if text == "all":
        return ALL
    if not text.isdecimal():
        raise typer.BadParameter(f"a number of lines or all, not {text!r}", param_hint=option or None)
    return int(text)


def logs(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE[/CONTAINER]]...",
            help="Services, or a container. Default: all.",
            autocompletion=completion.running_services,
        ),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            "-n",
            metavar="SERVICE|LINES",
            help="Service name: a folder of copilot/, or the path of a manifest. A number is --tail.",
            autocompletion=completion.running_services,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the output.")] = False,
    routed: Annotated[
        bool, typer.Option("--routed", help="The records that left the log router, as JSON, one per line.")
    ] = False,
    join: Annotated[
        bool, typer.Option("--join", help="With --routed: lines that Docker splits at 16 KB, as one record.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="What went into the log router against what came out, one line per container and destination.",
        ),
    ] = False,
    access: Annotated[
        bool, typer.Option("--access", help="The load balancer's access log, one line per request in an ALB's format.")
    ] = False,
    previous: Annotated[
        bool, typer.Option("--previous", help="Logs of containers that are gone, unless they log through FireLens.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            parser=_lines,
            metavar="LINES",
            help="Only the last lines of each container or destination; or `all`. Also -n LINES.",
        ),
    ] = None,
    container: Annotated[
        list[str] | None,
        typer.Option(
            "--container",
            "-c",
            metavar="NAME",
            help="Only this container. Repeatable.",
            autocompletion=completion.containers,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only from then on: 10s, 5m, 2h, 1d ago, or a date.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only before then.")] = None,
    grep: Annotated[
        str | None, typer.Option("--grep", metavar="REGEX", help="Only lines in which this matches.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", metavar="ID", help="Only lines that hold the id of this trace; or `last`.")
    ] = None,
    router: Router = False,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Each line with its time.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show the logs of an environment's containers."""
    from emulator.cli.shell.unknown_names import log_names, meant_as_containers

    if name is not None and _NUMBER.fullmatch(name):
        tail, name = _lines(name, "-n"), None
    tail = None if tail == ALL else tail
    flags = {"--routed": routed, "--access": access, "--compare": compare, "--previous": previous}
    views = [view for view, wanted in flags.items() if wanted]
    chosen, within = log_names(services_of(name, *(services or ())))
    container = [*(container or []), *within]
    _refuse_combinations(
        views, flags, follow=follow, join=join, tail=tail, until=until, container=container, some=since or until or grep
    )
    if trace is not None:
        grep = _trace_pattern(trace, app, env, grep)
    as_json = format is OutputFormat.JSON
    if not (views or follow or container or since or until or grep):
        from emulator.cli.observe.log_lines import print_direct

        names = environment_names(app, env)
        if print_direct(names, chosen, tail, router=router, timestamps=timestamps, as_json=as_json):
            return
    from emulator.cli.observe.log_views import View, line_filter
    from emulator.cli.shell.unknown_names import refuse_after_down
    from emulator.runtime.state.observed import observe

    with chosen_environment(app, env) as (engine, environment):
        observed = observe(engine, environment)
        if not access and meant_as_containers(observed, chosen):
            chosen, container = [], [*container, *chosen]
        keep = line_filter(container, since, until, grep)
        view = View(
            engine,
            environment,
            observed,
            chosen,
            keep,
            chooses=bool(container or since or until or grep),
            containers=container,
            tail=tail,
            follow=follow,
            timestamps=timestamps,
            as_json=as_json,
        )
        if routed or previous or access:
            refuse_after_down(engine, environment, view.observed)
        idle = _check_names(view, stored=routed or previous)
        if follow:
            _say_idle(view, idle)
        count = _print(view, views, Selection(app, env, tuple(chosen)), join=join, router=router)
        if trace is not None and not (count or follow):
            raise _not_printed(trace)
        if not follow and (not count or not (routed or access or previous)):
            _say_idle(view, idle)
        if compare and not count and not idle:
            typer.echo("no container that runs logs through a log router", err=True)


def _print(view: View, views: Sequence[str], selection: Selection, *, join: bool, router: bool) -> int:
    """Prints what the options choose; returns how much that was."""
    match views:
        case ["--routed"]:
            return view.records(join=join)
        case ["--access"]:
            return view.access()
        case ["--compare"]:
            return view.comparison(selection)
        case ["--previous"]:
            return view.kept()
        case _:
            return view.lines(router=router)


def _not_printed(trace: str) -> TaskError:
    return TaskError(
        f"no container printed the id of trace {trace}",
        hint="lines hold it where the application logs the X-Amzn-Trace-Id it gets;"
        " `copilot-local traces` lists the traces that were received",
    )


def _trace_pattern(trace: str, app: str | None, env: str | None, grep: str | None) -> str:
    """A regular expression for the id of a trace. Raises UsageError beside --grep, AgentError for an unknown id."""
    if grep is not None:
        raise UsageError("--trace cannot be combined with --grep")
    from emulator.cli.shell.chosen_environment import running_agent
    from emulator.runtime.reports.trace_lines import pattern_of
    from emulator.traces.spans import Malformed, trace_digits

    try:
        return pattern_of(trace_digits(trace))  # a whole id, also of a trace that was not received
    except Malformed:
        with running_agent(app, env) as agent:
            return pattern_of(agent.trace(trace)["trace"]["id"])


def _refuse_combinations(
    views: Sequence[str],
    all_views: Iterable[str],
    *,
    follow: bool,
    join: bool,
    tail: int | None,
    until: str | None,
    container: Sequence[str] | None,
    some: str | None,
) -> None:
    """Raises UsageError for options that contradict each other. `some`: of --since, --until and --grep, any."""
    if len(views) > 1:
        raise UsageError(f"{', '.join(all_views)} are different views: choose one")
    view = views[0] if views else ""
    if view == "--compare" and tail is not None:
        raise UsageError("--tail cannot be combined with --compare", hint="it counts all lines")
    if view == "--compare" and some:
        raise UsageError("--since, --until and --grep cannot be combined with --compare", hint="it counts all lines")
    if join and view != "--routed":
        raise UsageError("--join needs --routed", hint="what containers print comes whole anyway")
    if view == "--access" and container:
        raise UsageError("--container cannot be combined with --access", hint="name services, or --grep for a target")
    if view in ("--compare", "--previous") and follow:
        raise UsageError("--compare and --previous look once: without -f")
    if follow and until:
        raise UsageError("--until cannot be combined with -f")


def _check_names(view: View, *, stored: bool) -> list[str]:
    """The chosen services of which nothing runs. Raises UsageError for a service or container that does not exist."""
    from emulator.cli.shell.unknown_names import check_containers, check_services

    idle = check_services(view.engine, view.environment, view.observed, view.services)
    if view.containers:
        others = view.stored_containers() if stored else ()
        check_containers(view.observed, view.services, view.containers, others)
    return idle


def _say_idle(view: View, idle: list[str]) -> None:
    from emulator.cli.shell.unknown_names import logs_that_stay, why_idle

    for name in idle:
        typer.echo(why_idle(view.engine, view.environment, view.observed, name), err=True)
    if not view.observed.containers and not idle:
        where = f"{view.environment.app}/{view.environment.environment}"
        kept = logs_that_stay(view.engine, view.environment, view.observed)
        typer.echo(f"nothing is running in {where}{f'; {kept}' if kept else ''}", err=True)
