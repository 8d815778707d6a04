"""What `emulator/api/shapes.json` is made of; `python -m tests.unit.api.shapes_of_botocore` writes it."""

from __future__ import annotations

import json
from typing import Any

from botocore.session import Session

from emulator.api.operations.registry import OPERATIONS
from emulator.api.shapes import FILE

KEPT = ("type", "required", "members", "member", "key", "value")


def shapes() -> dict[str, Any]:
    """The operations that are answered, and every shape that they lead to."""
    model = Session().get_component("data_loader").load_service_model("ecs", "service-2")
    operations = {
        name: {side: model["operations"][name][side]["shape"] for side in ("input", "output")} for name in OPERATIONS
    }
    found: dict[str, Any] = {}
    waiting = [shape for sides in operations.values() for shape in sides.values()]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        shape = found[name] = {key: _short(value) for key, value in model["shapes"][name].items() if key in KEPT}
        members = shape.get("members", {}).values()
        waiting += [*members, *(shape[key] for key in ("member", "key", "value") if key in shape)]
    return {"operations": operations, "shapes": dict(sorted(found.items()))}


def _short(value: Any) -> Any:
    """The name of a shape in the place of a reference to it."""
    if isinstance(value, dict) and "shape" in value:
        return value["shape"]
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    return value


if __name__ == "__main__":
    rows = shapes()
    lines = [
        '{"operations": {',
        ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in rows["operations"].items()),
        '}, "shapes": {',
        ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in rows["shapes"].items()),
        "}}",
    ]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
