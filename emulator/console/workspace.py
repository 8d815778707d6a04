"""What the workspace says: manifests merged for the environment, and log routers' configurations."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Final

from emulator.app.compile import load_manifest
from emulator.app.load import load_one
from emulator.app.permissions import interpolated
from emulator.app.selection import Selection, find_one, region
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, Finding, FindingsError, InputError
from emulator.events import discard
from emulator.manifest.load.emit import lines_with_origin
from emulator.runtime.images.router_configuration import router_configurations
from emulator.runtime.reports.redact import Redactor, secrets_of, sounds_secret
from emulator.runtime.reports.router_metrics import router_metrics, tasks_with_routers
from emulator.runtime.state.names import Names

NO_WORKSPACE: Final = "start `copilot-local console` in the workspace to see its manifests"


class Workspace:
    """Asks about the services of the selection that the command was given."""

    def __init__(self, engine: Engine, environment: Names, selection: Selection) -> None:
        self._engine = engine
        self._names = environment
        self._selection = selection

    def manifest(self, service: str) -> dict[str, Any]:
        """What `config` prints, line by line with its origin, and the findings of `validate`. Values of variables that
        sound secret are their names. Raises InputError where the workspace has no such service."""
        target, name = self._found(service)
        try:
            loaded = load_manifest(target, name)
        except FindingsError as error:
            return {"path": "", "lines": [], "findings": [_finding(one) for one in error.findings]}
        used = {variable: target.variables.get(variable, "") for variable, _ in interpolated(loaded.tree)}
        redact = Redactor((variable, value) for variable, value in used.items() if sounds_secret(variable))
        return {
            "path": str(loaded.path),
            "lines": [
                {
                    "text": redact(line.text),
                    "line": line.position.line,
                    "environment": line.environment,
                    "variables": line.variables,
                }
                for line in lines_with_origin(loaded)
            ],
            "findings": [_finding(one) for one in loaded.findings],
        }

    def firelens(self, service: str) -> dict[str, Any]:
        """What `firelens config` prints. Raises InputError where the service has no router."""
        self._found(service)
        loaded = load_one(replace(self._selection, services=(service,)), discard)
        redact = Redactor(secrets_of(loaded.service))
        found = router_configurations(loaded.service, loaded.settings.logs, {}, region())
        return {
            "ecs": redact(found.ecs),
            "path": found.path,
            "local": redact(found.local),
            "differences": [
                {
                    "reason": redact(one.reason),
                    "ecs": [redact(line) for line in one.ecs],
                    "local": [redact(line) for line in one.local],
                }
                for one in found.differences
            ],
        }

    def router(self, service: str) -> dict[str, Any]:
        """What `firelens metrics` prints, of each task whose router runs, or why it does not tell its counters."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(InputError):  # none runs
            for task in tasks_with_routers(self._engine, self._names, [service]):
                try:
                    found.append({"task": task.id, "counters": router_metrics(self._engine, task)})
                except CopilotLocalError as error:
                    found.append({"task": task.id, "problem": error.message})
        return {"counters": found}

    def _found(self, service: str) -> tuple[Any, str]:
        try:
            return find_one(replace(self._selection, services=(service,)))
        except CopilotLocalError as error:
            raise InputError(error.message, hint=error.hint or NO_WORKSPACE) from None


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": finding.path,
        "hint": finding.hint,
        "position": str(finding.position or ""),
        "line": finding.position.line if finding.position else None,
    }
