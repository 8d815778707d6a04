"""`copilot-local route`: which rule a request hits, and why, without running anything."""

from __future__ import annotations

import ipaddress
import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.load import load_services
from emulator.app.selection import Selection, find_target
from emulator.cli.shell.options import Chosen, Format, OutputFormat, default_method, header_pairs
from emulator.errors import InputError, UsageError
from emulator.events import Emit, discard

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.frontdoor.balancers import Balancer
    from emulator.frontdoor.options import FrontOptions
    from emulator.frontdoor.routing.explain import Explanation


def route(
    method: Annotated[str | None, typer.Argument(metavar="[METHOD]", help="The method. Default: GET.")] = None,
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="A path, or a whole URL: its scheme picks the listener, its host counts."),
    ] = None,
    chosen: Chosen = Chosen(),
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME: VALUE", help="A header. Repeatable.")
    ] = None,
    source: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The client's address, for rules with allowed_source_ips.")
    ] = "127.0.0.1",
    https: Annotated[
        bool | None,
        typer.Option("--https/--no-https", help="As `up` would run with it: whether there is an HTTPS listener."),
    ] = None,
    internal: Annotated[
        bool,
        typer.Option(
            "--internal",
            help="Ask the internal load balancer. Default: the one that the URL's host or the Host header leads to.",
        ),
    ] = False,
    all_envs: Annotated[
        bool, typer.Option("--all-envs", help="What becomes of the request in each environment, and where they differ.")
    ] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show which rule of the load balancer a request hits and why, and what the container will see."""
    from emulator.app.selection import compared_environments
    from emulator.display import make_display

    if all_envs and chosen.env is not None:
        raise UsageError("--all-envs and --env exclude each other")
    asked = _asked(method, url, headers or [], source, https, internal)
    selection = chosen.selection()
    with closing(make_display()) as display:
        if all_envs:
            target = find_target(selection)
            found = {
                name: asked.explain(replace(selection, environment=name, new_environment=True), discard)
                for name in compared_environments(target)
            }
        else:
            found = {"": asked.explain(selection, display.emit)}
    if format is OutputFormat.JSON:
        from emulator.frontdoor.routing.export import as_json

        content = {name: as_json(explanation) for name, explanation in found.items()}
        typer.echo(json.dumps(content if all_envs else content[""], indent=2))
    elif all_envs:
        _compare(found)
    else:
        _print(found[""])


def _asked(
    method: str | None, url: str | None, headers: Sequence[str], source: str, https: bool | None, internal: bool
) -> _Asked:
    """Raises UsageError for what is missing or cannot be meant."""
    if method is None:
        raise UsageError("route needs a URL", hint="write /api/x, or a method and a URL: POST /api/x")
    if url is None:
        method, url = default_method(method)
    try:
        ipaddress.ip_address(source)
    except ValueError:
        raise UsageError(f"--from {source}: this is no IP address", hint="write 203.0.113.7 or 2001:db8::7") from None
    return _Asked(method.upper(), url, tuple(header_pairs(headers)), source, https, internal)


@dataclass(frozen=True)
class _Asked:
    """A request, and how the load balancer would be run."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    source: str
    https: bool | None
    internal: bool

    def explain(self, selection: Selection, emit: Emit) -> Explanation:
        from emulator.app.compile import ignored
        from emulator.frontdoor.balancers import Balancer
        from emulator.frontdoor.routing.explain import explain
        from emulator.manifest.findings.suppression import unsilenced
        from emulator.runtime.listeners.front_ports import expected_options

        loaded = load_services(selection, emit, https=self.https)
        services = [found.service for found in loaded]
        every = expected_options(services, loaded[0].settings.front)
        options = every[self._balancer(services, every)]
        internal = options.balancer is Balancer.INTERNAL
        if self.url.lower().startswith("https:") and options.https is None:
            raise InputError(
                "the internal load balancer has no HTTPS listener here: the environment has no private certificate, and"
                " no rule an alias"
                if internal
                else "there is no HTTPS listener here: the environment has no certificate, the application no domain,"
                " and no rule an alias",
                hint="`--https` explains it as `up --https` would run it",
            )
        explanation = explain(services, self.method, self.url, self.headers, self.source, options)
        left = unsilenced(explanation.warnings, ignored(loaded[0].workspace))
        return replace(explanation, warnings=tuple(left))

    def _balancer(self, services: Sequence[Service], options: Mapping[Balancer, FrontOptions]) -> Balancer:
        """The load balancer that the request goes to."""
        from emulator.frontdoor.balancers import Balancer
        from emulator.frontdoor.routing.explain import asked_balancer

        if self.internal:
            return Balancer.INTERNAL
        host = next((value for name, value in self.headers if name.lower() == "host"), "")
        url = f"http://{host}" if host and self.url.startswith("/") else self.url
        return asked_balancer(services, url, options)


def _compare(found: Mapping[str, Explanation]) -> None:
    """The outcome in each environment; those with the same one in one paragraph."""
    outcomes: dict[str, list[str]] = {}
    for name, explanation in found.items():
        outcomes.setdefault("\n".join(_outcome(explanation)), []).append(name)
    if len(found) == 1:
        typer.echo(f"there is no other environment than {', '.join(found)} to compare with")
    elif len(outcomes) == 1:
        typer.echo(f"the same in every environment: {', '.join(found)}")
    for outcome, names in outcomes.items():
        if len(outcomes) > 1:
            typer.echo(f"{', '.join(names)}:")
        for line in outcome.splitlines():
            typer.echo(f"  {line}")
    services = dict.fromkeys(one.service for explanation in found.values() for one in explanation.destinations)
    if len(found) > 1 and services:
        commands = " and ".join(f"`copilot-local config {service} --all-envs`" for service in services)
        typer.echo(f"values may differ all the same: {commands}")


def _print(explanation: Explanation) -> None:
    from emulator.frontdoor.balancers import Balancer
    from emulator.frontdoor.routing.export import condition_text

    if explanation.balancer is not Balancer.PUBLIC:
        typer.echo(f"at the {explanation.balancer} load balancer")
    for rule in explanation.rules:
        placed = rule.placed
        typer.echo(f"{placed.priority:>6}  {placed.service.name} {placed.rule.name}: {rule.verdict}")
        for condition in rule.conditions:
            mark = "✓" if condition.matched else "✗"
            seen = ", ".join(condition.seen) or "nothing"
            by = f": found by {condition.regex}" if condition.regex else ""
            typer.echo(f"        {mark} {condition_text(condition.condition)} against {seen}{by}")
    for line in _outcome(explanation):
        typer.echo(line)
    for finding in explanation.warnings:
        typer.echo(str(finding), err=True)
        if finding.hint:
            typer.echo(f"  hint: {finding.hint}", err=True)


def _outcome(explanation: Explanation) -> list[str]:
    """What happens to the request, and why."""
    lines = [explanation.reason]
    for destination in explanation.destinations:
        share = "" if destination.share == 1 else f", {destination.share:.0%} of the requests"
        lines.append(
            f"→ {destination.service}: container {destination.container}, port {destination.port}"
            f" (target group {destination.target_group}{share})"
        )
    if explanation.container_path is not None:
        changed = explanation.container_path != explanation.request.target
        sent = f", in place of {explanation.request.target}" if changed else ""
        lines.append(f"  it sees {explanation.request.method} {explanation.container_path}{sent}")
    if explanation.container_host is not None:
        lines.append(f"  and the host {explanation.container_host}, in place of {explanation.request.host}")
    if explanation.status is not None:
        lines.append(f"→ the load balancer itself answers {explanation.status}")
    if explanation.location is not None:
        lines.append(f"  Location: {explanation.location}")
        if explanation.location.startswith("https:") and explanation.listener == "HTTP":
            url = shlex.quote(explanation.location)
            lines.append(f"  what follows: `copilot-local route {explanation.request.method} {url}`")
    return lines
