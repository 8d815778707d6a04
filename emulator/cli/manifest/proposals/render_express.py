"""`copilot-local render express`: a service as an Express Mode service of ECS."""

from __future__ import annotations

from dataclasses import replace

from emulator.app.selection import LoadedService
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import ChosenServices, Strict, assignments
from emulator.events import Emit, Event, EventKind


def express(
    services: rendering.Services = None,
    chosen: ChosenServices = ChosenServices(),
    strict: Strict = False,
    in_copilot_environment: rendering.InCopilotEnvironment = False,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    permissions_boundary: rendering.PermissionsBoundary = None,
    parameters: rendering.Parameters = None,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    output: Output = Output(),
) -> None:
    """Print a stack for a service as an Express Mode service of ECS, or everything that it cannot say."""
    from emulator.app.deployment import Deployment
    from emulator.missing import SeveralErrors
    from emulator.render.cloudformation.addons import nested_template
    from emulator.render.cloudformation.stack import render_template
    from emulator.render.proposals.express import as_express, notes, refusals, renamed_values

    defaults = assignments(parameters, "--parameter")
    given = Deployment(
        permissions_boundary=permissions_boundary,
        account=account,
        region=region,
        images=assignments(images, "--image"),
        parameters=defaults,
    )
    known = rendering.given_values(values, values_file)

    def render(loaded: LoadedService, emit: Emit) -> list[Document]:
        if found := refusals(loaded.service, loaded.manifest.position):
            raise found[0] if len(found) == 1 else SeveralErrors(found)
        usual = rendering.stack_options(loaded, {**rendering.image_values(loaded, tag), **known})
        options = replace(
            usual,
            in_copilot_environment=in_copilot_environment,
            express=True,
            values=renamed_values(usual.values, loaded.service),
        )
        service = as_express(loaded.service)
        text, has = render_template(service, options)
        rendering.refuse_unknown_parameters(service.name, defaults, has)
        for note in notes(loaded.service):
            emit(Event(EventKind.INFO, service.name, note))
        nested = nested_template(service) if options.nested_addons else None
        return rendering.stack_documents(f"{service.name}-{service.environment}.express", text, nested)

    rendering.render_all(chosen.selection(*services or ()), given, output, render, strict=strict)
