"""`svc deploy`, `job deploy` and `env deploy` as lines: render, build, push, deploy."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from emulator.app.selection import Selection, find_names, find_one
from emulator.cli.leave.delivery import Run, Yes, deliver
from emulator.cli.leave.verbs import named
from emulator.cli.manifest import rendering
from emulator.cli.shell.options import App, Env, Name, services_of
from emulator.leave.verbs import lines
from emulator.leave.verbs.lines import Names

Bucket = Annotated[
    str | None, typer.Option("--bucket", metavar="NAME", help="Bucket for templates of addons and environment files.")
]


def svc_deploy(
    app: App = None,
    env: Env = None,
    name: Name = None,
    force: Annotated[
        bool, typer.Option("--force", help="Only replace the tasks, by others of what is deployed.")
    ] = False,
    bucket: Bucket = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Render a service, build and push its images, and deploy its stack."""
    found = lines.force(named(app, env, name)) if force else _deploy(app, env, name, bucket)
    deliver(found, run=run, yes=yes, programs=() if force else ("copilot-local",))


def job_deploy(
    app: App = None,
    env: Env = None,
    name: Name = None,
    bucket: Bucket = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Render a job, build and push its images, and deploy its stack."""
    deliver(_deploy(app, env, name, bucket), run=run, yes=yes, programs=("copilot-local",))


def env_deploy(app: App = None, env: Env = None, run: Run = False, yes: Yes = False) -> None:
    """Render an environment and make a change set, which `leave check` judges before you execute it."""
    found = Names(*find_names(Selection(app, env)))
    template = f"infrastructure/{found.environment}.env.yml"
    deliver(
        [
            "mkdir -p infrastructure",
            f"copilot-local render environment -a {found.app} -e {found.environment} --in-place > {template}",
            f"aws cloudformation deploy --stack-name {found.environment_stack} --template-file {template}"
            " --capabilities CAPABILITY_NAMED_IAM --no-execute-changeset",
        ],
        run=run, yes=yes, programs=("copilot-local",),
    )  # fmt: skip


def _deploy(app: str | None, env: str | None, name: str | None, bucket: str | None) -> list[str]:
    """What a pipeline with one stage and one deployment would do, from the workspace's folder."""
    from emulator.cli.manifest.pipeline.given import Wanted, one_deployment
    from emulator.render.pipeline import shell

    selection = Selection(app, env, services_of(name))
    target, service = find_one(selection)
    wanted = Wanted(github=True, requirement="", bucket=bucket)
    with rendering.display() as emit:
        pipeline = one_deployment(target, service, selection, wanted, emit)
    [stage] = pipeline.stages
    [deployment] = stage.deployments
    names = {image.id: shell.variable(image) for image in pipeline.images}
    return [
        f"cd {shlex.quote(str(target.workspace.root))}",
        'export AWS_REGION="${AWS_REGION:-$(aws configure get region)}"',
        "tag=$(git rev-parse HEAD)",
        *(shell.images(pipeline.images, "$tag") if pipeline.images else [shell.account()]),
        *shell.render(pipeline, stage),
        *shell.uploads(pipeline, stage, "$tag"),
        shell.deploy(pipeline, stage, deployment, "$tag", names),
    ]
