"""Rules and explanations for programs, and the words for conditions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from emulator.ecs.service import (
    Condition,
    FixedResponse,
    Forward,
    HostHeader,
    HttpHeader,
    Redirect,
    Service,
)
from emulator.frontdoor.balancers import LISTENERS, Balancer, behind
from emulator.frontdoor.routing.explain import Explanation, RuleResult, destinations_of
from emulator.frontdoor.routing.matching import regexes
from emulator.frontdoor.routing.rules import PlacedRule, rules_in_order


def condition_text(condition: Condition) -> str:
    """`path /api or /api/*`: the condition's field, and what it takes."""
    name = f" {condition.name}" if isinstance(condition, HttpHeader) else ""
    values = [f"{pair[0]}={pair[1]}" if isinstance(pair, tuple) else pair for pair in condition.values]
    values += [f"regex {value}" for value in regexes(condition)]
    if isinstance(condition, HostHeader) and condition.load_balancer_name:
        values.append("the load balancer's own name")
    return f"{condition.field}{name} {' or '.join(values)}"


def as_json(explanation: Explanation) -> dict[str, object]:
    """What `route --format json` prints."""
    return {
        "load_balancer": explanation.balancer.value,
        "listener": explanation.listener,
        "method": explanation.request.method,
        "priority": explanation.priority,
        "reason": explanation.reason,
        "status": explanation.status,
        "location": explanation.location,
        "container_path": explanation.container_path,
        "container_host": explanation.container_host,
        "destinations": [asdict(destination) for destination in explanation.destinations],
        "rules": [_result(rule) for rule in explanation.rules],
        "warnings": [str(finding) for finding in explanation.warnings],
    }


def _result(rule: RuleResult) -> dict[str, object]:
    return {
        "priority": rule.placed.priority,
        "service": rule.placed.service.name,
        "rule": rule.placed.rule.name,
        "verdict": rule.verdict,
        "conditions": [
            {
                "condition": condition_text(found.condition),
                "matched": found.matched,
                "seen": list(found.seen),
                "regex": found.regex,
            }
            for found in rule.conditions
        ],
    }


def rules_as_json(services: Sequence[Service]) -> list[dict[str, object]]:
    """The rules of every load balancer and listener in the order in which they are looked at. Raises InputError for
    rules that would be refused."""
    return [
        {"load_balancer": balancer.value, "listener": listener, **_rule(placed)}
        for balancer in Balancer
        for listener in LISTENERS
        for placed in rules_in_order(behind(services, balancer), listener)
    ]


def _rule(placed: PlacedRule) -> dict[str, object]:
    action = placed.rule.action
    found: dict[str, object] = {
        "priority": placed.priority,
        "service": placed.service.name,
        "rule": placed.rule.name,
        "conditions": [condition_text(condition) for condition in placed.rule.conditions],
        "position": str(placed.rule.position or ""),
        "destinations": [],
        "action": "forward",
    }
    if isinstance(action, Forward):
        found["destinations"] = [asdict(one) for one in destinations_of(placed.service, action)]
    elif isinstance(action, Redirect):
        found["action"] = f"redirect {action.status_code}"
    elif isinstance(action, FixedResponse):
        found["action"] = f"answer {action.status_code}"
    return found
