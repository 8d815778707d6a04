"""Which tags ECS takes. Pure. Source: the ECS API reference (Tag)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def tags_of_task(definition: Sequence[Mapping[str, str]], asked: Mapping[str, Any]) -> dict[str, str]:
    """Those of a task that RunTask starts: its own, and where it asks for them those of its task definition."""
    match asked.get("propagateTags", "NONE"):
        case "NONE":
            inherited = {}
        case "TASK_DEFINITION":
            inherited = {one["key"]: one.get("value", "") for one in definition if "key" in one}
        case _:
            raise invalid("propagateTags of a task of no service should be one of [TASK_DEFINITION,NONE]")
    return changed_tags(inherited, asked.get("tags", ()))


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as answers have them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
