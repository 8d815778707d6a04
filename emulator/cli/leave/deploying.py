"""`svc deploy`, `job deploy` and `env deploy` as lines: render, build, push, deploy."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

import typer

from emulator.app.selection import find_one
from emulator.cli.leave.delivery import Delivery
from emulator.cli.leave.taking_over import environment_lines, service_lines
from emulator.cli.leave.verbs import Workload
from emulator.cli.manifest import rendering
from emulator.cli.manifest.pipeline.bucket import check_bucket
from emulator.cli.shell.options import App, Env, assignments
from emulator.errors import UsageError
from emulator.leave.verbs import lines

Bucket = Annotated[
    str | None, typer.Option("--bucket", metavar="NAME", help="Bucket for templates of addons and environment files.")
]

_OF_CHANGES = '[ -z "$(git status --porcelain)" ] || tag="$tag-dirty-$(date -u +%Y%m%d%H%M%S)"'
"""What is not committed is no image of the commit."""


@dataclass(frozen=True, slots=True)
class Deploying:
    """How a workload is deployed."""

    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="Make a change set that puts the rendered template into the stack that Copilot made, with the image "
            "and the files that it has, for `leave check` to judge.",
        ),
    ] = False
    bucket: Bucket = None
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image", metavar="NAME=URI", help="Deploy container NAME with this image instead of a build. Repeatable."
        ),
    ] = None


def svc_deploy(
    of: Workload = Workload(),
    force: Annotated[
        bool, typer.Option("--force", help="Only replace the tasks, by others of what is deployed.")
    ] = False,
    options: Deploying = Deploying(),
    how: Delivery = Delivery(),
) -> None:
    """Render a service, build and push its images, and deploy its stack."""
    if force and options.take_over:
        raise UsageError("--force and --take-over do not go together", hint="the new template replaces the tasks")
    if force and options.images:
        raise UsageError("--force and --image do not go together", hint="a deployment with --image replaces the tasks")
    if force:
        how.deliver(lines.force(of.named()))
    else:
        how.deliver(_deploy(of, options), ("copilot-local",))


def job_deploy(of: Workload = Workload(), options: Deploying = Deploying(), how: Delivery = Delivery()) -> None:
    """Render a job, build and push its images, and deploy its stack."""
    how.deliver(_deploy(of, options), ("copilot-local",))


def env_deploy(
    app: App = None, env: Env = None, needs: rendering.Needs = None, bucket: Bucket = None, how: Delivery = Delivery()
) -> None:
    """Render an environment and make a change set, which `leave check` judges before it is executed."""
    check_bucket(bucket)
    wanted = tuple(need.value for need in needs or ())
    how.deliver(environment_lines(app, env, wanted, bucket), ("copilot-local",))


def _deploy(of: Workload, options: Deploying) -> list[str]:
    """What a pipeline with one stage and one deployment would do, from the workspace's folder."""
    from emulator.cli.manifest.pipeline.given import Wanted, one_deployment
    from emulator.render.pipeline import shell

    check_bucket(options.bucket)
    target, service = find_one(of.selection)
    if options.take_over:
        if options.images:
            raise UsageError("--take-over keeps the image that runs", hint="deploy with --image afterwards")
        return service_lines(of.selection, options.bucket)
    images = assignments(options.images, "--image", f"such as --image {service}=REPOSITORY:TAG")
    given = tuple(f"--image {shlex.quote(f'{container}={uri}')}" for container, uri in images.items())
    wanted = Wanted(github=True, requirement="", bucket=options.bucket, options=given, images=images)
    with rendering.display() as emit:
        pipeline = one_deployment(target, service, of.selection, wanted, emit)
    [stage] = pipeline.stages
    [deployment] = stage.deployments
    names = {image.id: shell.variable(image) for image in pipeline.images}
    return [
        "( set -euo pipefail",
        f"cd {shlex.quote(str(target.workspace.root))}",
        'export AWS_REGION="${AWS_REGION:-$(aws configure get region)}"',
        "tag=$(git rev-parse HEAD)",
        _OF_CHANGES,
        *(shell.images(pipeline.images, "$tag") if pipeline.images else [shell.ACCOUNT]),
        *shell.render(pipeline, stage),
        *shell.uploads(pipeline, stage, "$tag"),
        shell.deploy(pipeline, stage, deployment, "$tag", names),
        ")",
    ]
