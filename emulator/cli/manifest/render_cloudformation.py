"""`copilot-local render cloudformation`: a service as a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from emulator.app.selection import LoadedService
from emulator.cli.manifest import rendering
from emulator.cli.manifest.losses.moved_data import warn_of_moved_data
from emulator.cli.manifest.rendering import AddonsForm, Document, Output
from emulator.cli.shell.options import ChosenServices, Strict, assignments
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.leave.kinds import RETAINED


def cloudformation(
    services: rendering.Services = None,
    chosen: ChosenServices = ChosenServices(),
    strict: Strict = False,
    in_copilot_environment: rendering.InCopilotEnvironment = False,
    environment_parameters: Annotated[
        bool,
        typer.Option(
            "--parameters",
            help="Ask for listeners, load balancers and the file system by parameters: older versions of Copilot do "
            "not export them.",
        ),
    ] = False,
    addons: rendering.Addons = None,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    domain: rendering.Domain = None,
    certificates: rendering.Certificates = None,
    private_certificates: rendering.PrivateCertificates = None,
    discovery_endpoint: rendering.DiscoveryEndpoint = None,
    load_balancer: Annotated[
        str | None,
        typer.Option("--load-balancer", metavar="ARN", help="An existing load balancer, in place of a new one."),
    ] = None,
    load_balancer_https: Annotated[
        bool | None,
        typer.Option(
            "--load-balancer-https/--no-load-balancer-https",
            help="Whether an existing load balancer has an HTTPS listener. Default: as the environment's own.",
        ),
    ] = None,
    retain: Annotated[
        bool | None,
        typer.Option(
            "--retain/--no-retain",
            help="Retain policies for what holds data or is known to others, in addons too. Default: the settings.",
        ),
    ] = None,
    permissions_boundary: rendering.PermissionsBoundary = None,
    parameters: rendering.Parameters = None,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    output: Output = Output(),
) -> None:
    """Print a CloudFormation stack for a service: no custom resources, no Lambda functions."""
    from emulator.app.deployment import Deployment, require_https
    from emulator.app.findings.of_environments import require_names
    from emulator.render.cloudformation.addons import nested_template
    from emulator.render.cloudformation.stack import render_template

    if environment_parameters and not in_copilot_environment:
        raise UsageError("--parameters is for --in-copilot-environment: a stack that stands alone has parameters only")
    defaults = assignments(parameters, "--parameter")
    given = Deployment(
        domain=domain,
        permissions_boundary=permissions_boundary,
        retain=retain,
        account=account,
        region=region,
        certificates=tuple(certificates or ()),
        private_certificates=tuple(private_certificates or ()),
        discovery_endpoint=discovery_endpoint,
        load_balancer=load_balancer,
        load_balancer_https=load_balancer_https,
        images=assignments(images, "--image"),
        parameters=defaults,
    )
    known = rendering.given_values(values, values_file)

    def render(loaded: LoadedService, emit: Emit) -> list[Document]:
        if in_copilot_environment and addons is AddonsForm.INLINE:
            warn_of_moved_data(loaded.service.name, loaded.service.addons, emit)
        _warn_of_missing_variables(loaded, emit)
        require_https(loaded.manifest.manifest, loaded.surroundings, loaded.manifest.position)
        if in_copilot_environment:
            require_names(loaded.workspace, loaded.service.environment, loaded.manifest, loaded.deployment)
        options = replace(
            rendering.stack_options(loaded, {**rendering.image_values(loaded, tag), **known}),
            in_copilot_environment=in_copilot_environment,
            environment_parameters=environment_parameters,
            addons=rendering.addons_of(addons),
            retain=RETAINED if loaded.deployment.retain else frozenset(),
        )
        text, has = render_template(loaded.service, options)
        rendering.refuse_unknown_parameters(loaded.service.name, defaults, has)
        nested = nested_template(loaded.service, options.retain) if options.nested_addons else None
        return rendering.stack_documents(f"{loaded.service.name}-{loaded.service.environment}", text, nested)

    rendering.render_all(chosen.selection(*services or ()), given, output, render, strict=strict)


def _warn_of_missing_variables(loaded: LoadedService, emit: Emit) -> None:
    from emulator.cli.manifest.losses.environment_files import environment_files, missing_variables
    from emulator.display.failure import shown

    for parameter, file in environment_files(loaded):
        problem = missing_variables(loaded, parameter, file)
        if problem is not None and parameter not in loaded.deployment.parameters:
            where = shown(problem.position) if problem.position else ""
            emit(Event(EventKind.WARNING, where, problem.message, {"hint": problem.hint}))
