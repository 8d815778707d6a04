"""`copilot-local route`: which rule a request hits, and why, without running anything."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.options import App, Env, EnvFile, Format, OutputFormat, header_pairs
from emulator.loading import Selection, load_services

if TYPE_CHECKING:
    from emulator.ecs.service import Condition
    from emulator.frontdoor.explain import Explanation, RuleResult


def route(
    method: Annotated[str, typer.Argument(help="The method, such as GET.")],
    url: Annotated[str, typer.Argument(help="A path, or a whole URL: its scheme picks the listener, its host counts.")],
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME: VALUE", help="A header. Repeatable.")
    ] = None,
    source: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The client's address, for rules with allowed_source_ips.")
    ] = "127.0.0.1",
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show which rule of the load balancer a request hits and why, and what the container will see."""
    from emulator.display import make_display
    from emulator.frontdoor import explain

    with closing(make_display()) as display:
        loaded = load_services(Selection(app, env, (), env_file), display.emit)
    explanation = explain([found.service for found in loaded], method.upper(), url, header_pairs(headers or []), source)
    if format is OutputFormat.JSON:
        typer.echo(json.dumps(_as_json(explanation), indent=2))
    else:
        _print(explanation)


def _print(explanation: Explanation) -> None:
    for rule in explanation.rules:
        placed = rule.placed
        typer.echo(f"{placed.priority:>6}  {placed.service.name} {placed.rule.name}: {rule.verdict}")
        for condition in rule.conditions:
            mark = "✓" if condition.matched else "✗"
            seen = ", ".join(condition.seen) or "nothing"
            typer.echo(f"        {mark} {_condition(condition.condition)} against {seen}")
    typer.echo(explanation.reason)
    for destination in explanation.destinations:
        share = "" if destination.share == 1 else f", {destination.share:.0%} of the requests"
        typer.echo(
            f"→ {destination.service}: container {destination.container}, port {destination.port}"
            f" (target group {destination.target_group}{share})"
        )
    if explanation.container_path is not None:
        typer.echo(f"  it sees {explanation.request.method} {explanation.container_path}")
    if explanation.status is not None:
        typer.echo(f"→ the load balancer itself answers {explanation.status}")
    if explanation.location is not None:
        typer.echo(f"  Location: {explanation.location}")
    for finding in explanation.warnings:
        typer.echo(str(finding), err=True)
        if finding.hint:
            typer.echo(f"  hint: {finding.hint}", err=True)


def _condition(condition: Condition) -> str:
    name = f" {condition.name}" if condition.field == "http-header" else ""
    values = [f"{pair[0]}={pair[1]}" if isinstance(pair, tuple) else pair for pair in condition.values]
    return f"{condition.field}{name} {' or '.join(values)}"


def _as_json(explanation: Explanation) -> dict[str, object]:
    return {
        "listener": explanation.listener,
        "method": explanation.request.method,
        "priority": explanation.priority,
        "reason": explanation.reason,
        "status": explanation.status,
        "location": explanation.location,
        "container_path": explanation.container_path,
        "destinations": [asdict(destination) for destination in explanation.destinations],
        "rules": [_rule(rule) for rule in explanation.rules],
        "warnings": [str(finding) for finding in explanation.warnings],
    }


def _rule(rule: RuleResult) -> dict[str, object]:
    return {
        "priority": rule.placed.priority,
        "service": rule.placed.service.name,
        "rule": rule.placed.rule.name,
        "verdict": rule.verdict,
        "conditions": [
            {"condition": _condition(found.condition), "matched": found.matched, "seen": list(found.seen)}
            for found in rule.conditions
        ],
    }
