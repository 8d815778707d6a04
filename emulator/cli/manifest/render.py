"""`copilot-local render taskdef`: the same model that runs here, for a real deployment."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.app.selection import LoadedService, Selection
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import (
    App,
    Env,
    EnvFile,
    Name,
    NewEnv,
    Strict,
    Variables,
    assignments,
    services_of,
    variables_of,
)


def taskdef(
    services: rendering.Services = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    variables: Variables = None,
    strict: Strict = False,
    placeholders: Annotated[
        bool, typer.Option("--placeholders", help="Write ${NAME} for values that are only known when deployed.")
    ] = False,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    output_dir: rendering.OutputDir = None,
    all_envs: rendering.AllEnvs = False,
    diff: rendering.Diff = None,
) -> None:
    """Print the task definition as JSON, as `aws ecs register-task-definition --cli-input-json` takes it."""
    from emulator.app.deployment import Deployment

    known = rendering.given_values(values, values_file)
    given = Deployment(account=account, region=region, images=assignments(images, "--image"))

    def render(loaded: LoadedService) -> list[Document]:
        return [_document(loaded, known, tag, placeholders)]

    with rendering.display() as emit:
        selection = Selection(
            app,
            env,
            services_of(name, *(services or ())),
            env_file,
            variables=variables_of(variables),
            new_environment=new_env,
        )
        rendering.render_all(selection, given, Output(output_dir, all_envs, diff), render, emit, strict=strict)


def _document(loaded: LoadedService, values: dict[str, str], tag: str | None, placeholders: bool) -> Document:
    from emulator.render.task_definition import render_task_definition, to_json

    where = loaded.deployment
    known = {**loaded.settings.values, **rendering.image_values(loaded, tag)}
    if where.account is not None:
        known["AWS::AccountId"] = where.account
    if where.region is not None:
        known["AWS::Region"] = where.region
    document = render_task_definition(loaded.service, {**known, **values}, placeholders=placeholders)
    return Document(f"{loaded.service.name}-{loaded.service.environment}.taskdef.json", to_json(document))
