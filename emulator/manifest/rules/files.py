"""Rules about files that a manifest names: those that `validate` looks for, in a workspace."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.manifest.rules.at import At
from emulator.manifest.schema.containers import Build
from emulator.manifest.schema.workload import Workload

if TYPE_CHECKING:
    from emulator.manifest.schema.pipeline import PipelineManifest

_RELATIVE = "paths are relative to the folder that holds copilot/"


def files(workload: Workload, at: At, root: Path) -> None:
    """Reports Dockerfiles, build contexts and environment files that are not below `root`. Copilot fails at them when
    it deploys."""
    for build, keys in builds(workload):
        context, dockerfile = paths_of(build)
        if any("${" in path for path in (context, dockerfile)):
            continue  # a variable without a value is a finding of its own
        if not (root / context).is_dir():
            at.add("CL162", f"there is no folder {context} to build", *keys, hint=_RELATIVE)
        elif not (root / dockerfile).is_file():
            at.add("CL162", f"there is no Dockerfile {dockerfile}", *keys, hint=_RELATIVE)
    for file, keys in _environment_files(workload):
        if file and "${" not in file and not (root / file).exists():
            hint = f"{_RELATIVE}; a file that is not in git: `copilot-local init` makes a place for it"
            at.add("CL162", f"there is no environment file {file}", *keys, hint=hint)


def pipeline_files(pipeline: PipelineManifest, at: At, root: Path) -> None:
    """Reports buildspecs that are named and not below `root`. CodeBuild fails at them when the pipeline runs."""
    named: list[tuple[str | None, tuple[str | int, ...]]] = []
    if pipeline.build is not None:
        named.append((pipeline.build.buildspec, ("build", "buildspec")))
    for number, stage in enumerate(pipeline.stages):
        groups = {"pre_deployments": stage.pre_deployments, "post_deployments": stage.post_deployments or {}}
        for key, group in groups.items():
            named += [(one.buildspec, ("stages", number, key, name, "buildspec")) for name, one in group.items()]
    for file, keys in named:
        if file and "${" not in file and not (root / file).is_file():
            at.add("CL162", f"there is no buildspec {file}", *keys, hint=_RELATIVE)


def paths_of(build: Build) -> tuple[str, str]:
    """Context and Dockerfile, relative to the workspace; each has its default in the other."""
    if build.dockerfile:
        dockerfile = posixpath.normpath(build.dockerfile)
        context = posixpath.normpath(build.context) if build.context else posixpath.dirname(dockerfile) or "."
    else:
        context = posixpath.normpath(build.context or ".")
        dockerfile = posixpath.normpath(posixpath.join(context, "Dockerfile"))
    return context, dockerfile


def builds(workload: Workload) -> Iterator[tuple[Build, tuple[str, ...]]]:
    """The images that are built, each with the keys that lead to it."""
    if workload.image.build is not None:
        yield workload.image.build, ("image", "build")
    for name, sidecar in workload.sidecars.items():
        if sidecar.image.build is not None:
            yield sidecar.image.build, ("sidecars", name, "image", "build")


def _environment_files(workload: Workload) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    yield workload.env_file, ("env_file",)
    yield workload.logging.env_file, ("logging", "env_file")
    yield from ((sidecar.env_file, ("sidecars", name, "env_file")) for name, sidecar in workload.sidecars.items())
