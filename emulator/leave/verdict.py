"""A verdict over a change set that fails closed: what is not known to be safe is refused.

*Protect* is the step that adds deletion policies: nothing else may change. *Take over* is the step in which a rendered
template takes the place of Copilot's: what is removed must stay in AWS or hold nothing, and what holds data or is known
to others may not be replaced. *Back* is the step in which the template before returns; what stayed in AWS meanwhile may
be imported.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.leave.change_sets import Change, ChangeSet
from emulator.leave.kinds import (
    DESTRUCTIVE,
    GUARDED,
    HOLDS_DATA,
    NEEDED_ROLES,
    REACHED_BY,
    REPLACEABLE,
    STACK,
    is_harmless,
    loss_of,
)

POLICIES: Final = frozenset({"DeletionPolicy", "UpdateReplacePolicy"})
_NEVER: Final = ("", "Never")
_MOST_DIFFERENCES: Final = 4
"""How many differences of a property are shown."""
_OF_DOMAINS: Final = (
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::Route53::RecordSet",
    "AWS::Route53::RecordSetGroup",
)
_DOMAIN: Final = (
    "was it rendered without the application's domain (`domain` in [app] of copilot-local.toml, `aws app show`) or "
    "without `http`?"
)
_RETAIN: Final = "`retain = true` in [environments.NAME] of copilot-local.toml renders them"
_WITHOUT_LOSS: Final = frozenset({"Properties", "Metadata", "Tags", "CreationPolicy", "UpdatePolicy", *POLICIES})


class Phase(enum.StrEnum):
    """What a change set is for."""

    PROTECT = "protect"
    TAKEOVER = "takeover"
    BACK = "back"


class Level(enum.StrEnum):
    """What is made of one change."""

    REFUSED = "refused"
    LOOK = "look"
    """Allowed, and for a person to look at."""
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is made of one change of a set, and why."""

    change: Change
    level: Level
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one change set: what is made of each of its changes, in order."""

    change_set: ChangeSet
    judgements: tuple[Judgement, ...]

    def of(self, level: Level) -> list[Judgement]:
        """Those of one level."""
        return [one for one in self.judgements if one.level is level]

    @property
    def passes(self) -> bool:
        """Whether nothing in it is refused. Only a nested set may be empty."""
        return bool(self.judgements or self.change_set.parent) and not self.of(Level.REFUSED)


def judge(sets: Sequence[ChangeSet], phase: Phase) -> list[Verdict]:
    """The verdict over each set; nested ones are judged by their own changes."""
    rule = {Phase.PROTECT: _protects, Phase.TAKEOVER: _takes_over, Phase.BACK: _goes_back}[phase]
    verdicts = [Verdict(one, tuple(Judgement(change, *rule(change)) for change in one.changes)) for one in sets]
    return verdicts if phase is Phase.PROTECT else _with_moves_refused(verdicts)


def _with_moves_refused(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Refuses what holds data and is made while one of its type, or a nested stack, leaves one of the stacks: it would
    be a new one, and empty. A resource cannot move from stack to stack by an update."""
    leaving = [one for verdict in verdicts for one in verdict.change_set.changes if one.action == "Remove"]
    return [
        Verdict(verdict.change_set, tuple(_unless_moved(one, leaving) for one in verdict.judgements))
        for verdict in verdicts
    ]


def _unless_moved(judgement: Judgement, leaving: Sequence[Change]) -> Judgement:
    change = judgement.change
    if change.action != "Add" or change.type not in HOLDS_DATA:
        return judgement
    before = [one for one in leaving if one.type == change.type] or [one for one in leaving if one.type == STACK]
    if not before:
        return judgement
    names = ", ".join(one.id for one in before)
    if before[0].type == STACK:
        hint = "with `--addons nested`, the default in Copilot's environment, data stays where it is"
        reason = f"is made anew and empty, while {names} leaves, a stack that may hold the one in use; {hint}"
    else:
        reason = f"is made anew and empty, while {names} leaves, of the same type; keep the name {names}"
    return Judgement(change, Level.REFUSED, reason)


def _protects(change: Change) -> tuple[Level, str]:
    """Only the two policies may change; of a nested stack also the address of its template."""
    if change.action != "Modify":
        return Level.REFUSED, f"{_words(change)}; only policies may change here{_loss(change)}"
    if change.replacement != "False":
        return Level.REFUSED, f"may be replaced (Replacement {change.replacement or 'is not there'}){_loss(change)}"
    if change.policy_action:
        return Level.REFUSED, f"comes with the policy action {change.policy_action}"
    if not change.scope:
        return Level.REFUSED, "does not say what changes (Scope is empty)"
    allowed = POLICIES | ({"Properties"} if change.type == STACK else set())
    if more := sorted(set(change.scope) - allowed):
        return Level.REFUSED, f"changes more than policies: {', '.join(more)}"
    if change.type == STACK and not change.change_set:
        return Level.REFUSED, "is not looked into: make the change set with --include-nested-stacks"
    if contradiction := _contradiction(change):
        return Level.REFUSED, contradiction
    for detail in change.details:
        if detail.attribute in POLICIES:
            if detail.after not in ("", "Retain"):
                return Level.REFUSED, f"its {detail.attribute} becomes {detail.after}, not Retain"
            continue
        if change.type == STACK and detail.source == "Automatic":  # the nested set says what comes of it
            continue
        nested = change.type == STACK and detail.attribute == "Properties" and detail.name == "TemplateURL"
        if not nested or detail.recreation != "Never":
            return Level.REFUSED, f"changes {'.'.join(filter(None, (detail.attribute, detail.name)))}"
    said = any(detail.name == "TemplateURL" or detail.source == "Automatic" for detail in change.details)
    if "Properties" in change.scope and not said:
        return Level.REFUSED, "changes properties, and does not say which"
    return Level.FINE, "its policies change"


def _takes_over(change: Change) -> tuple[Level, str]:
    match change.action:
        case "Add":
            return Level.LOOK, "is made"
        case "Remove":
            return _removes(change)
        case "Modify":
            return _modifies(change)
        case _:
            return Level.REFUSED, f"{_words(change)}{_loss(change)}"


def _goes_back(change: Change) -> tuple[Level, str]:
    if change.action == "Import":
        return Level.LOOK, "is taken into the stack again, as it is"
    return _takes_over(change)


def _removes(change: Change) -> tuple[Level, str]:
    needed = change.type == "AWS::IAM::Role" and change.id in NEEDED_ROLES
    if change.policy_action == "Retain":
        if change.type == STACK:
            return Level.LOOK, "stays, as a stack by itself; does nothing refer to its outputs any more?"
        if needed or is_harmless(change.type, change.id) or change.type.startswith("Custom::"):
            return Level.FINE, "leaves the stack, and stays"
        asked = _DOMAIN if change.type in _OF_DOMAINS else "is a manifest missing that needs it?"
        return Level.LOOK, f"stays in AWS as it is, and no stack changes it any more; {asked}"
    if is_harmless(change.type, change.id) and change.policy_action in ("", "Delete"):
        return Level.FINE, "goes, without loss"
    what = "goes, with a last snapshot" if change.policy_action == "Snapshot" else "goes"
    more = ": tasks or commands run with it" if needed else _loss(change)
    return Level.REFUSED, f"{what}{more}; give it DeletionPolicy: Retain first (`copilot-local leave protect`)"


def _modifies(change: Change) -> tuple[Level, str]:
    if unknown := sorted(set(change.scope) - _WITHOUT_LOSS):
        return Level.REFUSED, f"changes in a way that is not known: {', '.join(unknown)}"
    if change.type == STACK and not change.change_set:
        return Level.REFUSED, "is not looked into: make the change set with --include-nested-stacks"
    if change.replacement in ("True", "Conditional"):
        if change.type not in REPLACEABLE:
            how = "is replaced" if change.replacement == "True" else "may be replaced"
            return Level.REFUSED, f"{how}{_loss(change)}"
        if moved := list(_ways_that_change(change)):
            return Level.LOOK, f"is replaced by one that is reached in another way: {'; '.join(moved)}"
        return Level.FINE, "is replaced, without loss"
    if change.replacement != "False":
        return (
            Level.REFUSED,
            f"does not say whether it is replaced (Replacement is {change.replacement or 'not there'})",
        )
    if contradiction := _contradiction(change):
        return Level.REFUSED, contradiction
    if change.policy_action not in ("", "Retain"):
        return Level.REFUSED, f"comes with the policy action {change.policy_action}"
    if change.type in DESTRUCTIVE and set(change.scope) - POLICIES:
        return Level.REFUSED, "runs once more: a custom resource of Copilot's may delete when it is changed"
    if looks := list(_looks(change)):
        return Level.LOOK, "; ".join(looks)
    return Level.FINE, f"changes {', '.join(_names(change)) or ', '.join(change.scope) or 'in place'}"


def _looks(change: Change) -> Iterator[str]:
    """What a person has to see of a change in place."""
    if change.type in GUARDED and any(detail.evaluation != "Static" for detail in change.details):
        yield f"changes by a value that is known only then ({', '.join(_names(change))})"
    if moved := list(_ways_that_change(change)):
        yield f"is reached in another way: {'; '.join(moved)}"
    if change.type in (*GUARDED, *DESTRUCTIVE, STACK) and (policies := _policies_that_go(change)):
        loss = f" ({loss_of(change.type)})" if loss_of(change.type) else ""
        yield f"has no Retain as its {' and '.join(policies)} any more: it goes with the stack{loss}; {_RETAIN}"


def _ways_that_change(change: Change) -> Iterator[str]:
    """What changes of the names and rules by which callers reach it, and of its network, with the values before and
    after."""
    for detail in change.details:
        if detail.attribute == "Properties" and detail.name in REACHED_BY.get(change.type, ()):
            before, after = _value(detail.before), _value(detail.after)
            if not detail.before or not detail.after:
                yield f"{detail.name} changes, and the change set has no values of it"
            elif before != after:
                yield f"{detail.name} {', '.join(list(_differences(before, after))[:_MOST_DIFFERENCES])}"


def _value(text: str) -> object:
    """A property's value, which CloudFormation writes as JSON where it is no scalar."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _differences(before: object, after: object, at: str = "") -> Iterator[str]:
    """Where two values differ, as `KEY: BEFORE -> AFTER`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differences(before.get(key), after.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{at}[{number}]")
    elif before != after:
        yield f"{at + ': ' if at else ''}{_said(before)} -> {_said(after)}"


def _said(value: object) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)


def _policies_that_go(change: Change) -> list[str]:
    """The policies that the change takes away, or of which it does not say that they are Retain afterwards."""
    after = {detail.attribute: detail.after for detail in change.details}
    return [name for name in sorted(POLICIES & set(change.scope)) if after.get(name) != "Retain"]


def _contradiction(change: Change) -> str:
    """What is wrong with a change that is said to replace nothing, though one of its details may."""
    found = sorted({detail.name or detail.attribute for detail in change.details if detail.recreation not in _NEVER})
    return f"is said not to be replaced, and {', '.join(found)} may replace it{_loss(change)}" if found else ""


def _names(change: Change) -> list[str]:
    """The properties or attributes that change."""
    return sorted({detail.name or detail.attribute for detail in change.details})


def _words(change: Change) -> str:
    return {
        "Add": "is made",
        "Remove": "is removed",
        "Import": "is imported",
        "Dynamic": "changes in a way that is known only then",
        "SyncWithActual": "is brought to what is there",
    }[change.action]


def _loss(change: Change) -> str:
    found = loss_of(change.type)
    return f": {found}" if found else ""
