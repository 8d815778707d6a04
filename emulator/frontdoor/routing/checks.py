"""Rules that Elastic Load Balancing would refuse, found before anything is written.

Source: the elbv2 API's patterns and lengths, the user guide's quotas. It also keeps text out of the
configuration that HAProxy could not take.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from emulator.ecs.listener.regex import RefusedRegex, read_regex, read_replacement
from emulator.ecs.service import (
    Action,
    Condition,
    FixedResponse,
    Forward,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    JwtValidation,
    ListenerRule,
    PathPattern,
    QueryString,
    Redirect,
    Service,
    SourceIp,
    Transform,
)
from emulator.errors import Finding, FindingsError
from emulator.frontdoor.routing.matching import regexes
from emulator.limits.listeners import (
    CHECKED_PATH,
    GRPC_CODES,
    HOST,
    LONGEST_REGEX,
    LONGEST_REWRITE,
    MOST_VALUES,
    PATH,
    SUCCESS_CODES,
)

CONDITION = "CL710"
QUOTA = "CL711"
ACTION = "CL712"
HEALTH_CHECK = "CL713"
REGEX = "CL714"
TRANSFORM = "CL715"

MAX_GROUPS = 5
LONGEST_JWT, MOST_CLAIMS = 256, 10

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]{1,40}")
_METHOD = re.compile(r"[A-Z_-]{1,40}")
_PLAIN = re.compile(rf"[\x20-\x7e]{{1,{LONGEST_JWT}}}")
_VISIBLE = re.compile(r"[\x20-\x7e]{0,128}")
_REDIRECT = {
    "protocol": re.compile(r"HTTPS?|#\{protocol\}"),
    "port": re.compile(r"[1-9][0-9]{0,4}|#\{port\}"),
    "host": re.compile(r"[A-Za-z0-9.\-_#{}]{1,128}"),
    "path": re.compile(r"/[\x21-\x7e]{0,127}"),
    "query": re.compile(r"[\x21-\x7e]{0,128}"),
}
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_ONCE = (PathPattern, HostHeader, HttpRequestMethod, SourceIp)


def check_rules(services: Sequence[Service]) -> None:
    """Raises FindingsError, per service, with everything that a load balancer would refuse."""
    for service in services:
        findings = list(_service_findings(service))
        if findings:
            raise FindingsError(service.manifest or service.name, findings)


def _service_findings(service: Service) -> Iterator[Finding]:
    for rule in service.listener_rules:
        yield from _rule_findings(service, rule)
    for group in service.target_groups:
        check = group.health_check
        if not CHECKED_PATH.fullmatch(check.path):
            message = f"health check path {check.path!r} does not start with / or has a character that no URL has"
            yield Finding(HEALTH_CHECK, message, None, f"target group {group.name}", "write a path such as /health")
        grpc = group.protocol_version == "GRPC" and check.success_codes != "200"
        if not (GRPC_CODES if grpc else SUCCESS_CODES).fullmatch(check.success_codes):
            hint = "write codes and ranges of them from 200 to 499 (of gRPC 0 to 99), such as 200,202 or 200-299"
            message = f"success codes {check.success_codes!r} are none that a load balancer takes"
            yield Finding(HEALTH_CHECK, message, None, f"target group {group.name}", hint)


def _rule_findings(service: Service, rule: ListenerRule) -> Iterator[Finding]:
    def finding(code: str, message: str, hint: str, *place: str | int) -> Finding:
        return Finding(code, message, rule.position_of(*place), f"rule {rule.name}", hint)

    kinds = Counter(type(condition) for condition in rule.conditions)
    for kind in _ONCE:
        if kinds[kind] > 1:
            name = next(condition.field for condition in rule.conditions if isinstance(condition, kind))
            yield finding(QUOTA, f"more than one {name} condition", "put the values into one condition")
    values = sum(len(condition.values) + len(regexes(condition)) for condition in rule.conditions)
    if not values:
        yield finding(
            QUOTA, "no condition", "a rule needs at least one; only the default action has none", "Conditions"
        )  # fmt: skip
    if values > MOST_VALUES:
        message = f"{values} values in its conditions; a load balancer takes {MOST_VALUES} a rule"
        yield finding(QUOTA, message, "split it into several rules", "Conditions")
    for index, condition in enumerate(rule.conditions):
        place = ("Conditions", index)
        for problem in _condition_problems(condition):
            yield finding(
                CONDITION, f"{condition.field} {problem}", "see the characters and lengths of rule conditions", *place
            )
        for regex in regexes(condition):
            for problem in _regex_problems(regex, LONGEST_REGEX):
                yield finding(
                    REGEX, f"{condition.field} regular expression {regex[:140]!r} has {problem}", _DIALECT, *place
                )
    yield from _transform_findings(rule)
    for problem in _jwt_problems(rule.jwt):
        yield finding(ACTION, f"jwt-validation {problem}", "see the limits of JwtValidationConfig", "Actions")
    for problem in _action_problems(service, rule, rule.action):
        yield finding(ACTION, f"{rule.action.type} {problem}", "see the limits of listener rule actions")


def _jwt_problems(jwt: JwtValidation | None) -> Iterator[str]:
    if jwt is None:
        return
    if not jwt.jwks_endpoint.startswith("https://") or len(jwt.jwks_endpoint) > LONGEST_JWT:
        yield f"has a JwksEndpoint that is no https URL of at most {LONGEST_JWT} characters"
    if not _PLAIN.fullmatch(jwt.issuer):
        yield f"has an Issuer that is no text of 1 to {LONGEST_JWT} characters"
    if len(jwt.claims) > MOST_CLAIMS:
        yield f"has {len(jwt.claims)} claims; a load balancer takes {MOST_CLAIMS}"
    for claim in jwt.claims:
        if claim.name in ("exp", "iss", "nbf", "iat") or not _PLAIN.fullmatch(claim.name):
            yield f"has a claim {claim.name!r}, which is checked anyway, or is no name"
        if not 1 <= len(claim.values) <= MOST_CLAIMS or not all(map(_PLAIN.fullmatch, claim.values)):
            yield f"has no values of claim {claim.name}, more than {MOST_CLAIMS}, or one that is no text"


_DIALECT = "write it without look-around, backreferences, atomic groups, possessive quantifiers, recursion and \\p"


def _regex_problems(regex: str, longest: int) -> Iterator[str]:
    """What an expression has that a load balancer does not take."""
    if len(regex) > longest:
        yield f"{len(regex)} characters, and {longest} are allowed"
        return
    try:
        read_regex(regex)
    except RefusedRegex as error:
        yield str(error)


def _transform_findings(rule: ListenerRule) -> Iterator[Finding]:
    kinds = Counter(transform.type for transform in rule.transforms)
    for index, transform in enumerate(rule.transforms):
        for problem, hint in _transform_problems(transform, kinds[transform.type]):
            place = rule.position_of("Transforms", index)
            yield Finding(TRANSFORM, f"{transform.type} {problem}", place, f"rule {rule.name}", hint)


def _transform_problems(transform: Transform, alike: int) -> Iterator[tuple[str, str]]:
    """What is wrong with a transform, and what to do. `alike`: how many of its type the rule has."""
    if alike > 1:
        yield f"stands {alike} times in one rule; a load balancer takes one of each type", "keep one of them"
    if len(transform.rewrites) != 1:
        yield (
            f"has {len(transform.rewrites)} rewrites; a load balancer takes one",
            "make one regular expression of them",
        )
        return
    rewrite = transform.rewrites[0]
    for problem in _regex_problems(rewrite.regex, LONGEST_REWRITE):
        yield f"regular expression {rewrite.regex[:140]!r} has {problem}", _DIALECT
        return
    if len(rewrite.replace) > LONGEST_REWRITE:
        yield f"replacement has {len(rewrite.replace)} characters, and {LONGEST_REWRITE} are allowed", "make it shorter"
        return
    try:
        read_replacement(rewrite.replace, read_regex(rewrite.regex).groups)
    except RefusedRegex as error:
        yield f"replacement {rewrite.replace[:140]!r} has {error}", "$1 to $9 stand for groups in parentheses"


def _condition_problems(condition: Condition) -> Iterator[str]:
    if isinstance(condition, QueryString):
        yield from _text_problems(text for pair in condition.values for text in pair)
        return
    if isinstance(condition, SourceIp):
        yield from (f"{block!r} is no CIDR block" for block in condition.values if not _is_block(block))
        return
    if isinstance(condition, HttpHeader):
        if not _HEADER_NAME.fullmatch(condition.name) or condition.name.lower() == "host":
            yield f"name {condition.name!r} is not allowed"
        yield from _text_problems(condition.values)
        return
    pattern = PATH if isinstance(condition, PathPattern) else HOST if isinstance(condition, HostHeader) else _METHOD
    yield from (
        f"{value!r} is too long or has other characters" for value in condition.values if not pattern.fullmatch(value)
    )


def _text_problems(texts: Iterable[str]) -> Iterator[str]:
    return (
        f"{text!r} is too long or has characters outside of ASCII" for text in texts if not _VISIBLE.fullmatch(text)
    )


def _is_block(block: str) -> bool:
    try:
        return str(ipaddress.ip_network(block, strict=False)) != "255.255.255.255/32" and "/" in block
    except ValueError:
        return False


def _action_problems(service: Service, rule: ListenerRule, action: Action) -> Iterator[str]:
    if isinstance(action, Forward):
        yield from _forward_problems(service, action)
    elif isinstance(action, Redirect):
        yield from _redirect_problems(rule, action)
    else:
        yield from _fixed_response_problems(action)


def _forward_problems(service: Service, action: Forward) -> Iterator[str]:
    if not 1 <= len(action.target_groups) <= MAX_GROUPS:
        yield f"names {len(action.target_groups)} target groups; 1 to {MAX_GROUPS} are allowed"
    known = {group.name for group in service.target_groups}
    for item in action.target_groups:
        if item.target_group not in known:
            yield f"names target group {item.target_group!r}, which is not there"
        if not 0 <= item.weight <= 999:
            yield f"has weight {item.weight}; 0 to 999 are allowed"


def _redirect_problems(rule: ListenerRule, action: Redirect) -> Iterator[str]:
    for name, pattern in _REDIRECT.items():
        value = getattr(action, name)
        if not pattern.fullmatch(value):
            yield f"{name} {value!r} is not allowed"
    if rule.listener == "HTTPS" and action.protocol == "HTTP":
        yield "from HTTPS to HTTP is not allowed"
    kept = Redirect()
    if all(getattr(action, name) == getattr(kept, name) for name in ("protocol", "host", "port", "path")):
        yield "leads to where the request came from: protocol, host, port or path has to change"


def _fixed_response_problems(action: FixedResponse) -> Iterator[str]:
    if action.status_code // 100 not in (2, 4, 5):
        yield f"status {action.status_code} is not allowed: 2xx, 4xx or 5xx"
    if len((action.message_body or "").encode()) > 1024:
        yield "body has more than 1024 bytes"
    if action.content_type is not None and action.content_type not in _CONTENT_TYPES:
        yield f"content type {action.content_type!r} is none of {', '.join(_CONTENT_TYPES)}"
