"""`copilot-local render pipeline`: a pipeline's manifest as a GitHub workflow, or as a buildspec without Copilot."""

from __future__ import annotations

import enum
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.cli.manifest.pipeline.bucket import check_bucket
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import App, EnvFile, Variables, variables_of
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.render.pipeline.model import Pipeline


class Target(enum.StrEnum):
    """What runs the pipeline."""

    GITHUB = "github"
    BUILDSPEC = "buildspec"


def pipeline(
    name: Annotated[
        str | None, typer.Argument(metavar="[PIPELINE]", help="Pipeline: a folder of copilot/pipelines.")
    ] = None,
    to: Annotated[
        Target,
        typer.Option(
            "--to",
            help="What runs it. github: a workflow, and a stack with its roles. buildspec: the build of the pipeline "
            "that Copilot made, without Copilot.",
        ),
    ] = Target.GITHUB,
    app: App = None,
    env_file: EnvFile = None,
    variables: Variables = None,
    repository: Annotated[
        str | None,
        typer.Option("--repository", metavar="OWNER/NAME", help="Repository on GitHub. Default: that of the manifest."),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="NAME", help="Bucket for templates of addons and environment files."),
    ] = None,
    requirement: Annotated[
        str | None,
        typer.Option(
            "--install", metavar="REQUIREMENT", help="What pip installs there: a wheel, or an address with a commit."
        ),
    ] = None,
    committed: Annotated[
        bool,
        typer.Option(
            "--committed",
            help="Deploy the templates that are committed in infrastructure/, and render nothing: the workflow then "
            "installs nothing either.",
        ),
    ] = False,
    own_role: Annotated[
        bool,
        typer.Option(
            "--own-role",
            help="Deploy with the rights of the job's role: for environments that Copilot did not make, which have no "
            "role CFNExecutionRole. The rendered roles then lack the rights to make resources.",
        ),
    ] = False,
    output_dir: rendering.OutputDir = None,
    diff: rendering.Diff = None,
) -> None:
    """Print a pipeline as a GitHub workflow, or as a buildspec that downloads no Copilot."""
    from emulator.cli.manifest.pipeline.given import Wanted, pipeline_name, read_pipeline

    check_bucket(bucket)
    if committed and (requirement or to is not Target.GITHUB):
        raise UsageError(
            "--committed renders nothing, so it goes without --install, and with --to github only",
            hint="a pipeline of CodePipeline deploys committed templates with no build: `template_path`",
        )
    if not requirement and not committed:
        raise UsageError(
            "--install is missing: no package index has a release of copilot-local, and anyone may take its name there",
            hint="give what pip installs there: a wheel that is committed, or "
            "`--install 'copilot-local @ git+https://HOST/OWNER/copilot-local@COMMIT'`",
        )
    given = variables_of(variables)
    options = tuple(f"--var {shlex.quote(f'{key}={value}')}" for key, value in given.items())
    options += (f"--env-file {shlex.quote(str(env_file))}",) if env_file is not None else ()
    selection = Selection(app, None, (), env_file, variables=given, any_manifest=True)
    wanted = Wanted(
        github=to is Target.GITHUB,
        requirement=requirement or "",
        committed=committed,
        repository=repository,
        bucket=bucket,
        execution_role=not own_role,
        options=options,
    )
    with rendering.display() as emit:
        target = find_target(selection)
        chosen = pipeline_name(target, name)
        found = read_pipeline(target, chosen, selection, wanted, emit)
        documents = _documents(found, chosen, to)
        rendering.deliver(documents, Output(output_dir, diff=diff), emit)


def _documents(found: Pipeline, name: str, to: Target) -> list[Document]:
    from emulator.render.pipeline.codebuild import render_buildspec
    from emulator.render.pipeline.github import render_workflow
    from emulator.render.pipeline.roles import render_roles

    if to is Target.BUILDSPEC:
        return [Document(f"{name}.buildspec.yml", render_buildspec(found))]
    return [
        Document(f"{name}.workflow.yml", render_workflow(found)),
        Document(f"{name}.roles.stack.yml", render_roles(found)),
    ]
