"""`copilot-local permissions`: the calls that services made to AWS, and whether their roles would allow them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from emulator.cli.endpoint.asking import Endpoint
from emulator.cli.shell.options import App, Env, EnvFile, Format, OutputFormat, Variables, variables_of
from emulator.errors import ExitCode

Services = Annotated[list[str] | None, typer.Argument(metavar="SERVICE...", help="Default: all.")]
_COLUMNS = {"service": "SERVICE", "verdict": "ROLE", "action": "ACTION", "resource": "RESOURCE", "calls": "CALLS"}
_FAILS = ("not allowed", "denied")


def permissions(
    services: Services = None,
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    variables: Variables = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 1 where a role would not allow a call that was made.")
    ] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show which calls services made to the local AWS endpoint, and whether their roles would allow them on AWS."""
    from emulator.app.load import load_services
    from emulator.app.selection import Selection
    from emulator.cli.endpoint.rendered_roles import role_request
    from emulator.events import discard

    selection = Selection(app, env, tuple(services or ()), env_file, variables=variables_of(variables))
    loaded = load_services(selection, discard)
    at = Endpoint(app, env, format)
    found = at.ask("permissions", **role_request(loaded))
    rows: list[dict[str, Any]] = found["rows"]
    at.show(rows, _COLUMNS, "no service has made a call since the endpoint started")
    if format is OutputFormat.TEXT:
        _explain(rows, found["more"])
    if check and any(row["verdict"] in _FAILS for row in rows):
        raise typer.Exit(ExitCode.FAILURE)


def _explain(rows: list[dict[str, Any]], more: int) -> None:
    """What to do about the calls that would fail, and why others cannot be judged."""
    failing = [row for row in rows if row["verdict"] == _FAILS[0]]
    for service in dict.fromkeys(row["service"] for row in failing):
        typer.echo(f"\n{service} lacks permissions; in a managed policy of its addons that is put out:", err=True)
        for resource in dict.fromkeys(row["resource"] for row in failing if row["service"] == service):
            actions = [row["action"] for row in failing if (row["service"], row["resource"]) == (service, resource)]
            typer.echo(f"  - Effect: Allow\n    Action: [{', '.join(dict.fromkeys(actions))}]", err=True)
            typer.echo(f"    Resource: {json.dumps(resource) if resource == '*' else resource}", err=True)
    for row in rows:
        if row["verdict"] in ("denied", "cannot say"):
            said = "is denied by" if row["verdict"] == "denied" else "cannot be judged:"
            typer.echo(f"{row['service']}: {row['action']} {said} {row['reason']}", err=True)
    if more:
        typer.echo(f"{more} further calls were not kept: there were too many different ones", err=True)
