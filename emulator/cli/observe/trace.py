"""`copilot-local trace`: the hops of a request, from the load balancer to the container that answers."""

from __future__ import annotations

import os
import shutil
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.options import App, Env, Format, OutputFormat, header_pairs
from emulator.errors import CopilotLocalError, ExitCode, InputError, UsageError
from emulator.events import discard

if TYPE_CHECKING:
    from emulator.app.tracing.tracer import Traced, Tracer
    from emulator.engine.interface import Engine
    from emulator.runtime.state.names import Names
    from emulator.trace.requests.hops import Trace


def trace(
    method: Annotated[str | None, typer.Argument(help="The method of a request to send. A URL alone: GET.")] = None,
    url: Annotated[str | None, typer.Argument(help="A path, or a whole URL, whose host is the request's Host.")] = None,
    app: App = None,
    env: Env = None,
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME: VALUE", help="A header. Repeatable.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", metavar="TEXT|@FILE", help="The request's body, or a file of it.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait for the answer's end.")
    ] = 65.0,
    har: Annotated[
        Path | None, typer.Option("--har", metavar="FILE", help="Save the hops as HAR 1.2, one entry per hop.")
    ] = None,
    health_checks: Annotated[
        bool, typer.Option("--health-checks", help="Without a request: show the load balancer's health checks too.")
    ] = False,
    show_secrets: Annotated[
        bool,
        typer.Option("--show-secrets", help="Show the values of Authorization, cookies, tokens in URLs and the like."),
    ] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Send a request and show every hop it takes, or show live traffic until Ctrl-C. Needs no change to containers."""
    if method is not None and url is None:
        if not method.startswith(("/", "http://", "https://")):
            raise UsageError("a request has a method and a URL: `copilot-local trace GET /api/x`")
        method, url = "GET" if data is None else "POST", method
    if method is None and (headers or data is not None):
        raise UsageError("-H and -d belong to a request: `copilot-local trace POST /api/x -d …`")
    if method is not None and health_checks:
        raise UsageError("--health-checks shows live traffic: without a method and a URL")
    pairs = header_pairs(headers or [])
    body = _body(data)
    if har is not None and not har.parent.is_dir():
        raise UsageError(f"--har {har}: there is no folder {har.parent}")

    if method is not None and url is not None:
        _check(method.upper(), url, pairs, body)  # before anything is started for it
    as_json = format is OutputFormat.JSON
    code = ExitCode.OK
    with chosen_environment(app, env) as (engine, names), _tracer(engine, names, show_secrets) as tracer:
        if method is not None and url is not None:
            found = tracer.request(method.upper(), url, pairs, body, timeout=timeout)
            _print_with_spans(engine, names, found, as_json=as_json)
            kept = [found.trace]
            code = ExitCode.FAILURE if any(one.certain for one in found.diagnoses) else ExitCode.OK
        else:
            stop, _ = interruptions(discard)
            where = ", ".join(place.name + (f" {place.task}" if place.task else "") for place in tracer.places)
            typer.echo(f"tracing {where}; Ctrl-C ends it", err=True)
            kept = list(_live(tracer, stop, health_checks=health_checks, as_json=as_json, keep=har is not None))
        if not tracer.account.complete:
            typer.echo(f"warning: {tracer.account}: requests may be missing or shown in part", err=True)
    if har is not None:
        _save(har, kept)
    raise typer.Exit(code)


def _check(method: str, url: str, headers: list[tuple[str, str]], body: bytes | None) -> None:
    """Raises UsageError for what HTTP cannot say."""
    from emulator.trace.sending import prepare

    try:
        prepare(method, url, headers, body)
    except ValueError as error:  # what `urlsplit` says of brackets and characters that a host cannot have
        raise UsageError(f"{url!r} is no URL: {error}") from None


def _tracer(engine: Engine, names: Names, secrets: bool) -> Tracer:
    from emulator.app.tracing.tracer import Tracer
    from emulator.setup.authority import ensure_authority

    return Tracer(
        engine, names, secrets=secrets, trust=lambda: ssl.create_default_context(cafile=ensure_authority().path)
    )


def _live(tracer: Tracer, stop: threading.Event, *, health_checks: bool, as_json: bool, keep: bool) -> Iterator[Trace]:
    for number, found in enumerate(tracer.live(stop, health_checks=health_checks)):
        if number and not as_json:
            typer.echo()
        _print(found, as_json=as_json)
        if keep:
            yield found.trace


def _print_with_spans(engine: Engine, names: Names, found: Traced, *, as_json: bool) -> None:
    """A request that was sent, with the spans that its services tell of it, which come later."""
    from emulator.runtime.control.client import agent_of
    from emulator.runtime.reports.trace_lines import lines_of_trace
    from emulator.traces.of_request import RequestSpans, silence, traces_of_request
    from emulator.traces.screens import waterfall

    if not as_json:
        _print(found, as_json=False)
    spans = RequestSpans()
    try:
        agent = agent_of(engine, names)
        began = found.hops[0].exchange.began
        spans = traces_of_request(agent, found.trace_id, began, _collected(engine, names, found))
        for one in () if as_json else spans.traces:
            typer.echo()
            for row in waterfall(one, lines_of_trace(engine, names, one), _width()):
                typer.echo(row)
    except CopilotLocalError as error:  # the hops are there all the same
        typer.echo(f"warning: the spans of it cannot be read: {error.message}", err=True)
    if as_json:
        _print(found, as_json=True, traces=spans.traces)
    if spans.silent:
        typer.echo(silence(spans.silent), err=True)


def _collected(engine: Engine, names: Names, found: Traced) -> list[str]:
    """The services on a request's way whose spans come to this machine."""
    from emulator.app.tracing.tracer import desired_state
    from emulator.runtime.state.observed import observe

    container = observe(engine, names).agent
    if container is None:
        return []
    services = desired_state(engine, container).services
    asked = {hop.service for hop in found.hops if hop.exchange.request is not None and hop.service in services}
    return [name for name in asked if any(one.policy != "live" for one in services[name].options.collectors.values())]


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 40)


def _print(found: Traced, *, as_json: bool, traces: Sequence[Mapping[str, Any]] = ()) -> None:
    if as_json:
        from emulator.trace.output.export import as_json as line

        typer.echo(line(found.trace, found.diagnoses, traces))
        return
    from emulator.trace.output import text

    width = _width()
    for row in text.block(found.trace, width):
        typer.echo(row)
    if found.answer is not None and found.answer.fault:
        typer.echo(f"the client: {found.answer.fault}")
    for one in found.diagnoses:
        for row in text.verdict(one, width):
            typer.echo(row)
    if followed := text.to_https(found.trace):
        typer.echo(
            f"hint: HTTP is redirected to HTTPS here: `copilot-local trace {followed}` follows the request there"
        )


def _save(file: Path, traces: list[Trace]) -> None:
    from emulator.trace.output.export import as_har

    text = as_har(traces)
    try:
        # It may hold what a request held: it is its owner's alone before a byte is in it.
        with open(file, "w", encoding="utf-8", opener=partial(os.open, mode=0o600)) as opened:
            with suppress(OSError):
                file.chmod(0o600)  # one that was there already
            opened.write(text)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    hops = sum(len(trace.hops) for trace in traces)
    typer.echo(f"{file}: {hops} hop{'s' if hops != 1 else ''} of {len(traces)} request(s)", err=True)


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"-d {data}: {error.strerror}") from None
