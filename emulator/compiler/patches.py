"""`overrides/cfn.patches.yml`: changes to the finished template.

Copilot applies them to the text of its template (internal/pkg/override/patch.go). Here, those that change the task
definition apply to the ECS model, so that what runs has them too; the renderer applies the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from emulator.compiler.addons import SourceText
from emulator.ecs.addons.model import TemplatePatch
from emulator.errors import InputError, Position
from emulator.manifest.yaml.nodes import Mapping, Scalar
from emulator.manifest.yaml.nodes import Sequence as ListNode
from emulator.manifest.yaml.reader import parse_node
from emulator.manifest.yaml.untyped import untyped
from emulator.model import JsonValue, make

TASK_DEFINITION = ("Resources", "TaskDefinition", "Properties")
OPERATIONS = ("add", "remove", "replace")
SERVICE, ENVIRONMENT, PIPELINE = "service", "environment", "pipeline"
"""Whose templates patches change."""
_EXAMPLES = {
    SERVICE: f"/{'/'.join(TASK_DEFINITION)}/ContainerDefinitions/0/User",
    ENVIRONMENT: "/Resources/Cluster/Properties/ClusterSettings/0/Value",
    PIPELINE: "/Resources/Pipeline/Properties/RestartExecutionOnUpdate",
}
_KEYS = ("op", "path", "value")


def read_patches(source: SourceText, of: str = SERVICE) -> tuple[TemplatePatch, ...]:
    """The patches of a file, in its order; `of` says whose template they change. Raises InputError with the line of one
    that is none."""
    root = parse_node(source.text, source.file)
    if root is None:
        return ()
    if not isinstance(root, ListNode):
        raise InputError(
            "the patches are not a list",
            position=Position(source.file, root.line, root.column),
            hint="write `- op: add`, `path:` and `value:` for each",
        )
    return tuple(_patch(source.file, item, of) for item in root.items)


def for_task_definition(patches: Sequence[TemplatePatch]) -> list[TemplatePatch]:
    """Those that change the properties of the task definition; their paths start there."""
    depth = len(TASK_DEFINITION)
    return [
        patch.model_copy(update={"path": patch.path[depth:]})
        for patch in patches
        if tuple(patch.path[:depth]) == TASK_DEFINITION and len(patch.path) > depth
    ]


def for_template(patches: Sequence[TemplatePatch]) -> list[TemplatePatch]:
    """All others."""
    depth = len(TASK_DEFINITION)
    return [
        patch for patch in patches if tuple(patch.path[:depth]) != TASK_DEFINITION or len(patch.path) <= depth
    ]  # fmt: skip


def _patch(file: str, node: object, of: str) -> TemplatePatch:
    if not isinstance(node, Mapping):
        line = node.line if isinstance(node, Scalar | ListNode) else 1
        raise InputError(
            "a patch is a map", position=Position(file, line), hint="write `op:`, `path:` and `value:`"
        )  # fmt: skip
    position = Position(file, node.line, node.column)
    op, path = node.get("op"), node.get("path")
    if not isinstance(op, Scalar) or op.text not in OPERATIONS:
        given = op.text if isinstance(op, Scalar) else ""
        raise InputError(
            f"unsupported operation {given!r}: supported operations are {', '.join(OPERATIONS)}",
            position=Position(file, op.line, op.column) if op else position,
            hint="correct `op`"
            + ("; write what it does as `op: remove` and `op: add`" if given in ("move", "copy") else ""),
        )
    for key, entry in node.entries.items():
        if key not in _KEYS:
            where = Position(file, entry.key.line, entry.key.column)
            raise InputError(f"unknown key {key!r} of a patch", position=where, hint=f"known are {', '.join(_KEYS)}")
    if not isinstance(path, Scalar) or not path.text.startswith("/"):
        raise InputError(
            "a patch needs a `path` that starts with /",
            position=Position(file, path.line, path.column) if path else position,
            hint="write it like /Resources/Service/Properties/PlatformVersion",
        )
    value = node.get("value")
    if value is None and op.text != "remove":
        raise InputError(f"`value` required for operation {op.text!r}", position=position, hint="give a value")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.text[1:].split("/")]
    wholes = (TASK_DEFINITION[:1], TASK_DEFINITION[:2], TASK_DEFINITION)
    if tuple(steps) in (wholes if of == SERVICE else wholes[:1]):
        raise InputError(
            f"{path.text} as a whole cannot be patched: the {of} is made of it",
            position=Position(file, path.line, path.column),
            hint=f"patch single properties, such as {_EXAMPLES[of]}",
        )
    plain = None if value is None else untyped(value)
    if value is not None and op.text != "remove" and _has_null(plain):
        raise InputError(
            "the value holds a null, which CloudFormation does not take in a template",
            position=Position(file, value.line, value.column),
            hint="give a value, or use `op: remove`",
        )
    return make(TemplatePatch, op=op.text, path=steps, value=cast("JsonValue", plain), position=position)


def _has_null(value: object) -> bool:
    match value:
        case dict():
            return any(_has_null(item) for item in value.values())
        case list():
            return any(_has_null(item) for item in value)
        case _:
            return value is None


def added_volumes(patches: Sequence[TemplatePatch]) -> set[str]:
    """The names of the volumes that patches add to the task definition."""
    found: set[str] = set()
    for patch in for_task_definition(patches):
        if patch.op == "remove" or patch.path[0] != "Volumes":
            continue
        value: object = patch.value
        if patch.path[-1] == "Name":
            found.add(str(value))
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("Name"), str):
                found.add(str(item["Name"]))
    return found
