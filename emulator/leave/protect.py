"""Retain policies for every resource of a deployed template, by edits of single lines, proved to change nothing else.

The template stays as it was written: comments, short forms and order of keys. Source of the kinds of stacks: Copilot,
the `Description` of its templates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import yaml

from emulator.errors import InputError, Position
from emulator.leave.kinds import ADDONS, STACK

POLICIES: Final = ("DeletionPolicy", "UpdateReplacePolicy")
RETAIN: Final = "Retain"
_WORKLOAD: Final = "CloudFormation template that represents "
_KINDS: Final = {
    "CloudFormation environment template for": "environment",
    f"{_WORKLOAD}a backend service": "service",
    f"{_WORKLOAD}a load balanced web service": "service",
    f"{_WORKLOAD}a request driven web service": "service",
    f"{_WORKLOAD}a scheduled job": "job",
    f"{_WORKLOAD}a static site": "service",
    f"{_WORKLOAD}a worker service": "service",
}
"""Kinds of stacks by what the descriptions of their templates begin with."""
_DEPLOYED: Final = (
    "give the deployed one: aws cloudformation get-template --stack-name STACK --template-stage Original "
    "--query TemplateBody --output text"
)
_OF_ADDONS: Final = frozenset({"App", "Env"})
"""Parameters that every addon template has."""
_Tree = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Protected:
    """A template with its policies: of which kind of stack it is, its text, how many resources it has, how many of them
    were given a policy, its parameters, and the nested stacks with the address of their template (empty where a
    parameter holds it)."""

    kind: str
    text: str
    resources: int
    changed: int
    parameters: tuple[str, ...]
    nested: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """What a template has: how many resources without `DeletionPolicy: Retain`, its parameters, and its nested stacks
    as those of `Protected`."""

    unprotected: int
    parameters: tuple[str, ...]
    nested: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """Text that takes the place of what is from `start` to `end`, counted in characters."""

    start: int
    end: int
    text: str


def protect(text: str, file: str) -> Protected:
    """The template with `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` on every resource.

    Raises InputError, with file and line, where the text is no template, none of Copilot's, or written in a way that
    cannot be changed by lines.
    """
    root = _composed(text, file)
    kind = _kind(root, file)
    resources = _mapping(_entry(root, "Resources") or root, "Resources", file)
    edits: list[_Edit] = []
    seen: set[int] = set()
    changed = 0
    for key, value in resources.value:
        resource = _mapping(value, str(key.value), file)
        if id(resource) in seen:
            _refuse(f"{key.value} is written in another place, by a YAML alias", file, key)
        seen.add(id(resource))
        if not isinstance(_entry(resource, "Type"), yaml.ScalarNode):
            _refuse(f"{key.value} has no Type", file, key)
        more = list(_edits(resource, text, file))
        changed += bool(more)
        edits += more
    made = _applied(text, edits)
    _prove(root, made, file)
    return Protected(kind, made, len(resources.value), changed, _parameters(root), _nested(resources))


def outline(text: str, file: str) -> Outline:
    """What any template has, of Copilot's or not. Raises InputError, with file and line, where the text is none."""
    root = _composed(text, file)
    resources = _mapping(_entry(root, "Resources") or root, "Resources", file)
    policies = (_entry(_mapping(value, str(key.value), file), POLICIES[0]) for key, value in resources.value)
    without = sum(policy is None or policy.value != RETAIN for policy in policies)
    return Outline(without, _parameters(root), _nested(resources))


def _composed(text: str, file: str) -> yaml.MappingNode:
    """The template's nodes, with the place of each. Tabs between the values of JSON are blanks to YAML's parser."""
    if _is_json(text):
        text = text.replace("\t", " ")
    if not text.strip():
        raise InputError(
            "this is no CloudFormation template: the file is empty", position=Position(file, 1), hint=_DEPLOYED
        )
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        tab = any(it.startswith("\t") for it in text.split("\n")[line - 1 : line])
        hint = "YAML is indented by blanks, never by tabs" if tab else ""
        raise InputError(f"this is no template: {error.problem}", position=Position(file, line), hint=hint) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"this is no template: {error}", position=Position(file, 1)) from None
    if not isinstance(root, yaml.MappingNode) or not isinstance(_entry(root, "Resources"), yaml.MappingNode):
        raise InputError(
            "this is no CloudFormation template: there is no map Resources",
            position=Position(file, 1),
            hint=_DEPLOYED,
        )
    try:
        _refuse_doubles(root, file, set())
    except RecursionError:
        raise InputError("this is no template: it is nested too deep", position=Position(file, 1)) from None
    return root


def _refuse_doubles(node: yaml.Node, file: str, seen: set[int]) -> None:
    """Raises InputError where a map has a key twice, at any depth: readers differ in which of the two counts. A node
    that an alias leads to is looked at once."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    if not isinstance(node, yaml.MappingNode):
        for item in node.value:
            _refuse_doubles(item, file, seen)
        return
    names: set[str] = set()
    for key, value in node.value:
        if str(key.value) in names:
            _refuse(f"{key.value} is there twice in one map", file, key)
        names.add(str(key.value))
        _refuse_doubles(value, file, seen)


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _kind(root: yaml.MappingNode, file: str) -> str:
    description = _entry(root, "Description")
    text = str(description.value) if isinstance(description, yaml.ScalarNode) else ""
    for start, kind in _KINDS.items():
        if text.startswith(start):
            return kind
    if text.startswith(_WORKLOAD):
        raise InputError(
            f"the kind of this stack is not known: its description is {text!r}",
            position=_position(file, description or root),
            hint=f"known are stacks of {', '.join(it.removeprefix(_WORKLOAD) for it in _KINDS if _WORKLOAD in it)}",
        )
    if set(_parameters(root)) >= _OF_ADDONS:
        return ADDONS
    raise InputError(
        f"this is not a template of Copilot's: its description is {text!r}"
        if text
        else "this is not a template of Copilot's: it has no description",
        position=_position(file, description or root),
        hint="give the deployed template of an environment, a service, a job or their addons",
    )


def _edits(resource: yaml.MappingNode, text: str, file: str) -> Iterator[_Edit]:
    """What gives one resource both policies."""
    missing = []
    for policy in POLICIES:
        value = _entry(resource, policy)
        if value is None:
            missing.append(policy)
        elif value.value != RETAIN or value.tag != "tag:yaml.org,2002:str":
            if not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">"):
                _refuse(f"the {policy} is no plain word", file, value)
            quote = value.style or ""
            yield _Edit(value.start_mark.index, value.end_mark.index, f"{quote}{RETAIN}{quote}")
    if missing:
        yield _insertion(resource, missing, text, file)


def _insertion(resource: yaml.MappingNode, policies: Sequence[str], text: str, file: str) -> _Edit:
    """Policies before the first key, in the manner of the keys that are there: on lines of their own, or beside it."""
    first = resource.value[0][0]
    start, column = first.start_mark.index, first.start_mark.column
    quote = first.style or ""
    pairs = [f"{quote}{policy}{quote}: {quote}{RETAIN}{quote}" for policy in policies]
    alone = not text[start - column : start].strip(" \t")
    if not alone and not resource.flow_style:
        _refuse("keys that do not begin their line cannot be added to", file, first)
    comma = "," if resource.flow_style else ""
    line = "\r\n" if "\r\n" in text else "\n"
    end = f"{comma}{line}{text[start - column : start]}" if alone else f"{comma} "
    return _Edit(start, start, "".join(f"{pair}{end}" for pair in pairs))


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    """The text with its edits, none of which overlaps another."""
    parts, position = [], 0
    for edit in sorted(edits, key=lambda it: (it.start, it.end)):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def _prove(before: yaml.MappingNode, made: str, file: str) -> None:
    """Raises InputError where the new text differs from the old one in anything but the policies of resources."""
    try:
        same = _tree(_composed(made, file)) == _with_policies(before)
    except (InputError, RecursionError):  # a list that holds itself, by an alias
        same = False
    if not same:
        raise InputError(
            "the policies cannot be added by lines without changing something else",
            position=Position(file, before.start_mark.line + 1),
            hint="nothing was written; add `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` by hand",
        )


def _tree(node: yaml.Node) -> _Tree:
    """What a node means, without how it is written; keys in no order."""
    if isinstance(node, yaml.MappingNode):
        return (node.tag, frozenset((_tree(key), _tree(value)) for key, value in node.value), len(node.value))
    if isinstance(node, yaml.SequenceNode):
        return (node.tag, tuple(_tree(item) for item in node.value))
    return (node.tag, node.value)


def _with_policies(root: yaml.MappingNode) -> _Tree:
    """What the template means once every resource has both policies."""
    retain: _Tree = ("tag:yaml.org,2002:str", RETAIN)
    names: dict[_Tree, _Tree] = {("tag:yaml.org,2002:str", policy): retain for policy in POLICIES}
    pairs = []
    for key, value in root.value:
        if key.value != "Resources":
            pairs.append((_tree(key), _tree(value)))
            continue
        resources = []
        for name, resource in value.value:
            attributes = {_tree(one): _tree(other) for one, other in resource.value} | names
            resources.append((_tree(name), (resource.tag, frozenset(attributes.items()), len(attributes))))
        pairs.append((_tree(key), (value.tag, frozenset(resources), len(resources))))
    return (root.tag, frozenset(pairs), len(pairs))


def _parameters(root: yaml.MappingNode) -> tuple[str, ...]:
    found = _entry(root, "Parameters")
    return tuple(str(key.value) for key, _ in found.value) if isinstance(found, yaml.MappingNode) else ()


def _nested(resources: yaml.MappingNode) -> tuple[tuple[str, str], ...]:
    found = []
    for key, resource in resources.value:
        kind, properties = _entry(resource, "Type"), _entry(resource, "Properties")
        if kind is not None and kind.value == STACK:
            url = _entry(properties, "TemplateURL") if isinstance(properties, yaml.MappingNode) else None
            plain = isinstance(url, yaml.ScalarNode) and url.tag == "tag:yaml.org,2002:str"
            found.append((str(key.value), str(url.value) if plain and url is not None else ""))
    return tuple(found)


def _entry(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    """The value of a key, None where it is not there."""
    return next((value for key, value in node.value if key.value == name), None)


def _mapping(node: yaml.Node, what: str, file: str) -> yaml.MappingNode:
    """A node that is a map with something in it."""
    if not isinstance(node, yaml.MappingNode) or not node.value:
        _refuse(f"{what} is no map, or an empty one", file, node)
    return node


def _position(file: str, node: yaml.Node) -> Position:
    return Position(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _refuse(what: str, file: str, node: yaml.Node) -> NoReturn:
    raise InputError(f"this template cannot be protected by lines: {what}", position=_position(file, node))
