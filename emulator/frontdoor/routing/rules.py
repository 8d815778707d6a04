"""The rules of all services behind one load balancer, in the order in which it looks at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from emulator.ecs.service import Forward, ListenerRule, Service, TargetGroup
from emulator.errors import InputError
from emulator.frontdoor.balancers import LISTENERS, Listener

DEFAULT_PRIORITY = 0
"""What an access log calls the default action: in a Copilot environment, an empty target group, thus 503."""

MAX_PRIORITY = 50000


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule of one service with the priority it has on its listener."""

    priority: int
    service: Service
    rule: ListenerRule


def rules_in_order(services: Sequence[Service], listener: Listener) -> list[PlacedRule]:
    """The rules of one listener, lowest priority number first: the first one that matches wins.

    Fixed priorities stay. Of the others, those that are not root get the next free number in the order of services and
    rules; roots count down from 50000 (Copilot's rule priority function). Two rules of one priority raise InputError.
    """
    rules = [(service, rule) for service in services for rule in service.listener_rules if rule.listener == listener]
    taken: dict[int, ListenerRule] = {}
    placed: list[PlacedRule] = []

    def place(priority: int, service: Service, rule: ListenerRule) -> None:
        taken[priority] = rule
        placed.append(PlacedRule(priority, service, rule))

    for service, rule in rules:
        if rule.priority is None:
            continue
        _check_fixed_priority(service, rule, rule.priority, taken)
        place(rule.priority, service, rule)
    following = max((priority for priority, rule in taken.items() if not rule.root), default=0) + 1
    for service, rule in rules:
        if rule.priority is None and not rule.root:
            place(following, service, rule)
            following += 1
    last = MAX_PRIORITY
    for service, rule in rules:
        if rule.priority is None and rule.root:
            while last in taken:
                last -= 1
            place(last, service, rule)
    return sorted(placed, key=lambda item: item.priority)


def _check_fixed_priority(service: Service, rule: ListenerRule, priority: int, taken: dict[int, ListenerRule]) -> None:
    if not 1 <= priority <= MAX_PRIORITY:
        raise InputError(
            f"{service.name}: rule {rule.name} has priority {priority}",
            hint=f"a priority is a number from 1 to {MAX_PRIORITY}",
            position=rule.position,
        )
    if priority in taken:
        raise InputError(
            f"{service.name}: rule {rule.name} has the same priority ({priority}) as rule {taken[priority].name}"
            + (f" ({other})" if (other := taken[priority].position) else ""),
            hint="priorities are unique on a listener; change one of them",
            position=rule.position,
        )


def forwarded_groups(rules: Iterable[PlacedRule]) -> Iterator[tuple[Service, str]]:
    """Each target group that a rule forwards to, once, in order. Only these are health-checked."""
    seen: set[tuple[str, str]] = set()
    for placed in rules:
        if not isinstance(placed.rule.action, Forward):
            continue
        for weighted in placed.rule.action.target_groups:
            key = (placed.service.name, weighted.target_group)
            if key not in seen:
                seen.add(key)
                yield placed.service, weighted.target_group


def group_table(services: Sequence[Service]) -> dict[tuple[str, str], TargetGroup]:
    """The target groups that a rule or a network listener forwards to, by service and name.

    Others are never checked (`unused`).
    """
    found = {
        (service.name, name): service.target_group(name)
        for listener in LISTENERS
        for service, name in forwarded_groups(rules_in_order(services, listener))
    }
    for service in services:
        for network_listener in service.network_listeners:
            group = service.target_group(network_listener.target_group)
            found[service.name, group.name] = group
    return found
