"""Rules for `http` and `nlb`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from emulator.limits.listeners import CHECKED_PATH, GRPC_CODES, HOST, MOST_VALUES, PATH, SUCCESS_CODES
from emulator.manifest.rules.at import At
from emulator.manifest.schema.notations.values import Arn, format_duration

if TYPE_CHECKING:
    from emulator.manifest.schema.routing import Http, HttpHealthCheck, Nlb, NlbHealthCheck, NlbListener, RoutingRule

_VERSIONS: Final = ("http1", "http2", "grpc")
_LONGEST_DELAY: Final = timedelta(hours=1)
_LONGEST_GRACE: Final = timedelta(seconds=2**31 - 1)


def routing_rule(rule: RoutingRule, at: At) -> None:
    """Rules that hold for the main rule and for additional ones (Copilot: `RoutingRule.validate`)."""
    if rule.version is not None and rule.version.lower() not in _VERSIONS:
        at.add_choice(rule.version, _VERSIONS, "version")
    if rule.hosted_zone is not None and not rule.alias and not at.given("alias", empty=False):
        at.add("CL121", "hosted_zone needs alias", "hosted_zone")
    aliases, addresses = len(rule.alias), len(rule.allowed_source_ips)
    if aliases + addresses >= MOST_VALUES:
        message = f"{aliases} aliases and {addresses} address ranges; an ALB takes {MOST_VALUES} conditions in a rule"
        key = "allowed_source_ips" if addresses else "alias"
        at.add("CL129", message, key, hint="split the rule: put some of them into http.additional_rules")
    elif aliases + addresses + (1 if rule.path == "/" else 2) > MOST_VALUES:
        # Copilot's check leaves the path out, so this one fails when the stack is deployed.
        message = f"{aliases} aliases, {addresses} address ranges and the path are more than {MOST_VALUES} conditions"
        at.add("CL129", message, "path", hint="split the rule", copilot_accepts=True)
    if rule.target_port == 0:
        at.add("CL107", "0 is not a port", "target_port", copilot_accepts=True)
    if not rule.path:
        at.add("CL107", "the path is empty", "path", hint="'/' matches every request", copilot_accepts=True)
    _delay(rule, at)
    _condition_values(rule, at)


def _delay(rule: RoutingRule | NlbListener, at: At) -> None:
    delay = rule.deregistration_delay
    if delay is not None and not timedelta(0) <= delay <= _LONGEST_DELAY:
        message = f"deregistration_delay is {format_duration(delay)}; a load balancer takes 0s to 1h"
        at.add("CL107", message, "deregistration_delay", copilot_accepts=True)


def _condition_values(rule: RoutingRule, at: At) -> None:
    """Copilot passes them on, and the stack fails."""
    if rule.path and not PATH.fullmatch(f"/{rule.path.strip('/')}/*"):
        message = f"{rule.path!r} is longer than an ALB takes, or has other characters"
        hint = "at most 128 of letters, digits and _-.$/~\"'@:+&*?, with the /* that is added"
        at.add("CL107", message, "path", hint=hint, copilot_accepts=True)
    for index, alias in enumerate(rule.alias):
        if not HOST.fullmatch(alias.name):
            message = f"{alias.name!r} is no name that an ALB compares hosts with"
            hint = "at most 128 of letters, digits and -_.*?"
            at.add("CL107", message, "alias", index, hint=hint, copilot_accepts=True)
    check, version = rule.healthcheck, (rule.version or "").lower()
    codes = check.success_codes if check is not None else None
    if codes is not None and not (GRPC_CODES if version == "grpc" and codes != "200" else SUCCESS_CODES).fullmatch(
        codes
    ):
        hint = "codes from 200 to 499 and ranges of them, parted by commas: 200,202 or 200-299; of gRPC 0 to 99"
        message = f"{codes!r} are no success codes"
        at.add("CL107", message, "healthcheck", "success_codes", hint=hint, copilot_accepts=True)


def http(http: Http, at: At) -> None:
    if at.workload == "Backend Service":
        if http.alb is not None:
            message = "a Backend Service cannot use an existing load balancer; Copilot never looks at it"
            at.add("CL109", message, "alb", hint="remove it", copilot_accepts=True)
        if http.redirect_to_https is not None:
            message = "has no effect in a Backend Service: it redirects whenever the environment has certificates"
            at.add("CL109", message, "redirect_to_https", hint="remove it", copilot_accepts=True)
    elif http.alb is not None and http.alb.startswith("arn:"):
        try:
            Arn.parse(http.alb)
        except ValueError as error:
            at.add("CL107", str(error), "alb", copilot_accepts=True)
    for index, rule in enumerate(http.additional_rules):
        if rule.healthcheck is not None and rule.healthcheck.grace_period is not None:
            message = "grace_period is the service's, so only the main rule can give it"
            at.add(
                "CL120", message, "additional_rules", index, "healthcheck", "grace_period",
                hint="move it to http.healthcheck", copilot_accepts=at.workload == "Backend Service",
            )  # fmt: skip


def http_health_check(check: HttpHealthCheck, at: At) -> None:
    """Copilot checks nothing here; the limits are the load balancer's (CreateTargetGroup)."""
    if check.path == "" and not at.node.entries:
        at.add("CL107", "the path is empty", hint="'/' is the default")
    if check.path and not CHECKED_PATH.fullmatch(f"/{check.path.removeprefix('/')}"):
        message = f"{check.path!r} is longer than an ALB takes, or has a character that no URL has"
        at.add("CL107", message, "path", hint="a path such as /health", copilot_accepts=True)
    health_check_limits(check, at)
    if check.timeout is not None and check.interval is not None and check.timeout >= check.interval:
        at.add("CL151", "timeout must be shorter than interval", "timeout", copilot_accepts=True)


def health_check_limits(check: HttpHealthCheck | NlbHealthCheck, at: At) -> None:
    for name, lowest, highest in (("interval", 5, 300), ("timeout", 2, 120)):
        value = getattr(check, name)
        if value is not None and not lowest <= value.total_seconds() <= highest:
            seconds = f"{value.total_seconds():g}s"
            message = f"{name} is {seconds}; a load balancer takes {lowest}s to {highest}s"
            at.add("CL151", message, name, copilot_accepts=True)
    for name in ("healthy_threshold", "unhealthy_threshold"):
        value = getattr(check, name)
        if value is not None and not 2 <= value <= 10:
            at.add("CL151", f"{name} is {value}; a load balancer takes 2 to 10", name, copilot_accepts=True)
    if check.port is not None and not 1 <= check.port <= 65535:
        at.add("CL107", f"{check.port} is not a port", "port", copilot_accepts=True)
    grace = check.grace_period
    if grace is not None and not timedelta(0) <= grace <= _LONGEST_GRACE:
        message = f"grace_period is {format_duration(grace)}; ECS takes 0s to {format_duration(_LONGEST_GRACE)}"
        at.add("CL151", message, "grace_period", copilot_accepts=True)


def nlb_listener(listener: NlbListener, at: At) -> None:
    _delay(listener, at)
    port = listener.target_port
    if port is not None and not 1 <= port <= 65535:
        at.add("CL107", f"{port} is not a port", "target_port", copilot_accepts=True)
    if listener.ssl_policy is not None and listener.port.protocol != "tls":
        at.add("CL109", "ssl_policy is for a listener with protocol tls", "ssl_policy", copilot_accepts=True)


def nlb(nlb: Nlb, at: At) -> None:
    for index, alias in enumerate(nlb.alias):
        if alias.hosted_zone is not None:
            at.add("CL107", "a network load balancer's alias cannot have a hosted_zone", "alias", index, "hosted_zone")
    for index, listener in enumerate(nlb.additional_listeners):
        if listener.healthcheck is not None and listener.healthcheck.grace_period is not None:
            message = "grace_period is the service's, so only the main listener can give it"
            keys = ("additional_listeners", index, "healthcheck", "grace_period")
            at.add("CL120", message, *keys, hint="move it to nlb.healthcheck")
