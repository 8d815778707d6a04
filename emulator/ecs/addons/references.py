"""What the parts of a template refer to, and what of that CloudFormation refuses. Functions are in the long form.

Source: CloudFormation's `ValidateTemplate` ("Unresolved resource dependencies", "Unresolved condition", "Circular
dependency between resources").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_PSEUDO: Final = "AWS::"
VARIABLE: Final = re.compile(r"\$\{(!?)\s*([^\s}](?:[^}]*[^\s}])?)\s*\}")
"""A variable of `Fn::Sub`: whether it is a literal, and its name. CloudFormation trims blanks around the name."""


@dataclass(frozen=True, slots=True)
class WrongReference:
    """A reference that CloudFormation refuses."""

    message: str
    """A sentence without its end, which names what refers and what it refers to."""
    places: tuple[tuple[str, str, str], ...]
    """Where it may stand, the best place first: the section, the entry of it, and the name that is referred to."""


def wrong_references(template: Mapping[str, object], of: str) -> Iterator[WrongReference]:
    """The references that CloudFormation refuses, in the order of the template. `of` says whose template it is, with
    its verb, as in `the stack does not have`. A macro may bring what is missing: then nothing is said."""
    resources = _section(template, "Resources")
    if template.get("Transform") or "Fn::Transform" in resources:
        return
    known = {*_section(template, "Parameters"), *resources}
    for section in ("Conditions", "Resources", "Outputs"):
        for owner, definition in _section(template, section).items():
            shown = f"{section[:-1].lower()} {owner}" if section != "Resources" else owner
            for name, attribute in references_in(definition):
                if name not in known and not name.startswith(_PSEUDO):
                    wanted = f"{name}.{attribute}" if attribute else name
                    yield WrongReference(f"{shown} refers to {wanted}, which {of}", ((section, owner, name),))
            yield from _others(template, section, owner, definition, shown, of)
    yield from _circles(resources)


def references_in(value: object) -> Iterator[tuple[str, str]]:
    """Every name that a value refers to, of a parameter or a resource, with the attribute that is asked for; that is
    empty for `Ref`."""
    if isinstance(value, list):
        for item in value:
            yield from references_in(item)
    if not isinstance(value, dict):
        return
    [(name, argument), *more] = [*value.items()] or [("", None)]
    if not more and name == "Ref" and isinstance(argument, str):
        yield argument, ""
    elif not more and name == "Fn::GetAtt":
        yield from _of_attribute(argument)
    elif not more and name == "Fn::Sub":
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        used = VARIABLE.findall(text) if isinstance(text, str) else []
        given = own if isinstance(own, dict) else {}
        for literal, it in used:
            if not literal and it not in given:
                resource, _, attribute = it.partition(".")
                yield resource, attribute
        yield from references_in(given)
    else:
        for item in value.values():
            yield from references_in(item)


def conditions_in(value: object) -> Iterator[str]:
    """Every condition that a value names."""
    yield from _functions("Fn::If", value)
    yield from _conditions_of(value)


def _of_attribute(argument: object) -> Iterator[tuple[str, str]]:
    found = argument if isinstance(argument, list) else str(argument).split(".", 1)
    if found and isinstance(found[0], str):
        resource, _, attribute = found[0].partition(".")
        yield resource, attribute or (found[1] if len(found) > 1 and isinstance(found[1], str) else "")


def _section(template: Mapping[str, object], name: str) -> dict[str, object]:
    found = template.get(name)
    return found if isinstance(found, dict) else {}


def _others(
    template: Mapping[str, object], section: str, owner: str, definition: object, shown: str, of: str
) -> Iterator[WrongReference]:
    """Those to conditions, to mappings, and to resources that are to come before."""
    own = definition if isinstance(definition, dict) else {}
    names = [("Conditions", "the condition ", name) for name in _functions("Fn::If", definition)]
    names += [("Mappings", "the mapping ", name) for name in _functions("Fn::FindInMap", definition)]
    if section == "Conditions":
        names += [("Conditions", "the condition ", name) for name in _conditions_of(definition)]
    elif isinstance(own.get("Condition"), str):
        names.append(("Conditions", "the condition ", own["Condition"]))
    for kind, what, name in names:
        if name not in _section(template, kind):
            yield WrongReference(f"{shown} refers to {what}{name}, which {of}", ((section, owner, name),))
    for name in _depends_on(own) if section == "Resources" else ():
        if name not in _section(template, "Resources"):
            yield WrongReference(f"{shown} depends on {name}, which {of}", ((section, owner, name),))


def _functions(name: str, value: object) -> Iterator[str]:
    """The first argument of each function of a name, where that is a text."""
    if isinstance(value, dict):
        arguments = value.get(name)
        if isinstance(arguments, list) and arguments and isinstance(arguments[0], str):
            yield arguments[0]
        for item in value.values():
            yield from _functions(name, item)
    elif isinstance(value, list):
        for item in value:
            yield from _functions(name, item)


def _conditions_of(value: object) -> Iterator[str]:
    """Those that are named by `Condition`."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Condition" and isinstance(item, str):
                yield item
            else:
                yield from _conditions_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _conditions_of(item)


def _depends_on(resource: Mapping[str, object]) -> list[str]:
    found = resource.get("DependsOn")
    return [it for it in (found if isinstance(found, list) else [found]) if isinstance(it, str)]


def _circles(resources: Mapping[str, object]) -> Iterator[WrongReference]:
    """The first circle of resources that need each other."""
    needs = {
        name: dict.fromkeys(
            other
            for other in [*(it for it, _ in references_in(resource)), *_depends_on(resource)]
            if other in resources
        )
        for name, resource in resources.items()
        if isinstance(resource, dict)
    }
    done: set[str] = set()
    for start in needs:
        path: list[tuple[str, Iterator[str]]] = [(start, iter(needs[start]))]
        while path:
            name, rest = path[-1]
            other = next((it for it in rest if it not in done), None)
            names = [it for it, _ in path]
            if other is None:
                done.add(name)
                path.pop()
            elif other in names:
                circle = [*names[names.index(other) :], other]
                message = f"resources need each other: {' → '.join(circle)}; CloudFormation refuses a circle"
                yield WrongReference(message, tuple(("Resources", *pair) for pair in pairwise(circle)))
                return
            else:
                path.append((other, iter(needs.get(other, ()))))
