"""Whether policies allow an action on a resource: yes, no, or not to be said from here.

Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements". All policies are of one account, so
that an Allow of a role's own policies or of a resource's policy is enough, and a Deny of either wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any


class Verdict(StrEnum):
    """What a role does with a call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    """A statement denies it."""
    MISSING = "not allowed"
    """No statement allows it."""
    UNKNOWN = "cannot say"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and the policy or the reason behind it."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `origin` names its policy. `unknown` says why it cannot be read, empty where it can."""

    effect: str
    origin: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: Mapping[str, Any] | None = None
    unknown: str = ""


def statement_of(node: Mapping[str, Any], origin: str) -> Statement:
    """A statement of a policy document whose functions are evaluated."""
    sid = str(node.get("Sid", ""))
    conditions = node.get("Condition")
    return Statement(
        effect=str(node.get("Effect", "")),
        origin=f"{origin}/{sid}" if sid else origin,
        actions=_texts(node.get("Action")),
        not_actions=_texts(node.get("NotAction")),
        resources=_texts(node.get("Resource")),
        not_resources=_texts(node.get("NotResource")),
        conditions=conditions if isinstance(conditions, Mapping) else None,
    )


def decide(action: str, resource: str, statements: Iterable[Statement], known: Mapping[str, str]) -> Decision:
    """`known` are values of condition keys, by their names in lower case; what a statement asks beyond them cannot be
    said."""
    found = [(one, *_applies(one, action, resource, known)) for one in statements]
    denies = [one for one, applies, _ in found if applies is True and one.effect == "Deny"]
    allows = [one for one, applies, _ in found if applies is True and one.effect == "Allow"]
    open_denies = [(one, why) for one, applies, why in found if applies is None and one.effect == "Deny"]
    open_allows = [(one, why) for one, applies, why in found if applies is None and one.effect == "Allow"]
    if denies:
        return Decision(Verdict.DENIED, denies[0].origin)
    if allows and not open_denies:
        return Decision(Verdict.ALLOWED, allows[0].origin)
    if open_denies and (allows or open_allows):
        return Decision(Verdict.UNKNOWN, f"{open_denies[0][0].origin} may deny it: {open_denies[0][1]}")
    if open_allows:
        return Decision(Verdict.UNKNOWN, f"{open_allows[0][0].origin}: {open_allows[0][1]}")
    return Decision(Verdict.MISSING)


def _applies(one: Statement, action: str, resource: str, known: Mapping[str, str]) -> tuple[bool | None, str]:
    """Whether a statement is about a call; None where that cannot be said, with the reason."""
    matches_action = one.actions and any(_matches(action.lower(), it.lower()) for it in one.actions)
    outside = one.not_actions and not any(_matches(action.lower(), it.lower()) for it in one.not_actions)
    if not (matches_action or outside or (one.unknown and not one.actions and not one.not_actions)):
        return False, ""
    if one.unknown:
        return None, one.unknown
    about = _about_resource(one, resource)
    if about is False:
        return False, ""
    held, why = _conditions_hold(one.conditions or {}, known)
    if held is False:
        return False, ""
    if about is None:
        return None, "it names a resource by a policy variable"
    return held, why


def _about_resource(one: Statement, resource: str) -> bool | None:
    given = one.resources or one.not_resources
    exact = any("${" not in it and _matches(resource, _here(it, resource)) for it in given)
    maybe = any("${" in it and _matches(resource, _here(_VARIABLE.sub("*", it), resource)) for it in given)
    if one.resources:
        return True if exact else None if maybe else False
    return False if exact else None if maybe else bool(one.not_resources)


_VARIABLE = re.compile(r"\$\{[^}]*\}")
_ACCOUNT = re.compile(r"\d{12}$")


def _here(pattern: str, resource: str) -> str:
    """A pattern with the account of this endpoint in place of the one that is deployed to."""
    parts, own = pattern.split(":", 5), resource.split(":", 5)
    if len(parts) == len(own) == 6 and _ACCOUNT.match(parts[4]) and _ACCOUNT.match(own[4]):
        parts[4] = own[4]
    return ":".join(parts)


def _matches(text: str, pattern: str) -> bool:
    return pattern == "*" or _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(letter) or re.escape(letter) for letter in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _conditions_hold(conditions: Mapping[str, Any], known: Mapping[str, str]) -> tuple[bool | None, str]:
    """Whether all conditions hold; a single one that does not is enough for no."""
    reason = ""
    for operator, keys in conditions.items():
        for key, wanted in (keys if isinstance(keys, Mapping) else {}).items():
            held = _holds(operator.lower(), known.get(key.lower()), _texts(wanted))
            if held is False:
                return False, ""
            if held is None and not reason:
                reason = f"the condition {operator} {key}"
    return (None, reason) if reason else (True, "")


def _holds(operator: str, value: str | None, wanted: tuple[str, ...]) -> bool | None:
    """Whether one condition holds; None where its key or operator is not known."""
    operator = operator.removesuffix("ifexists").rpartition(":")[2]
    if value is None:
        return None
    if operator == "null":
        return wanted[:1] != ("true",)
    folded = operator in ("bool", "stringequalsignorecase", "stringnotequalsignorecase")
    text, options = (value.lower(), [one.lower() for one in wanted]) if folded else (value, list(wanted))
    if operator in ("bool", "stringequals", "stringequalsignorecase"):
        return text in options
    if operator in ("stringnotequals", "stringnotequalsignorecase"):
        return text not in options
    if operator in ("stringlike", "arnlike", "arnequals"):
        return any(_matches(text, one) for one in options)
    if operator in ("stringnotlike", "arnnotlike", "arnnotequals"):
        return not any(_matches(text, one) for one in options)
    return None


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
