"""Patches of a finished template, and whether it still has everything that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.json_patch import apply_patch
from emulator.errors import InputError, Position
from emulator.render.cloudformation.addons import substituted
from emulator.render.cloudformation.intrinsics import Commented, Fn, from_long_form, names_used, uses

_PSEUDO = "AWS::"
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
    """Raises InputError for the first reference to something that the template does not have. `position` is where the
    reference stands, by the name that is not there and by what refers to it."""
    sections = {name: document.get(name) for name in ("Parameters", "Resources")}
    known = {name for section in sections.values() if isinstance(section, dict) for name in section}
    resources, outputs = sections["Resources"], document.get("Outputs")
    owners = [
        *(resources.items() if isinstance(resources, dict) else ()),
        *((f"output {name}", it) for name, it in (outputs.items() if isinstance(outputs, dict) else ())),
    ]
    for owner, resource in owners:
        for name, attribute in names_used(resource):
            if name in known or name.startswith(_PSEUDO):
                continue
            wanted = f"{name}.{attribute}" if attribute else name
            raise InputError(
                f"{owner} refers to {wanted}, which {stack} does not have", position=position(name, owner), hint=hint
            )


def patch_that_names(patches: Iterable[TemplatePatch], name: str) -> Position | None:
    """Where the patch stands whose value refers to a name."""
    return next((patch.position for patch in patches if uses(patch.value, name)), None)
