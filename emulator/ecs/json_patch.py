"""Changes to a tree of maps and lists by path, as JSON Patch (RFC 6902) has them: add, remove and replace. `-` stands
for the end of a list only where an item is added there. Source: Copilot, internal/pkg/override/patch.go."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.ecs.addons.model import TemplatePatch


def apply_patch(
    tree: dict[str, object],
    patch: TemplatePatch,
    value: object,
    *,
    unwrap: Callable[[object], object] = lambda node: node,
    hint: str = "",
    base: str = "",
) -> None:
    """Changes `tree` in place; `value` takes the place of the patch's own. `unwrap` gives the map or list that a node
    of the tree stands for. Raises InputError at the patch's line where its path is not there; `hint` ends its hint, and
    `base` is the path of the tree itself."""
    here = unwrap(tree)
    for number, step in enumerate(patch.path[:-1]):
        here = unwrap(_below(here, step, patch, number, hint, base))
    last = patch.path[-1]
    if isinstance(here, dict):
        if patch.op == "add" or last in here:
            if patch.op == "remove":
                del here[last]
            else:
                here[last] = value
            return
    elif isinstance(here, list):
        if patch.op == "add" and last == "-":
            here.append(value)
            return
        limit = len(here) + 1 if patch.op == "add" else len(here)
        if is_index(last) and int(last) < limit:
            if patch.op == "add":
                here.insert(int(last), value)
            elif patch.op == "remove":
                del here[int(last)]
            else:
                here[int(last)] = value
            return
    raise _not_there(here, patch, len(patch.path) - 1, hint, base)


def is_index(step: str) -> bool:
    """Whether a step of a path is the index of a list's item."""
    return step.isascii() and step.isdecimal() and len(step) < 10


def _below(here: object, step: str, patch: TemplatePatch, number: int, hint: str, base: str) -> object:
    if isinstance(here, dict) and step in here:
        return here[step]
    if isinstance(here, list) and is_index(step) and int(step) < len(here):
        return here[int(step)]
    raise _not_there(here, patch, number, hint, base)


def _not_there(here: object, patch: TemplatePatch, number: int, hint: str, base: str) -> InputError:
    step = patch.path[number]
    above = "/".join([base, *patch.path[:number]]) or "/"
    last = number == len(patch.path) - 1
    if isinstance(here, dict):
        near = difflib.get_close_matches(step, [str(key) for key in here], n=1)
        problem, found = f"has no key {step!r}", f"did you mean {near[0]}?" if near else "correct the path"
    elif isinstance(here, list):
        length = len(here)
        if step == "-":
            problem = "is a list, in which - names no item: it stands for the end, where one is added"
            found = "give the index of the item"
        elif not is_index(step):
            problem, found = f"is a list, in which {step!r} is no index", "give the index of the item"
        else:
            problem = f"has {length} item{'s' if length != 1 else ''}, so there is no index {step!r}"
            found = "use - to append to the list" if patch.op == "add" and last else "correct the path"
    else:
        problem, found = f"is no map or list, so there is nothing at {step!r}", "correct the path"
    return InputError(
        f"{'/'.join([base, *patch.path])}: {above} {problem}",
        position=patch.position,
        hint=f"{found}; {hint}" if hint else found,
    )
