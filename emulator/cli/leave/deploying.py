"""`svc deploy`, `job deploy` and `env deploy` as lines: render, build, push, deploy."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from emulator.app.selection import Selection, find_one
from emulator.cli.leave.delivery import Run, Yes, deliver
from emulator.cli.leave.taking_over import environment_lines, service_lines
from emulator.cli.leave.verbs import named
from emulator.cli.manifest import rendering
from emulator.cli.manifest.pipeline.bucket import check_bucket
from emulator.cli.shell.options import App, Env, Name, assignments, services_of
from emulator.errors import UsageError
from emulator.leave.verbs import lines

Bucket = Annotated[
    str | None, typer.Option("--bucket", metavar="NAME", help="Bucket for templates of addons and environment files.")
]

Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image", metavar="NAME=URI", help="Deploy container NAME with this image instead of a build. Repeatable."
    ),
]

_OF_CHANGES = '[ -z "$(git status --porcelain)" ] || tag="$tag-dirty-$(date -u +%Y%m%d%H%M%S)"'
"""What is not committed is no image of the commit."""

TakeOver = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="Make a change set that puts the rendered template into the stack that Copilot made, with the image and "
        "the files that it has, for `leave check` to judge.",
    ),
]


def svc_deploy(
    app: App = None,
    env: Env = None,
    name: Name = None,
    force: Annotated[
        bool, typer.Option("--force", help="Only replace the tasks, by others of what is deployed.")
    ] = False,
    take_over: TakeOver = False,
    bucket: Bucket = None,
    images: Images = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Render a service, build and push its images, and deploy its stack."""
    if force and take_over:
        raise UsageError("--force and --take-over do not go together", hint="the new template replaces the tasks")
    if force and images:
        raise UsageError("--force and --image do not go together", hint="a deployment with --image replaces the tasks")
    found = lines.force(named(app, env, name)) if force else _deploy(app, env, name, bucket, take_over, images)
    deliver(found, run=run, yes=yes, programs=() if force else ("copilot-local",))


def job_deploy(
    app: App = None,
    env: Env = None,
    name: Name = None,
    take_over: TakeOver = False,
    bucket: Bucket = None,
    images: Images = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Render a job, build and push its images, and deploy its stack."""
    deliver(_deploy(app, env, name, bucket, take_over, images), run=run, yes=yes, programs=("copilot-local",))


def env_deploy(
    app: App = None,
    env: Env = None,
    needs: rendering.Needs = None,
    bucket: Bucket = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Render an environment and make a change set, which `leave check` judges before it is executed."""
    check_bucket(bucket)
    wanted = tuple(need.value for need in needs or ())
    deliver(environment_lines(app, env, wanted, bucket), run=run, yes=yes, programs=("copilot-local",))


def _deploy(
    app: str | None, env: str | None, name: str | None, bucket: str | None, take_over: bool, images: list[str] | None
) -> list[str]:
    """What a pipeline with one stage and one deployment would do, from the workspace's folder."""
    from emulator.cli.manifest.pipeline.given import Wanted, one_deployment
    from emulator.render.pipeline import shell

    check_bucket(bucket)
    selection = Selection(app, env, services_of(name))
    target, service = find_one(selection)
    if take_over:
        if images:
            raise UsageError("--take-over keeps the image that runs", hint="deploy with --image afterwards")
        return service_lines(app, env, services_of(name), bucket)
    chosen = assignments(images, "--image", f"such as --image {service}=REPOSITORY:TAG")
    options = tuple(f"--image {shlex.quote(f'{container}={uri}')}" for container, uri in chosen.items())
    wanted = Wanted(github=True, requirement="", bucket=bucket, options=options, images=chosen)
    with rendering.display() as emit:
        pipeline = one_deployment(target, service, selection, wanted, emit)
    [stage] = pipeline.stages
    [deployment] = stage.deployments
    names = {image.id: shell.variable(image) for image in pipeline.images}
    return [
        "( set -euo pipefail",
        f"cd {shlex.quote(str(target.workspace.root))}",
        'export AWS_REGION="${AWS_REGION:-$(aws configure get region)}"',
        "tag=$(git rev-parse HEAD)",
        _OF_CHANGES,
        *(shell.images(pipeline.images, "$tag") if pipeline.images else [shell.account()]),
        *shell.render(pipeline, stage),
        *shell.uploads(pipeline, stage, "$tag"),
        shell.deploy(pipeline, stage, deployment, "$tag", names),
        ")",
    ]
