"""Which tags ECS takes. Pure. Source: the ECS API reference (Tag)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.api.errors import invalid

MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256


def changed_tags(tags: Mapping[str, str], new: Sequence[Mapping[str, str]], gone: Sequence[str] = ()) -> dict[str, str]:
    """Tags after a change. Raises `ApiError` for what ECS does not take."""
    for one in new:
        key, value = one.get("key", ""), one.get("value", "")
        if not 1 <= len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise invalid(f"A tag's key has 1 to {LONGEST_KEY} characters, its value up to {LONGEST_VALUE}.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
    if len({one["key"] for one in new}) < len(new):
        raise invalid("A request cannot give one tag key twice.")
    changed = {one["key"]: one.get("value", "") for one in new}
    found = {**{key: value for key, value in tags.items() if key not in changed}, **changed}
    found = {key: value for key, value in found.items() if key not in gone}
    if len(found) > MOST_TAGS:
        raise invalid(f"A resource cannot have more than {MOST_TAGS} tags.")
    return found
