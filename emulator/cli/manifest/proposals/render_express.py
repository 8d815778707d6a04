"""`copilot-local render express`: a service as an Express Mode service of ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from emulator.errors import UsageError
from emulator.events import Event, EventKind

if TYPE_CHECKING:
    from emulator.events import Emit


def express(
    services: rendering.Services = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    variables: Variables = None,
    strict: Strict = False,
    in_copilot_environment: Annotated[
        bool,
        typer.Option(
            "--in-copilot-environment", help="For an environment that Copilot made, whose exports are imported."
        ),
    ] = False,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    permissions_boundary: Annotated[
        str | None, typer.Option("--permissions-boundary", metavar="POLICY", help="Bounds every role.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="The default of a parameter of the stack. Repeatable."),
    ] = None,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    output_dir: rendering.OutputDir = None,
    all_envs: rendering.AllEnvs = False,
    diff: rendering.Diff = None,
) -> None:
    """Print a stack for a service as an Express Mode service of ECS, or everything that it cannot say."""
    from emulator.app.deployment import Deployment

    chosen = assignments(parameters, "--parameter")
    given = Deployment(
        permissions_boundary=permissions_boundary,
        account=account,
        region=region,
        images=assignments(images, "--image"),
        parameters=chosen,
    )
    known = rendering.given_values(values, values_file)
    selection = Selection(
        app,
        env,
        services_of(name, *(services or ())),
        env_file,
        variables=variables_of(variables),
        new_environment=new_env,
    )
    with rendering.display() as emit:

        def render(loaded: LoadedService) -> list[Document]:
            return _documents(loaded, in_copilot_environment, known, tag, set(chosen), emit)

        rendering.render_all(selection, given, Output(output_dir, all_envs, diff), render, emit, strict=strict)


def _documents(
    loaded: LoadedService,
    in_copilot_environment: bool,
    values: dict[str, str],
    tag: str | None,
    chosen: set[str],
    emit: Emit,
) -> list[Document]:
    """Raises SeveralErrors, or the only one, with everything that Express cannot say."""
    from emulator.missing import SeveralErrors
    from emulator.render.cloudformation.addons import nested_template
    from emulator.render.cloudformation.options import StackOptions
    from emulator.render.cloudformation.stack import render_template
    from emulator.render.cloudformation.writer import to_yaml
    from emulator.render.proposals.express import as_express, notes, refusals, renamed_values

    if found := refusals(loaded.service, loaded.manifest.position):
        raise found[0] if len(found) == 1 else SeveralErrors(found)
    options = StackOptions(
        in_copilot_environment=in_copilot_environment,
        express=True,
        values=renamed_values(
            {**loaded.settings.values, **rendering.image_values(loaded, tag), **values}, loaded.service
        ),
        defaults=loaded.deployment.parameters,
        permissions_boundary=loaded.deployment.permissions_boundary,
        app_account=loaded.deployment.app_account,
    )
    service = as_express(loaded.service)
    text, parameters = render_template(service, options)
    if unknown := sorted(chosen - set(parameters)):
        raise UsageError(
            f"the stack of {service.name} has no parameter {unknown[0]}",
            hint=f"it has {', '.join(sorted(parameters)) or 'none'}",
        )
    for note in notes(loaded.service):
        emit(Event(EventKind.INFO, service.name, note))
    stem = f"{service.name}-{service.environment}.express"
    made = [Document(f"{stem}.stack.yml", text)]
    nested = nested_template(service) if options.nested_addons else None
    if nested is not None:
        made.append(Document(f"{stem}.addons.stack.yml", to_yaml(nested)))
    return made
