"""Rules for the manifests of environments and pipelines."""

from __future__ import annotations

from collections import abc
from pathlib import Path
from typing import Final

from emulator.manifest.findings.report import Report
from emulator.manifest.rules.at import At
from emulator.manifest.rules.environment import environment
from emulator.manifest.schema.environment import EnvironmentManifest
from emulator.manifest.schema.pipeline import PipelineAction, PipelineDeployment, PipelineManifest
from emulator.manifest.yaml.nodes import Mapping
from emulator.spelling import did_you_mean, suggestion

_PROVIDERS: Final = ("GitHub", "GitHubV1", "CodeCommit", "Bitbucket")


def check_other(
    manifest: EnvironmentManifest | PipelineManifest, tree: Mapping, report: Report, root: Path | None = None
) -> None:
    """What the manifest of an environment or a pipeline must keep to. Below `root` files are looked for."""
    if isinstance(manifest, EnvironmentManifest):
        environment(manifest, At(report, tree, "", "Environment"))
    else:
        at = At(report, tree, "", "Pipeline")
        _pipeline(manifest, at)
        if root is not None:
            from emulator.manifest.rules.files import pipeline_files  # for `validate` alone

            pipeline_files(manifest, at, root)


def _pipeline(manifest: PipelineManifest, at: At) -> None:
    if len(manifest.name) > 100:
        at.add("CL161", "a pipeline's name has 100 characters at most", "name")
    if manifest.version != 1:
        at.add("CL161", f"{manifest.version} is no version of the format", "version", hint="the only one is 1")
    if manifest.source.provider not in _PROVIDERS:
        hint = suggestion(manifest.source.provider, _PROVIDERS, "one of " + ", ".join(_PROVIDERS))
        at.add("CL161", f"{manifest.source.provider!r} is not a source provider", "source", "provider", hint=hint)
    names = [stage.name for stage in manifest.stages]
    for index, stage in enumerate(manifest.stages):
        if names.index(stage.name) < index:
            at.add("CL161", f"{stage.name} is a stage already", "stages", index, "name", hint="name each stage once")
        if stage.test_commands and stage.post_deployments is not None:
            at.add("CL161", "give one of test_commands and post_deployments, not both", "stages", index)
        for group in ("deployments", "pre_deployments", "post_deployments"):
            _order(getattr(stage, group) or {}, at, index, group)


def _order(group: abc.Mapping[str, PipelineDeployment | PipelineAction], at: At, index: int, key: str) -> None:
    """What is wrong with what waits for what in a group of a stage. Source: Copilot, `Deployments.validate`."""
    left = {name: set(one.depends_on) for name, one in group.items()}
    for name in group:
        for number, other in enumerate(group[name].depends_on):
            if other not in group:
                message = f"{name} depends on {other}, which is not in {key} of the stage"
                hint = did_you_mean(other, group, key)
                at.add("CL161", message, "stages", index, key, name, "depends_on", number, hint=hint)
        left[name] &= group.keys()  # what is not there was said already
    while ready := {name for name, awaited in left.items() if not awaited}:
        left = {name: awaited - ready for name, awaited in left.items() if name not in ready}
    if left:
        message = f"these wait for each other: {', '.join(left)}"
        at.add("CL161", message, "stages", index, key, next(iter(left)), "depends_on", hint="remove one dependency")
