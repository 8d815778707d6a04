"""Which environment the fixtures of a test session use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.testing.arguments import check_options
from emulator.testing.environment import Environment
from emulator.workspace import find_workspace, resolve_app

_VARIABLES = {"app": "COPILOT_LOCAL_APP", "environment": "COPILOT_LOCAL_ENV"}


def make(workspace: Path, options: Mapping[str, Any], *, reuse: bool, update: bool, worker: str) -> Environment:
    """An environment that is not up yet. `worker` is the name of a pytest-xdist worker, empty without one: each worker
    reuses an environment of its own. Raises UsageError for options that `Environment` does not take."""
    check_options(options, Environment.__init__)
    chosen = chosen_options({"reuse": reuse, "update": update, **options}, os.environ)
    if chosen["reuse"] and worker and "instance" not in chosen:
        chosen["instance"] = f"{resolve_app(find_workspace(workspace), chosen.get('app'))}-{worker}"
    return Environment(workspace, **chosen)


def chosen_options(options: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """The options of an environment. One that is reused is that of the command line, which `variables` may have
    named."""
    named = {key: variables[name] for key, name in _VARIABLES.items() if variables.get(name)}
    return {**(named if options["reuse"] else {}), **options}
