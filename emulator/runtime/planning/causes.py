"""Why tasks of a service are replaced: what differs between the definition that they run and the one that is wanted.

Names alone: values may be secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from emulator.ecs.task_definition import ContainerDefinition
from emulator.model import to_plain
from emulator.runtime.state.desired import DesiredService

_MOST = 4
"""Differences that are named; of more their number is."""
_BY_NAME = {"environment": "variable", "secrets": "secret"}
_OF_NO_TASK = {"time", "connect_names", "variables"}
"""Options that make no other task, or that are compared otherwise."""


def changes(before: DesiredService, desired: DesiredService) -> list[str]:
    """What differs, in words: `variable CURRENCIES of web is gone`. Images are left out."""
    old, new = before.service.task_definition, desired.service.task_definition
    was = {one.name: one for one in old.container_definitions}
    will = {one.name: one for one in new.container_definitions}
    found = [f"container {name} is new" for name in will if name not in was]
    found += [f"container {name} is gone" for name in was if name not in will]
    for name in will:
        if name in was:
            found += _of_container(was[name], will[name])
    found += [f"{_words(key)} of the task changed" for key in _differing(to_plain(old), to_plain(new))]
    if before.service.connect != desired.service.connect:
        found.append("its names of Service Connect changed")
    options = _differing(to_plain(before.options), to_plain(desired.options))
    found += [f"{_words(key)} on this machine changed" for key in options if key not in _OF_NO_TASK]
    for name in will:
        pairs = (one.options.variables.get(name, {}) for one in (before, desired))
        found += _differences("variable", f"{name} on this machine", *pairs)
    return found


def images_changed(before: DesiredService, desired: DesiredService) -> list[str]:
    """The containers that run another image here."""
    old, new = before.options.images, desired.options.images
    return [name for name, image in new.items() if name in old and old[name] != image]


def in_words(found: list[str]) -> str:
    """Differences as one sentence; those past the first few as a number."""
    more = len(found) - _MOST
    return ", ".join(found[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _of_container(was: ContainerDefinition, will: ContainerDefinition) -> Iterator[str]:
    for field, word in _BY_NAME.items():
        old, new = (_pairs(one, field) for one in (was, will))
        yield from _differences(word, will.name, old, new)
    for key in _differing(to_plain(was), to_plain(will)):
        if key not in _BY_NAME:
            yield f"{_words(key)} of {will.name} changed"


def _differences(word: str, owner: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{word} {name} of {owner} is new" for name in new if name not in old)
    yield from (f"{word} {name} of {owner} is gone" for name in old if name not in new)
    yield from (f"{word} {name} of {owner} changed" for name in new if name in old and new[name] != old[name])


def _pairs(container: ContainerDefinition, field: str) -> Mapping[str, object]:
    if field == "secrets":
        return {one.name: one.value_from for one in container.secrets}
    return {one.name: one.value for one in container.environment}


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Keys with another value; not those of collections that are compared one by one."""
    apart = {"container_definitions", "containerDefinitions", "images", "name"}
    return [key for key in {**old, **new} if key not in apart and old.get(key) != new.get(key)]


def _words(key: str) -> str:
    """`portMappings` and `port_mappings` as people write it."""
    return "".join(f" {one.lower()}" if one.isupper() else one for one in key).replace("_", " ")
