"""`copilot-local logs`: what containers printed, and what arrived of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli import choices
from emulator.cli.environment import chosen_environment
from emulator.cli.options import App, Env, Format, Name, OutputFormat, services_of
from emulator.errors import UsageError
from emulator.events import Event, EventKind
from emulator.loading import Selection

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.logs import ContainerLine
    from emulator.runtime.names import Names

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Keep = Callable[[str, str, datetime | None], bool]
"""Whether a line of a container, with its time, is wanted."""


def logs(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]...", help="Services. Else all.", autocompletion=choices.running_services),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    routed: Annotated[
        bool, typer.Option("--routed", help="The records that left the log router, as JSON, one a line.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="What went into the log router against what came out, a container a line.")
    ] = False,
    access: Annotated[
        bool, typer.Option("--access", help="The load balancer's access log, a request a line in an ALB's format.")
    ] = False,
    previous: Annotated[
        bool, typer.Option("--previous", help="What removed containers had printed that do not log through FireLens.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, metavar="LINES", help="Only the last lines of each container.")
    ] = None,
    container: Annotated[
        list[str] | None,
        typer.Option(
            "--container",
            "-c",
            metavar="NAME",
            help="Only this container. Repeatable.",
            autocompletion=choices.containers,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only from then on: 10s, 5m, 2h, 1d ago, or a date.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only before then.")] = None,
    grep: Annotated[
        str | None, typer.Option("--grep", metavar="REGEX", help="Only lines in which this matches.")
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Each line with its time.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show the logs of an environment's containers."""
    flags = {"--routed": routed, "--access": access, "--compare": compare, "--previous": previous}
    views = [view for view, wanted in flags.items() if wanted]
    if len(views) > 1:
        raise UsageError(f"{', '.join(flags)} are different views: choose one")
    if views and tail is not None:
        raise UsageError(f"--tail cannot be combined with {views[0]}")
    if access and container:
        raise UsageError("--container cannot be combined with --access", hint="name services, or --grep for a target")
    if (compare or previous) and follow:
        raise UsageError("--compare and --previous look once: without -f")
    if follow and until:
        raise UsageError("--until cannot be combined with -f")
    keep = _filter(container or [], since, until, grep)
    selection = Selection(app, env, services_of(name, *(services or ())))
    chosen = list(selection.services)
    as_json = format is OutputFormat.JSON
    with chosen_environment(app, env) as (engine, environment):
        if routed:
            _print_records(engine, environment, chosen, keep, follow=follow, as_json=as_json)
        elif access:
            _print_access(engine, environment, chosen, keep, follow=follow, as_json=as_json)
        elif compare:
            _print_comparison(engine, environment, selection, as_json=as_json)
        elif previous:
            _print_kept(engine, environment, chosen, keep, timestamps=timestamps, as_json=as_json)
        else:
            lines = _lines(engine, environment, chosen, tail, follow=follow)
            _print_lines(lines, keep, len(chosen) == 1, timestamps=timestamps, as_json=as_json)


def _print_records(
    engine: Engine, environment: Names, services: list[str], keep: Keep, *, follow: bool, as_json: bool
) -> None:
    """Each record as its destination gets it, with nothing added; as JSON with where and when it came from."""
    from emulator.runtime.records import routed_records

    for record in routed_records(engine, environment, services, follow=follow):
        container = str(record["tag"]).rpartition("/")[2].partition("-firelens-")[0]
        text = json.dumps(record["record"], ensure_ascii=False)
        if keep(container, text, datetime.fromisoformat(str(record["time"]))):
            typer.echo(json.dumps(record, ensure_ascii=False) if as_json else text)


def _print_access(
    engine: Engine, environment: Names, services: list[str], keep: Keep, *, follow: bool, as_json: bool
) -> None:
    """Each request as a line of an ALB's access log; as JSON under the names of the log's fields."""
    from emulator.runtime.control import agent_of

    for request in agent_of(engine, environment).access(follow=follow, services=services):
        line = str(request["line"])
        if keep("", line, datetime.fromisoformat(str(request["time"]))):
            typer.echo(json.dumps(request["fields"], ensure_ascii=False) if as_json else line)


def _print_comparison(engine: Engine, environment: Names, selection: Selection, *, as_json: bool) -> None:
    from dataclasses import asdict

    from emulator.display import make_display
    from emulator.loading import load_services
    from emulator.runtime.compare import compare_logs
    from emulator.runtime.router_files import own_filters

    loaded = load_services(selection, make_display().emit)
    found = compare_logs(
        engine,
        environment,
        {one.service.name: one.service.task_definition for one in loaded},
        list(selection.services),
        fidelity=loaded[0].settings.logs.fidelity if loaded else "local",
        own_filters=own_filters(engine, environment),
    )
    for one in found:
        text = f"{one.service}/{one.container} {one.task_id[:8]}: {one}"
        typer.echo(json.dumps(asdict(one)) if as_json else text)


def _print_kept(
    engine: Engine, environment: Names, services: list[str], keep: Keep, *, timestamps: bool, as_json: bool
) -> None:
    from emulator.runtime.records import kept_records

    for record in kept_records(engine, environment, services):
        line: dict[str, Any] = record["record"]
        container = str(record["stream"])[1:]
        if not keep(container, str(line.get("log")), datetime.fromisoformat(str(record["time"]))):
            continue
        if as_json:
            fields = {"service": record["service"], "task": record["task"], "container": container}
            fields |= {"log_stream": record["tag"], "time": record["time"], "stream": line.get("source")}
            typer.echo(json.dumps({**fields, "message": line.get("log")}, ensure_ascii=False))
        else:
            when = f"{record['time']} " if timestamps else ""
            typer.echo(f"{record['tag']} | {when}{line.get('log')}")


def _lines(
    engine: Engine, environment: Names, services: list[str], tail: int | None, *, follow: bool
) -> Iterator[ContainerLine]:
    from emulator.runtime.logs import follow_all, print_so_far

    if follow:
        return follow_all(engine, environment, services, tail, threading.Event())
    return print_so_far(engine, environment, services, tail)


def _print_lines(
    lines: Iterator[ContainerLine], keep: Keep, one_service: bool, *, timestamps: bool, as_json: bool
) -> None:
    from emulator.display import make_display

    display = make_display("json" if as_json else "text")
    try:
        for found in lines:
            moment = found.line.timestamp
            if not keep(found.container, found.line.text, moment):
                continue
            subject = found.container if one_service else f"{found.service}/{found.container}"
            fields: dict[str, str | int | float | bool] = {"stream": found.line.stream, "task": found.task_id}
            if moment is not None:
                fields["time"] = moment.isoformat()
            text = f"{moment.isoformat(timespec='milliseconds')} {found.line.text}" if timestamps and moment else ""
            display.emit(Event(EventKind.LOG, subject, text or found.line.text, fields))
    finally:
        display.close()


def _filter(containers: list[str], since: str | None, until: str | None, grep: str | None) -> Keep:
    first, last = (_moment(text, option) for text, option in ((since, "--since"), (until, "--until")))
    try:
        pattern = re.compile(grep) if grep else None
    except re.error as error:
        raise UsageError(f"--grep {grep!r} is no regular expression: {error}") from None

    def keep(container: str, text: str, moment: datetime | None) -> bool:
        return (
            (not containers or container in containers)
            and (first is None or moment is None or moment >= first)
            and (last is None or moment is None or moment < last)
            and (pattern is None or pattern.search(text) is not None)
        )

    return keep


def _moment(text: str | None, option: str) -> datetime | None:
    """`10m` ago, or a date of ISO 8601; without a zone it is this machine's. Raises UsageError."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(f"{option} takes 10s, 5m, 2h, 1d or a date such as 2026-01-31T12:00, not {text!r}") from None
