"""Change sets as `aws cloudformation describe-change-set` prints them, read whole or refused.

Source: CloudFormation API reference, DescribeChangeSet. Whatever is missing, unknown or written twice is an error: what
cannot be read is not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from emulator.errors import InputError, Position

ACTIONS: Final = frozenset({"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"})
_DESCRIBE: Final = "aws cloudformation describe-change-set --include-property-values"
_NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
"""What CloudFormation gives as the reason of a failure where there is nothing to change."""
_ONE_BY_ONE: Final = re.compile(r'"LogicalResourceId"\s*:')


@dataclass(frozen=True, slots=True)
class Detail:
    """One reason of a change. `name` is the property's where `attribute` is `Properties`; `before` and `after` are its
    values, empty where there is none or it is not known; `source` is what causes it (`ChangeSource`)."""

    attribute: str
    name: str
    recreation: str
    evaluation: str
    before: str
    after: str
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to one resource. `change_set` is the id of the set of a nested stack."""

    id: str
    type: str
    action: str
    replacement: str
    policy_action: str
    scope: tuple[str, ...]
    details: tuple[Detail, ...]
    change_set: str
    position: Position


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """One change set with all of its pages. `parent` is the id of the set that this one is nested in."""

    id: str
    name: str
    stack: str
    parent: str
    changes: tuple[Change, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class _Page:
    """What one file holds."""

    content: Mapping[str, object]
    file: str
    positions: Sequence[Position]
    """Of the changes, in order."""

    @property
    def start(self) -> Position:
        return Position(self.file, 1)


def read_change_sets(files: Iterable[tuple[str, str]]) -> list[ChangeSet]:
    """The change sets in files (name and text), each whole: pages put together, nested sets there.

    Raises InputError, with file and line, where a file is no description of a change set, a set is not complete or not
    ready, a page or a nested set is missing, or something is there twice.
    """
    pages: dict[str, list[_Page]] = {}
    for file, text in files:
        page = _read(file, text)
        pages.setdefault(_text(page.content, "ChangeSetId", page.start), []).append(page)
    if not pages:
        raise InputError("no change set is given", hint=f"give the output of `{_DESCRIBE}`")
    sets = [_joined(id, parts) for id, parts in pages.items()]
    _refuse_what_is_not_whole(sets)
    return sets


def _read(file: str, text: str) -> _Page:
    try:
        content = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is no JSON: {error.msg}",
            position=Position(file, error.lineno, error.colno),
            hint=f"give the output of `{_DESCRIBE}`, with `--output json`",
        ) from None
    except (_Double, RecursionError) as error:
        reason = f"the key {error} is there twice" if isinstance(error, _Double) else "it is nested too deep"
        raise InputError(f"this is no change set: {reason}", position=Position(file, 1)) from None
    if not isinstance(content, dict) or not {"ChangeSetId", "Status", "Changes"} <= content.keys():
        raise InputError(
            "this is no description of a change set: ChangeSetId, Status or Changes is not there",
            position=Position(file, 1),
            hint=f"give the output of `{_DESCRIBE}`",
        )
    ends = [match.start() for match in _ONE_BY_ONE.finditer(text)]
    return _Page(content, file, [Position(file, text.count("\n", 0, end) + 1) for end in ends])


class _Double(Exception):
    """A key is twice in an object."""


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Double(next(key for number, (key, _) in enumerate(pairs) if key in [it for it, _ in pairs[:number]]))
    return found


def _joined(id: str, parts: Sequence[_Page]) -> ChangeSet:
    """One set of its pages."""
    first = parts[0]
    _refuse_missing_pages(id, parts)
    for part in parts:
        for key in ("StackName", "Status", "ExecutionStatus", "ParentChangeSetId"):
            if part.content.get(key) != first.content.get(key):
                _refuse(f"{key} differs between pages of the change set {_short(id)}", part.start)
    parent = _text(first.content, "ParentChangeSetId", first.start, default="")
    _refuse_what_is_not_ready(id, first, nested=bool(parent))
    changes = [change for part in parts for change in _changes(part)]
    twice = [one.id for number, one in enumerate(changes) if one.id in {other.id for other in changes[:number]}]
    if twice:
        where = next(one.position for one in reversed(changes) if one.id == twice[0])
        _refuse(f"{twice[0]} is there twice in the change set {_short(id)}", where)
    name = _text(first.content, "ChangeSetName", first.start, default=_short(id))
    stack = _text(first.content, "StackName", first.start)
    if not changes and not parent:
        raise InputError(
            f"the change set {name} of {stack} changes nothing",
            position=first.start,
            hint="nothing was judged: make it with the template that is meant",
        )
    return ChangeSet(id, name, stack, parent, tuple(changes), first.start)


def _refuse_missing_pages(id: str, parts: Sequence[_Page]) -> None:
    tokens = [token for part in parts if (token := _text(part.content, "NextToken", part.start, default=""))]
    if len(parts) == 1 and tokens:
        raise InputError(
            f"the change set {_short(id)} goes on after this page (NextToken), and the next one is not here",
            position=parts[0].start,
            hint=f"give every page, or all at once: `{_DESCRIBE}` without --no-paginate and --max-items",
        )
    if len(tokens) != len(parts) - 1 or len(set(tokens)) != len(tokens):
        raise InputError(
            f"the pages of the change set {_short(id)} are not whole: {len(parts)} files, "
            f"{len(set(tokens))} of which have a page after them",
            position=parts[-1].start,
            hint="give every page once; only the last one has no NextToken",
        )


def _refuse_what_is_not_ready(id: str, page: _Page, *, nested: bool) -> None:
    """A nested set cannot be executed by itself, and says so; one that changes nothing has failed, and may be so."""
    status = _text(page.content, "Status", page.start)
    execution = _text(page.content, "ExecutionStatus", page.start, default="")
    reason = _text(page.content, "StatusReason", page.start, default="")
    why = f" ({reason})" if reason else ""
    if nested and status == "FAILED" and not page.content["Changes"] and any(it in reason for it in _NOTHING):
        return
    if status != "CREATE_COMPLETE":
        raise InputError(
            f"the change set {_short(id)} is not complete: its status is {status}{why}",
            position=page.start,
            hint="one that failed is made again; one that is pending is described again later",
        )
    if execution not in (("AVAILABLE", "UNAVAILABLE") if nested else ("AVAILABLE",)):
        raise InputError(
            f"the change set {_short(id)} cannot be executed: {execution or 'ExecutionStatus is not there'}{why}",
            position=page.start,
            hint="describe one that waits to be executed",
        )


def _changes(page: _Page) -> list[Change]:
    content = page.content["Changes"]
    if not isinstance(content, list):
        _refuse("Changes is no list", page.start)
    if len(content) != len(page.positions):
        _refuse("a change has no LogicalResourceId, or more than one", page.start)
    return [_change(item, position) for item, position in zip(content, page.positions, strict=True)]


def _change(item: object, position: Position) -> Change:
    if not isinstance(item, dict) or item.get("Type") != "Resource" or not isinstance(item.get("ResourceChange"), dict):
        _refuse("this is no change of a resource (Type is not Resource)", position)
    it: dict[str, object] = item["ResourceChange"]
    action = _text(it, "Action", position)
    if action not in ACTIONS:
        _refuse(f"the action {action} is not known", position)
    details = it.get("Details", [])
    if not isinstance(details, list):
        _refuse("Details is no list", position)
    return Change(
        id=_text(it, "LogicalResourceId", position),
        type=_text(it, "ResourceType", position),
        action=action,
        replacement=_text(it, "Replacement", position, default=""),
        policy_action=_text(it, "PolicyAction", position, default=""),
        scope=_scope(it.get("Scope", []), position),
        details=tuple(_detail(one, position) for one in details),
        change_set=_text(it, "ChangeSetId", position, default=""),
        position=position,
    )


def _scope(value: object, position: Position) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _refuse("Scope is no list of names", position)
    return tuple(str(one) for one in value)


def _detail(value: object, position: Position) -> Detail:
    target = value.get("Target") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(target, dict):
        _refuse("a detail of a change has no Target", position)
    return Detail(
        attribute=_text(target, "Attribute", position),
        name=_text(target, "Name", position, default=""),
        recreation=_text(target, "RequiresRecreation", position, default=""),
        evaluation=_text(value, "Evaluation", position, default=""),
        before=_text(target, "BeforeValue", position, default=""),
        after=_text(target, "AfterValue", position, default=""),
        source=_text(value, "ChangeSource", position, default=""),
    )


def _refuse_what_is_not_whole(sets: Sequence[ChangeSet]) -> None:
    """Nested sets whose parent is not here, and those that a parent names and are not here."""
    known = {one.id: one for one in sets}
    named = {change.change_set: one for one in sets for change in one.changes if change.change_set}
    for id, parent in named.items():
        if id not in known:
            position = next(change.position for change in parent.changes if change.change_set == id)
            raise InputError(
                f"the nested change set {_short(id)} is not here",
                position=position,
                hint=f"describe it too: `{_DESCRIBE} --change-set-name {id}`",
            )
        if known[id].parent != parent.id:
            _refuse(
                f"the change set {_short(id)} is not nested in {_short(parent.id)}, which names it", parent.position
            )
    for one in sets:
        if one.parent and one.id not in named:
            raise InputError(
                f"the change set {one.name} of {one.stack} is nested, and the one that it is part of is not here",
                position=one.position,
                hint="describe the root change set too",
            )


def _text(content: Mapping[str, object], key: str, position: Position, *, default: str | None = None) -> str:
    """The text of a key. Raises InputError where it is none, or where it is not there and there is no default."""
    found = content.get(key)
    if found is None:
        if default is not None:
            return default
        _refuse(f"{key} is not there", position)
    if not isinstance(found, str) or (default is None and not found):
        _refuse(f"{key} is no text", position)
    return found


def _refuse(what: str, position: Position) -> NoReturn:
    raise InputError(f"this is no change set that can be judged: {what}", position=position)


def _short(id: str) -> str:
    """An ARN's name."""
    return id.partition(":changeSet/")[2].partition("/")[0] or id
