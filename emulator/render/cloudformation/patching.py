"""Patches of a finished template, and whether it still has everything that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.addons.references import wrong_references
from emulator.ecs.json_patch import apply_patch
from emulator.errors import InputError, Position
from emulator.render.cloudformation.addons import substituted
from emulator.render.cloudformation.intrinsics import Commented, Fn, from_long_form, uses
from emulator.render.cloudformation.template import plain

_SECTIONS = ("Description", "Metadata", "Parameters", "Mappings", "Conditions", "Transform", "Resources", "Outputs")
_ALWAYS_THERE = ("Metadata", "Parameters", "Conditions")
"""Sections that each template of Copilot has, so that patches add to them."""


def apply_patches(document: dict[str, object], patches: Iterable[TemplatePatch], names: Mapping[str, object]) -> None:
    """Changes a template's tree in place; sections that stay empty are left out. `names` has the parameters of
    Copilot's template that this one has as plain text. Raises InputError at the line of a patch whose path is not
    there."""
    entries, patches = list(document.items()), tuple(patches)
    missing = [name for name in _ALWAYS_THERE if name not in document] if patches else []
    before = [name for name, _ in entries].index("Resources")
    document.clear()
    document.update([*entries[:before], *((name, dict[str, object]()) for name in missing), *entries[before:]])
    for patch in patches:
        hint = ""
        if len(patch.path) == 1 and patch.path[0] not in _SECTIONS:
            raise InputError(
                f"/{patch.path[0]} is no section of a CloudFormation template",
                position=patch.position,
                hint=f"sections are {', '.join(_SECTIONS)}",
            )
        if patch.path[:1] == ["Resources"] and len(patch.path) > 1:
            hint = "Copilot's custom resources and their roles are not part of this stack"
        value = substituted(from_long_form(patch.value), names)
        apply_patch(document, patch, value, unwrap=_open, hint=hint)
    for name in missing:
        if not document.get(name, True):
            del document[name]


def _open(node: object) -> object:
    """The map or list that a node holds: a comment's value, a function's argument."""
    match node:
        case Commented(_, value):
            return _open(value)
        case Fn(_, argument) if isinstance(argument, list):
            return argument
        case _:
            return node


def check_references(
    document: Mapping[str, object],
    position: Callable[[str, str], Position | None],
    *,
    stack: str = "the stack",
    hint: str,
) -> None:
    """Raises InputError for the first reference that CloudFormation refuses: to what the template does not have, or in
    a circle. `position` is where the reference stands, by the name and by what refers to it."""
    for wrong in wrong_references(plain(dict(document)), f"{stack} does not have"):
        owners = [
            (f"{section[:-1].lower()} {owner}" if section != "Resources" else owner, name)
            for section, owner, name in wrong.places
        ]
        places = (position(name, owner) for owner, name in owners)
        raise InputError(
            wrong.message, position=next((place for place in places if place is not None), None), hint=hint
        )


def patch_that_names(patches: Iterable[TemplatePatch], name: str) -> Position | None:
    """Where the patch stands whose value refers to a name."""
    return next((patch.position for patch in patches if uses(patch.value, name)), None)


def patch_of(patches: Iterable[TemplatePatch], owner: str) -> Position | None:
    """Where the last patch stands that changes a resource, or an output or a condition with that word before it."""
    name = owner.rpartition(" ")[2]
    found = [patch.position for patch in patches if patch.path[1:2] == [name]]
    return found[-1] if found else None
