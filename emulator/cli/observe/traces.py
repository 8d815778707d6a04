"""`copilot-local traces`: what services sent of X-Ray and OpenTelemetry."""

from __future__ import annotations

import json
import re
import shutil
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Format, OutputFormat
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.runtime.control.client import Agent

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def traces(
    trace: Annotated[
        str | None,
        typer.Argument(metavar="[ID|config]", help="A trace by its id or the beginning of it, or `last`. Or `config`."),
    ] = None,
    of: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="With `config`: the service.")] = None,
    app: App = None,
    env: Env = None,
    services: Annotated[
        list[str] | None,
        typer.Option("--service", "-n", metavar="NAME", help="Only traces that this service is in. Repeatable."),
    ] = None,
    slow: Annotated[
        str | None, typer.Option("--slow", metavar="TIME", help="Only traces that took that long: 200ms, 1.5s.")
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only traces in which something failed.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only from then on: 30s, 5m, 2h, 1d ago.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many traces, the newest.")] = 20,
    show_map: Annotated[bool, typer.Option("--map", help="Which service calls which, how often and how long.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """List traces, show one as a waterfall with its log lines, or show which service calls which."""
    as_json = format is OutputFormat.JSON
    chooses = bool(services or slow or errors)
    _refuse_combinations(trace, of, chooses=chooses, since=since, show_map=show_map)
    if trace == "config":
        from emulator.cli.observe.traces_config import print_config

        print_config(app, env, of, as_json=as_json)
        return
    query: dict[str, str | list[str]] = {"limit": str(limit)}
    if since is not None:
        query["since"] = str(time.time() - _seconds(since, "--since"))
    if slow is not None:
        query["slow"] = str(_seconds(slow, "--slow"))
    if errors:
        query["errors"] = "true"
    if services:
        query["service"] = list(services)
    with running_agent(app, env) as agent:
        if trace is not None:
            _one(agent, trace, as_json=as_json)
        elif show_map:
            _map(agent.trace_map(**{name: value for name, value in query.items() if name == "since"}), as_json=as_json)
        else:
            _list(agent.traces(**query), chooses=chooses or since is not None, as_json=as_json)


def _refuse_combinations(
    trace: str | None, of: str | None, *, chooses: bool, since: str | None, show_map: bool
) -> None:
    """Raises UsageError for options that contradict each other."""
    if of is not None and trace != "config":
        raise UsageError(f"{of!r}: one trace at a time", hint="a service is chosen with --service")
    if trace is not None and (chooses or since or show_map):
        raise UsageError("--service, --slow, --errors, --since and --map are about many traces: without an id")
    if show_map and chooses:
        raise UsageError("--service, --slow and --errors choose traces of the list: without --map")


def _list(answer: dict[str, Any], *, chooses: bool, as_json: bool) -> None:
    from emulator.traces import screens

    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    for line in screens.listed(answer, _width()):
        typer.echo(line)
    _say_notes(answer)
    if not answer["traces"]:
        none = "no such trace" if chooses else "no trace has been received yet"
        typer.echo(f"{none}; `copilot-local traces config` shows what receives them", err=True)


def _one(agent: Agent, trace: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from emulator.runtime.reports.trace_lines import lines_of_trace
    from emulator.traces import screens

    answer = agent.trace(trace)
    lines = lines_of_trace(agent.engine, agent.names, answer)
    if as_json:
        typer.echo(json.dumps({**answer, "lines": [asdict(line) for line in lines]}, indent=2))
        return
    for text in screens.waterfall(answer, lines, _width()):
        typer.echo(text)


def _map(answer: dict[str, Any], *, as_json: bool) -> None:
    from emulator.traces import screens

    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    for line in screens.mapped(answer, _width()):
        typer.echo(line)
    _say_notes(answer)
    if not answer["edges"]:
        typer.echo("no trace has been received yet", err=True)


def _say_notes(answer: dict[str, Any]) -> None:
    from emulator.traces import screens

    for line in screens.notes(answer, _width()):
        typer.echo(line, err=True)


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 60)


def _seconds(text: str, option: str) -> float:
    """`200ms`, `1.5s`, `5m`; a number alone is seconds. Raises UsageError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} takes a time such as 200ms, 1.5s or 5m, not {text!r}")
    return float(found[1]) * _SECONDS[found[2] or "s"]
