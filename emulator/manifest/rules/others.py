"""Rules for the manifests of environments and pipelines."""

from __future__ import annotations

from typing import Final

from emulator.manifest.findings.report import Report
from emulator.manifest.rules.at import At
from emulator.manifest.rules.environment import environment
from emulator.manifest.schema.environment import EnvironmentManifest, PipelineManifest
from emulator.manifest.yaml.nodes import Mapping
from emulator.spelling import closest

_PROVIDERS: Final = ("GitHub", "GitHubV1", "CodeCommit", "Bitbucket")


def check_other(manifest: EnvironmentManifest | PipelineManifest, tree: Mapping, report: Report) -> None:
    """What the manifest of an environment or a pipeline must keep to."""
    if isinstance(manifest, EnvironmentManifest):
        environment(manifest, At(report, tree, "", "Environment"))
    else:
        _pipeline(manifest, At(report, tree, "", "Pipeline"))


def _pipeline(manifest: PipelineManifest, at: At) -> None:
    if len(manifest.name) > 100:
        at.add("CL161", "a pipeline's name has 100 characters at most", "name")
    if manifest.source.provider not in _PROVIDERS:
        meant = closest(manifest.source.provider, _PROVIDERS)
        hint = f"did you mean {meant}?" if meant else "one of " + ", ".join(_PROVIDERS)
        at.add("CL161", f"{manifest.source.provider!r} is not a source provider", "source", "provider", hint=hint)
    for index, stage in enumerate(manifest.stages):
        if stage.test_commands and stage.post_deployments is not None:
            at.add("CL161", "give one of test_commands and post_deployments, not both", "stages", index)
