"""A merged manifest without its secrets, for printing: a name stands for each, and everything else stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables
from dataclasses import replace

from emulator.manifest.load.loader import LoadedManifest
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from emulator.runtime.reports.redact import PLAIN_SHORTEST, Redactor, sounds_secret, telling

_OPEN = frozenset({"variables", "args", "labels", "destination"})
"""Keys of maps whose names are the user's own, and whose values a task or a build gets. Elsewhere a name that sounds
like a secret's is one of Copilot's (`secrets` and `credentials` say where a secret is), or a container's."""


def masked(loaded: LoadedManifest, variables: Variables[str, str]) -> LoadedManifest:
    """The manifest with a tree of the same shape without secrets; `variables` are those that filled `${NAME}`.

    A secret is what has a name that sounds like one: an entry of the manifest, or a variable that was filled in. Where
    its value stands elsewhere in the manifest too, in a command or a URL, it is hidden there as well.
    """
    filled = {name for node, _ in _scalars(loaded.tree, "") for name in node.variables}
    secrets = [(name, variables.get(name, "")) for name in sorted(filled) if sounds_secret(name)]
    for node, name in _scalars(loaded.tree, ""):
        # A shorter one is part of other words; by its own name it is hidden all the same.
        secrets += [pair for pair in telling(name, node.text) if len(pair[1]) >= PLAIN_SHORTEST]
    tree = _masked(loaded.tree, "", Redactor(secrets))
    assert isinstance(tree, Mapping)
    return replace(loaded, tree=tree)


def masked_value(name: str, value: str) -> str:
    """The value of a variable as it may be printed."""
    return f"<{name}>" if value and sounds_secret(name) else Redactor(telling(name, value))(value)


def _scalars(node: Node, name: str, *, own: bool = False) -> Iterator[tuple[Scalar, str]]:
    """Every scalar with the name under which the user gives it; empty where that is a key of Copilot's."""
    if isinstance(node, Scalar):
        yield node, name if own else ""
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _scalars(item, name, own=own)
    else:
        for key, entry in node.entries.items():
            named, of_user = _name(node, name, key)
            yield from _scalars(entry.value, named, own=of_user)


def _name(node: Mapping, name: str, key: str) -> tuple[str, bool]:
    """The name that an entry of the map `name` goes by, and whether the user gave it: its key, or the name beside it
    as ECS writes variables, `{Name, Value}`."""
    if key.lower() == "value":
        for other, entry in node.entries.items():
            if other.lower() == "name" and isinstance(entry.value, Scalar):
                return entry.value.text, True
    return key, name in _OPEN


def _masked(node: Node, name: str, redact: Redactor, *, own: bool = False) -> Node:
    if isinstance(node, Scalar):
        return _masked_scalar(node, name if own else "", redact)
    if isinstance(node, Sequence):
        items = [_masked(item, name, redact, own=own) for item in node.items]
        return Sequence(items, node.tag, node.line, node.column, redact(node.text) if node.text is not None else None)
    entries = {}
    for key, entry in node.entries.items():
        named, of_user = _name(node, name, key)
        entries[key] = Entry(entry.key, _masked(entry.value, named, redact, own=of_user), entry.origin)
    return Mapping(entries, node.tag, node.line, node.column)


def _masked_scalar(node: Scalar, name: str, redact: Redactor) -> Scalar:
    text = f"<{name}>" if node.text and sounds_secret(name) else redact(node.text)
    if text == node.text:
        return node
    one = Scalar(text, '"', "", node.line, node.column, node.width)
    one.variables = node.variables
    return one
