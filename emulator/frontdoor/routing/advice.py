"""What is likely to surprise about the rules of an environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.ecs.service import (
    Condition,
    Forward,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    PathPattern,
    QueryString,
    Service,
    SourceIp,
    TargetGroup,
)
from emulator.errors import Finding, Severity
from emulator.frontdoor.balancers import LISTENERS, Balancer, behind
from emulator.frontdoor.haproxy.conditions import host_patterns
from emulator.frontdoor.routing.matching import path_matches
from emulator.frontdoor.routing.patterns import glob_regex, has_wildcards
from emulator.frontdoor.routing.rules import PlacedRule, rules_in_order

SHADOWED = "CL701"
HEALTH_CHECK_PATH = "CL702"
NO_PORT = "CL703"
PREFIX_KEPT = "CL704"
PROTOCOL_VERSION = "CL705"

# Stand for a `*` and a `?` of the pattern that is looked at as text.
_RUN, _ONE = "\x01", "\x02"


def advice(services: Sequence[Service]) -> Iterator[Finding]:
    """Warnings about the rules and target groups of all services."""
    yield from shadowed(services)
    seen: set[tuple[str, str]] = set()
    for rules in _listeners(services):
        for placed in rules:
            for group in _groups(placed):
                if (placed.service.name, group.name) not in seen:
                    seen.add((placed.service.name, group.name))
                    yield from _group_advice(placed, group)


@dataclass(frozen=True, slots=True)
class HiddenRule:
    """A rule that no request reaches, and the earlier one that takes them all."""

    rule: PlacedRule
    earlier: PlacedRule

    @property
    def finding(self) -> Finding:
        """The same as a warning, with both places."""
        rule, earlier = self.rule, self.earlier
        where = f"{earlier.rule.position}, " if earlier.rule.position else ""
        takes = (
            f"rule {earlier.rule.name} of {earlier.service.name} ({where}priority {earlier.priority}) takes them all"
        )
        if rule.service.name == earlier.service.name:
            message = f"{rule.service.name}: no request reaches this rule; {takes}"
            hint = "make the earlier rule narrower, or give this one a path or host of its own"
        else:
            message = (
                f"{rule.service.name}: no request reaches this rule where {earlier.service.name} runs too; {takes}"
            )
            hint = "give one of them a path or host of its own; deployed, which one wins depends on which came first"
        return _warning(SHADOWED, message, hint, rule)


def shadowed(services: Sequence[Service]) -> Iterator[Finding]:
    """Rules that no request reaches, since an earlier one of the same load balancer takes them all."""
    return (pair.finding for pair in hidden(services))


def hidden(services: Sequence[Service]) -> Iterator[HiddenRule]:
    """The same as pairs. Services behind an imported load balancer only meet those behind the same one."""
    for rules in _listeners(services):
        for index, placed in enumerate(rules):
            for earlier in rules[:index]:
                same = _imported(earlier.service) == _imported(placed.service)
                if same and covers(earlier.rule.conditions, placed.rule.conditions):
                    yield HiddenRule(placed, earlier)
                    break


def _imported(service: Service) -> str | None:
    return service.load_balancer.imported if service.load_balancer is not None else None


def _listeners(services: Sequence[Service]) -> Iterator[list[PlacedRule]]:
    """The rules of each listener of each load balancer."""
    for balancer in Balancer:
        for listener in LISTENERS:
            yield rules_in_order(behind(services, balancer), listener)


def _groups(placed: PlacedRule) -> list[TargetGroup]:
    action = placed.rule.action
    if not isinstance(action, Forward):
        return []
    return [placed.service.target_group(item.target_group) for item in action.target_groups]


def _paths(placed: PlacedRule) -> list[PathPattern]:
    return [item for item in placed.rule.conditions if isinstance(item, PathPattern)]


def _is_rewritten(placed: PlacedRule) -> bool:
    return any(transform.type == "url-rewrite" for transform in placed.rule.transforms)


def _asks_for(placed: PlacedRule, path: str) -> bool:
    """Whether the rule forwards requests that ask its targets for a path; also where that is not certain."""
    conditions = _paths(placed)
    return not conditions or _is_rewritten(placed) or all(path_matches(item, path) for item in conditions)


def _warning(code: str, message: str, hint: str, placed: PlacedRule) -> Finding:
    return Finding(code, message, placed.rule.position, placed.rule.name, hint, Severity.WARNING, copilot_accepts=True)


def _group_advice(placed: PlacedRule, group: TargetGroup) -> Iterator[Finding]:
    service = placed.service
    checked = group.health_check.path.partition("?")[0]
    # A gRPC server is asked for a method that it does not have, and says so.
    calls = group.protocol_version == "GRPC" or group.health_check.protocol == "TCP"
    if not calls and not _asks_for(placed, checked):
        paths = ", ".join(value for item in _paths(placed) for value in (*item.values, *item.regex_values))
        yield _warning(
            HEALTH_CHECK_PATH,
            f"{service.name}: health checks ask container {group.container_name} for {checked}, which no request that"
            f" this rule forwards asks for ({paths})",
            f"see that {group.container_name} answers {checked} with {group.health_check.success_codes}, or set"
            " `http.healthcheck` to a path below the rule's",
            placed,
        )
    container = service.task_definition.container(group.container_name)
    if group.container_port not in [mapping.container_port for mapping in container.port_mappings]:
        yield _warning(
            NO_PORT,
            f"{service.name}: container {group.container_name} does not expose port {group.container_port}",
            f"give {group.container_name} the `port` that it listens on",
            placed,
        )


def prefix_note(placed: PlacedRule) -> Iterator[Finding]:
    """The classic surprise about a rule with a path of its own: the container sees that path too."""
    patterns = [path for item in _paths(placed) for path in item.values]
    paths = [path for path in patterns if path.endswith("/*") and path.strip("/*")]
    prefixes = [path for path in paths if not has_wildcards(path.removesuffix("*"))]
    if prefixes and isinstance(placed.rule.action, Forward) and not _is_rewritten(placed):
        prefix = prefixes[0].removesuffix("*")
        yield _warning(
            PREFIX_KEPT,
            f"{placed.service.name}: the container sees {prefix}x as {prefix}x, not as /x; a load balancer strips"
            " no prefix",
            "serve the routes below the prefix, or let a proxy in front of them remove it",
            placed,
        )


def protocol_note(placed: PlacedRule) -> Iterator[Finding]:
    """A target group that takes HTTP/2 only: what a client that speaks HTTP/1.1 gets."""
    for group in _groups(placed):
        if group.protocol_version != "HTTP1":
            calls = "gRPC calls (POST over HTTP/2)" if group.protocol_version == "GRPC" else "requests over HTTP/2"
            yield _warning(
                PROTOCOL_VERSION,
                f"{placed.service.name}: target group {group.name} takes {calls} only;"
                " anything else is answered with 464",
                "call it with a client that speaks HTTP/2, or leave out `http.version`",
                placed,
            )


def covers(earlier: Sequence[Condition], later: Sequence[Condition]) -> bool:
    """Whether every request that meets all of `later` meets all of `earlier`; false where that is not certain."""
    return all(any(_condition_covers(wide, narrow) for narrow in later) or _holds_always(wide) for wide in earlier)


def _holds_always(condition: Condition) -> bool:
    return isinstance(condition, PathPattern) and any(value in ("*", "/*") for value in condition.values)


def _condition_covers(wide: Condition, narrow: Condition) -> bool:
    if isinstance(wide, PathPattern) and isinstance(narrow, PathPattern):
        return _each_covered(wide.values, narrow.values) and _regexes_covered(wide, narrow)
    if isinstance(wide, HostHeader) and isinstance(narrow, HostHeader):
        return _each_covered(host_patterns(wide), host_patterns(narrow)) and _regexes_covered(wide, narrow)
    if isinstance(wide, HttpHeader) and isinstance(narrow, HttpHeader):
        same = wide.name.lower() == narrow.name.lower() and _regexes_covered(wide, narrow)
        return same and _each_covered([v.lower() for v in wide.values], [v.lower() for v in narrow.values])
    if isinstance(wide, HttpRequestMethod) and isinstance(narrow, HttpRequestMethod):
        return set(narrow.values) <= set(wide.values)
    if isinstance(wide, QueryString) and isinstance(narrow, QueryString):
        pairs = {(key.lower(), value.lower()) for key, value in wide.values}
        return all((key.lower(), value.lower()) in pairs for key, value in narrow.values)
    if isinstance(wide, SourceIp) and isinstance(narrow, SourceIp):
        return all(any(_block_covers(outer, inner) for outer in wide.values) for inner in narrow.values)
    return False


def _regexes_covered(
    wide: PathPattern | HostHeader | HttpHeader, narrow: PathPattern | HostHeader | HttpHeader
) -> bool:
    """Whether all that regular expressions match is covered: those that are the same, and any by a lone `*`."""
    return "*" in wide.values or set(narrow.regex_values) <= set(wide.regex_values)


def _each_covered(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return all(any(_glob_covers(outer, inner) for outer in wide) for inner in narrow)


def _glob_covers(wide: str, narrow: str) -> bool:
    """A `*` takes anything, wildcards too; a `?` takes any one character, a `?` too, but no `*`."""
    text = narrow.replace("*", _RUN).replace("?", _ONE)
    pattern = "".join(
        ".*" if character == "*" else f"[^{_RUN}]" if character == "?" else glob_regex(character) for character in wide
    )
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def _block_covers(outer: str, inner: str) -> bool:
    wide, narrow = ipaddress.ip_network(outer, strict=False), ipaddress.ip_network(inner, strict=False)
    if isinstance(wide, ipaddress.IPv4Network) and isinstance(narrow, ipaddress.IPv4Network):
        return narrow.subnet_of(wide)
    if isinstance(wide, ipaddress.IPv6Network) and isinstance(narrow, ipaddress.IPv6Network):
        return narrow.subnet_of(wide)
    return False
