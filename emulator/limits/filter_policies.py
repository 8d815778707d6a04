"""What SNS takes as the filter policy of a subscription.

Source: Amazon SNS, "Subscription filter policies": the constraints and the kinds of matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MOST_KEYS: Final = 5
"""At the top of a policy; those further down do not count."""
MATCHES: Final = ("prefix", "suffix", "anything-but", "equals-ignore-case", "wildcard", "cidr", "numeric", "exists")


def is_condition(value: object) -> bool:
    """Whether a key may have this value: a list of what matches, or a map of such keys."""
    return isinstance(value, list) or (isinstance(value, dict) and all(map(is_condition, value.values())))


def unknown_matches(key: str, value: object) -> Iterator[str]:
    """The kinds of matches that a key asks for and SNS does not know."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from unknown_matches(str(name), below)
    for one in value if isinstance(value, list) else ():
        if key == "$or":
            yield from unknown_matches("", one)
        elif isinstance(one, dict):
            yield from (str(name) for name in one if name not in MATCHES)
