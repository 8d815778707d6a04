"""`copilot-local render taskdef`: the same model that runs here, for a real deployment."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.app.selection import LoadedService
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import ChosenServices, Strict, assignments
from emulator.events import Emit


def taskdef(
    services: rendering.Services = None,
    chosen: ChosenServices = ChosenServices(),
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
    output: Output = Output(),
) -> None:
    """Print the task definition as JSON, as `aws ecs register-task-definition --cli-input-json` takes it."""
    from emulator.app.deployment import Deployment

    known = rendering.given_values(values, values_file)
    given = Deployment(account=account, region=region, images=assignments(images, "--image"))

    def render(loaded: LoadedService, _: Emit) -> list[Document]:
        return [_document(loaded, known, tag, placeholders)]

    rendering.render_all(chosen.selection(*services or ()), given, output, render, strict=strict)


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
