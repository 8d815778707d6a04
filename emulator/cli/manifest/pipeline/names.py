"""Names in a pipeline's manifest that the workspace does not have: what `validate` finds, and the render refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from emulator.app.selection import Target, others_declared
from emulator.errors import CopilotLocalError, Finding, Severity
from emulator.manifest import LoadedPipeline
from emulator.spelling import did_you_mean
from emulator.workspace import Workspace

CODE: Final = "CL161"


def stage_findings(target: Target) -> list[Finding]:
    """What the stages of a workspace's pipelines name and the workspace does not have. An environment may be there all
    the same: those of older versions of Copilot have no manifest. Findings can be silenced."""
    from emulator.app.compile import ignored
    from emulator.manifest import load_pipeline
    from emulator.manifest.findings.suppression import unsilenced

    found: list[Finding] = []
    for path in target.workspace.pipelines:
        try:
            loaded = load_pipeline(path, variables=target.variables, app=target.app, strict=False)
        except CopilotLocalError:
            continue  # said where manifests are checked
        for number in range(len(loaded.manifest.stages)):
            unknown = unknown_environment(target.workspace, loaded, number)
            found += [replace(unknown, severity=Severity.WARNING)] if unknown is not None else []
            found += unknown_workloads(target.workspace, loaded, number)
    return unsilenced(found, ignored(target.workspace))


def unknown_environment(workspace: Workspace, loaded: LoadedPipeline, number: int) -> Finding | None:
    """That of a stage, where the workspace declares others and not this one."""
    name, path = loaded.manifest.stages[number].name, f"stages[{number}].name"
    known = others_declared(workspace, name, deployed=True)
    if not known:
        return None
    hint = did_you_mean(name, known, "environments")
    hint += f"; one without a manifest is declared by [environments.{name}] in copilot-local.toml"
    return Finding(CODE, f"there is no environment {name}", loaded.position(path), path, hint)


def unknown_workloads(workspace: Workspace, loaded: LoadedPipeline, number: int) -> Iterator[Finding]:
    """Those that a stage deploys: a name is that of a workload, unless it has a template."""
    for name, given in loaded.manifest.stages[number].deployments.items():
        if name not in workspace.services and not given.template_path:
            path = f"stages[{number}].deployments.{name}"
            message = f"there is no workload {name}, and no template of it is named"
            hint = f"{did_you_mean(name, workspace.services, 'workloads')}; `template_path` names a template"
            yield Finding(CODE, message, loaded.position(path), path, hint)
