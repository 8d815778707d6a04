"""Which rule a request hits and why, without running anything."""

from __future__ import annotations

import enum
import re
import time
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from emulator.ecs.service import FixedResponse, Forward, Redirect, Service
from emulator.errors import Finding, UsageError
from emulator.frontdoor.balancers import Balancer, Listener, balancer_of, behind, rule_hosts
from emulator.frontdoor.haproxy.actions import expand, listener_port, location_template
from emulator.frontdoor.haproxy.conditions import local_name
from emulator.frontdoor.haproxy.request import MAX_FORWARDED_FOR, MAX_HEADER, MAX_HEADERS, MAX_REQUEST_LINE, is_host
from emulator.frontdoor.options import FrontOptions
from emulator.frontdoor.routing.advice import advice, prefix_note, protocol_note
from emulator.frontdoor.routing.checks import check_rules
from emulator.frontdoor.routing.jwt import refusal
from emulator.frontdoor.routing.matching import ConditionResult, Request, evaluate, normalised_path
from emulator.frontdoor.routing.rules import DEFAULT_PRIORITY, PlacedRule, rules_in_order
from emulator.frontdoor.routing.transforms import Transformed, transformed


class Verdict(enum.StrEnum):
    """What became of a rule."""

    WINS = "wins"
    NO_MATCH = "no match"
    NOT_REACHED = "not reached"
    """Its conditions hold, but a rule before it won."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, in the order of priority, with each of its conditions."""

    placed: PlacedRule
    verdict: Verdict
    conditions: tuple[ConditionResult, ...]


@dataclass(frozen=True, slots=True)
class Destination:
    """A target group that the request may go to. `share` is its part of the requests, 0 to 1."""

    service: str
    target_group: str
    container: str
    port: int
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way of one request through the load balancer."""

    balancer: Balancer
    request: Request
    listener: Listener
    rules: tuple[RuleResult, ...]
    winner: PlacedRule | None
    """None: no rule was chosen; the default action answers, or the load balancer before it looks at rules."""
    reason: str
    """One sentence: what happens and why."""
    destinations: tuple[Destination, ...] = ()
    container_path: str | None = None
    """Path and query as the container sees them: as they were sent, unless a transform changes them."""
    container_host: str | None = None
    """The host that the container sees, without a port unless a transform writes one; None: the one that was sent."""
    status: int | None = None
    """The status that the load balancer answers with by itself."""
    location: str | None = None
    warnings: tuple[Finding, ...] = ()

    @property
    def priority(self) -> int:
        return self.winner.priority if self.winner else DEFAULT_PRIORITY


def explain(
    services: Sequence[Service],
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    source_ip: str = "127.0.0.1",
    options: FrontOptions | None = None,
) -> Explanation:
    """Explains a request. `url` is a path, or a whole URL whose scheme picks the listener and whose host is the Host
    header unless `headers` has one. UsageError where it is neither, InputError for rules that would be refused.

    `services` are all of the environment; `options` are those of the load balancer that is asked (`asked_balancer`).
    """
    options = options or FrontOptions()
    check_rules(services)
    listener, request = _request(method, url, tuple(headers), options.source_ip or source_ip, options)
    placed = rules_in_order(behind(services, options.balancer), listener)
    warnings = tuple(advice(services))
    refusal = _refusal(request)
    if refusal:
        status, reason = refusal
        return Explanation(options.balancer, request, listener, (), None, reason, status=status, warnings=warnings)
    rules = _evaluate(placed, request)
    winner = next((result.placed for result in rules if result.verdict is Verdict.WINS), None)
    if winner:
        warnings += (*prefix_note(winner), *protocol_note(winner))
    explanation = Explanation(options.balancer, request, listener, rules, winner, "", warnings=warnings)
    return _with_outcome(explanation, options)


def asked_balancer(
    services: Sequence[Service], url: str, options: Mapping[Balancer, FrontOptions] | None = None
) -> Balancer:
    """The load balancer that a URL leads to: the internal one where its port is published, or where the host is one of
    its names; also for what is `localhost` where nothing is on the public one. Else the public one."""
    internal = behind(services, Balancer.INTERNAL)
    has_rules = {balancer_of(service) for service in services if service.listener_rules}
    if Balancer.INTERNAL not in has_rules:
        return Balancer.PUBLIC
    if Balancer.PUBLIC not in has_rules:
        return Balancer.INTERNAL
    parts = _split(url)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        port = None  # which sending it refuses
    found = (options or {}).get(Balancer.INTERNAL)
    if found is not None and port is not None and port in found.listener_ports:
        return Balancer.INTERNAL
    names = {name for service in internal for name in rule_hosts(service)}
    names |= {local_name(name) for name in names} | {Balancer.INTERNAL.dns_name}
    public = {name for service in behind(services, Balancer.PUBLIC) for name in rule_hosts(service)}
    return Balancer.INTERNAL if host in names - public else Balancer.PUBLIC


def _split(url: str) -> urllib.parse.SplitResult:
    try:
        return urllib.parse.urlsplit(url)
    except ValueError as error:  # brackets that hold no IPv6 address, characters that a host cannot have
        raise UsageError(f"{url!r} is no URL: {error}", hint="write /api/x or http://localhost/api/x") from None


def _request(
    method: str, url: str, headers: tuple[tuple[str, str], ...], source_ip: str, options: FrontOptions
) -> tuple[Listener, Request]:
    listener: Listener = "HTTP"
    target, host = url, f"localhost:{options.listener_port}"
    if not url.startswith("/"):
        parts = _split(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(
                f"{url!r} is neither a path nor an http or https URL", hint="write /api/x or http://localhost/api/x"
            )
        listener = "HTTPS" if parts.scheme == "https" else "HTTP"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
    if not any(name.lower() == "host" for name, _ in headers):
        headers = (("Host", host), *headers)
    return listener, Request(method, target.partition("#")[0], headers, source_ip)


def _refusal(request: Request) -> tuple[int, str] | None:
    """What the load balancer answers before it looks at rules."""
    if request.method == "TRACE":
        return 405, "the load balancer never passes TRACE on"
    if request.method == "CONNECT":
        return 400, "the load balancer is no forward proxy"
    if len(request.target) > MAX_REQUEST_LINE:
        return 414, f"path and query have more than {MAX_REQUEST_LINE} bytes"
    hosts = request.lines("host")
    if hosts and not is_host(hosts[0]):
        return 400, f"the Host header {hosts[0]!r} is malformed" if hosts[0] else "the Host header is empty"
    sizes = [len(f"{name}: {value}") for name, value in request.headers]
    if any(size > MAX_HEADER for size in sizes):
        return 400, f"a header has more than {MAX_HEADER} bytes"
    if sum(size + 2 for size in sizes) > MAX_HEADERS:
        return 400, f"the headers have more than {MAX_HEADERS} bytes"
    if sum(len(line.split(",")) for line in request.lines("x-forwarded-for")) > MAX_FORWARDED_FOR:
        return 463, f"X-Forwarded-For has more than {MAX_FORWARDED_FOR} addresses"
    if normalised_path(request.path) is None:
        return 400, "the path climbs above the root"
    return None


def _evaluate(placed: Sequence[PlacedRule], request: Request) -> tuple[RuleResult, ...]:
    results = []
    decided = False
    for item in placed:
        conditions = tuple(evaluate(condition, request) for condition in item.rule.conditions)
        if not all(condition.matched for condition in conditions):
            verdict = Verdict.NO_MATCH
        else:
            verdict = Verdict.NOT_REACHED if decided else Verdict.WINS
            decided = True
        results.append(RuleResult(item, verdict, conditions))
    return tuple(results)


def _with_outcome(explanation: Explanation, options: FrontOptions) -> Explanation:
    winner = explanation.winner
    if winner is None:
        reason = "no rule matches; the environment's default target group has no targets"
        return replace(explanation, reason=reason, status=503)
    action = winner.rule.action
    name = f"rule {winner.rule.name} of {winner.service.name} (priority {winner.priority})"
    changed = transformed(winner.rule, explanation.request)
    if changed.problem:
        return replace(explanation, reason=f"{name}: {changed.problem}", status=500)
    signed = ""
    if winner.rule.jwt is not None:
        if why := refusal(winner.rule.jwt, explanation.request, time.time()):
            return replace(explanation, reason=f"{name} refuses: {why}", status=401)
        signed = ", if the token's signature is good, which is not checked here"
    if isinstance(action, Redirect):
        location = _location(action, explanation, changed, options)
        return replace(explanation, reason=f"{name} redirects", status=action.status_code, location=location)
    if isinstance(action, FixedResponse):
        return replace(explanation, reason=f"{name} answers by itself", status=action.status_code)
    destinations = destinations_of(winner.service, action)
    if not destinations:
        return replace(explanation, reason=f"{name} forwards to target groups that all have weight 0", status=503)
    return replace(
        explanation,
        reason=f"{name} forwards{signed}",
        destinations=destinations,
        container_path=changed.target or explanation.request.target,
        container_host=changed.host,
    )


def destinations_of(service: Service, action: Forward) -> tuple[Destination, ...]:
    """The target groups that a rule forwards to, with their shares; those of weight 0 are left out."""
    total = sum(item.weight for item in action.target_groups)
    found = []
    for item in action.target_groups:
        if item.weight:
            group = service.target_group(item.target_group)
            share = item.weight / total
            found.append(Destination(service.name, group.name, group.container_name, group.container_port, share))
    return tuple(found)


def _location(action: Redirect, explanation: Explanation, changed: Transformed, options: FrontOptions) -> str:
    sent = explanation.request
    request = replace(sent, target=changed.target or sent.target)
    host = sent.host if changed.host is None else re.sub(r":[0-9]*$", "", changed.host)
    values = {
        "protocol": explanation.listener.lower(),
        "port": str(listener_port(explanation.listener, options)),
        "host": host or "",
        "path": request.path.removeprefix("/"),
        "query": request.query or "",
    }
    before_query, query = location_template(action, explanation.listener, options)
    if query == "#{query}" and not request.query:
        query = ""
    return expand(f"{before_query}?{query}" if query else before_query, values)
