"""Which environment the fixtures of a test session use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.testing.environment import Environment
from emulator.workspace import find_workspace, resolve_app


def make(workspace: Path, options: Mapping[str, Any], *, reuse: bool, update: bool, worker: str) -> Environment:
    """An environment that is not up yet. `worker` is the name of a pytest-xdist worker, empty without one: each worker
    reuses an environment of its own."""
    chosen = {"reuse": reuse, "update": update, **options}
    if chosen["reuse"] and worker and "instance" not in chosen:
        chosen["instance"] = f"{resolve_app(find_workspace(workspace), chosen.get('app'))}-{worker}"
    return Environment(workspace, **chosen)
