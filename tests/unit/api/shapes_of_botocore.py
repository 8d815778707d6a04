"""What the files of shapes in `emulator/api` are made of: `python -m tests.unit.api.shapes_of_botocore` writes them."""

from __future__ import annotations

import json
from typing import Any

from botocore.session import Session

from emulator.api.shapes import FILES
from emulator.api.wire import TARGETS

KEPT = ("type", "required", "members", "member", "key", "value")


def shapes(service: str = "ecs") -> dict[str, Any]:
    """The operations of a service that are answered, and every shape that they lead to."""
    model = Session().get_component("data_loader").load_service_model(service, "service-2")
    answered = dict(TARGETS.values())[service]
    operations = {
        name: {side: model["operations"][name][side]["shape"] for side in ("input", "output")} for name in answered
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
    for service, file in FILES.items():
        rows = shapes(service)
        lines = [
            '{"operations": {',
            ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in rows["operations"].items()),
            '}, "shapes": {',
            ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in rows["shapes"].items()),
            "}}",
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
