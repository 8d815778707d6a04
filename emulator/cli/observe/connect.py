"""`copilot-local connect`: Service Connect's names, the tasks behind them, and what clients have from them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.options import App, Env, Format, OutputFormat
from emulator.errors import InputError, UsageError
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.runtime.reports.connect import Calls, Connected
    from emulator.runtime.state.names import Names

_TCP = "tcp (no appProtocol): balanced by connection; no retries of a 503, no 15 s limit"
_NO_PROXY = (
    "no proxy runs: names are lines of /etc/hosts. Either copilot-local.toml has\n"
    '`[service_connect] proxy = "none"`, or `up` said why there can be none'
)


def connect(
    service: Annotated[
        str | None, typer.Argument(metavar="[SERVICE]", help="Only this service: its names, and what it calls.")
    ] = None,
    app: App = None,
    env: Env = None,
    config: Annotated[
        bool, typer.Option("--config", help="Print what the proxy of a task of SERVICE runs on, as JSON.")
    ] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show Service Connect: names, the tasks behind each, and calls, retries and avoided tasks of each client."""
    from emulator.runtime.reports.connect import connected, proxy_configuration
    from emulator.runtime.state.observed import observe

    if config and service is None:
        raise UsageError("--config needs a service", hint="`copilot-local connect SERVICE --config`")
    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
        running = {task.service for task in observed.tasks.values()}
        if service is not None and service not in running:
            raise InputError(f"{service} does not run here", hint=did_you_mean(service, running, "services that run"))
        if config:
            task = next((one for one in observed.tasks_of(service or "") if one.proxy is not None), None)
            if task is None:
                raise InputError(f"no task of {service} has a proxy of Service Connect", hint=_NO_PROXY)
            typer.echo(json.dumps(proxy_configuration(engine, task), indent=2))
            return
        proxied = any(task.proxy is not None for task in observed.tasks_of(service or ""))
        found = of_service(every := connected(engine, names, observed), service)
    if format is OutputFormat.JSON:
        typer.echo(json.dumps(asdict(found), indent=2, default=_plain))
        return
    if not found.names and not found.calls and not found.silent:
        typer.echo(nothing(names, service, is_client=proxied, others=bool(every.names)), err=True)
        return
    from emulator.display.table import width_of

    for line in lines(found, width_of(sys.stdout)):
        typer.echo(line)
    for task_id, why in found.silent.items():
        typer.echo(f"warning: the proxy of {task_id[:8]} does not answer: {why}", err=True)


def nothing(names: Names, service: str | None, *, is_client: bool, others: bool) -> str:
    """Why there is nothing to show."""
    if service is None or not others:
        return f"nothing of {names.app}/{names.environment} is connected (`network.connect`)"
    if is_client:
        return f"{service} has called no name yet; `copilot-local connect` lists those that it may call"
    return f"{service} is not connected (`network.connect`)"


def of_service(found: Connected, service: str | None) -> Connected:
    """What concerns one service: the names that its tasks serve or call, and the calls of its own and to it."""
    from dataclasses import replace

    if service is None:
        return found
    served = {one.name for one in found.names if any(server.service == service for server in one.servers)}
    calls = tuple(one for one in found.calls if one.service == service or one.name in served)
    called = {one.name for one in calls}
    return replace(found, names=tuple(one for one in found.names if one.name in served | called), calls=calls)


def lines(found: Connected, width: int | None = None) -> Iterator[str]:
    """The screen, at most 80 columns wide unless a name is long; with `width` not wider than that."""
    from emulator.display.table import table, wrapped

    rows = []
    for name in found.names:
        first = [f"{name.name}:{name.port}", name.address or "-", name.protocol or "-"]
        for number, server in enumerate(name.servers):
            rows.append(
                [*(first if number == 0 else ["", "", ""]), f"{server.service} {server.task_id[:8]}", server.state]
            )
    if rows:
        yield table(["NAME", "ADDRESS", "PROTOCOL", "TASK", "STATE"], rows, width=width)
    if not found.proxied:
        yield _NO_PROXY
        return
    if found.calls:
        yield ""
        counted = [_row(one) for one in found.calls]
        yield table(["CLIENT", "NAME", "CALLS", "FAILED", "RETRIES", "P50"], counted, width=width)
    for one in found.calls:
        for avoided in one.avoided:
            until = f" until {avoided.until.astimezone():%H:%M:%S}" if avoided.until is not None else ""
            avoids = f"{one.service} {one.task_id[:8]} avoids {one.name} {avoided.task_id[:8]}"
            yield wrapped(f"{avoids}{until}: calls failed", width)
    for name in found.names:
        for server in name.servers:
            if server.own_address:
                yield f"{server.service} {server.task_id[:8]} listens on {server.own_address} alone:"
                yield "its proxy leads to 127.0.0.1, and calls fail; let it listen on 0.0.0.0"
    if any(name.protocol == "tcp" for name in found.names):
        yield _TCP


def _row(one: Calls) -> list[str]:
    median = "-" if one.p50_ms is None else f"{one.p50_ms:.1f} ms"
    client = f"{one.service} {one.task_id[:8]}"
    return [client, one.name, str(one.calls), str(one.failed), str(one.retries), median]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise TypeError(type(value))
