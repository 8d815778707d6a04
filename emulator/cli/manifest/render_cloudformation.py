"""`copilot-local render cloudformation`: a service as a stack."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from emulator.app.selection import LoadedService, Selection
from emulator.cli.manifest import rendering
from emulator.cli.manifest.losses.moved_data import warn_of_moved_data
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
from emulator.events import Emit, Event, EventKind
from emulator.leave.kinds import RETAINED


class AddonsForm(enum.StrEnum):
    """Where the resources of addons go."""

    INLINE = "inline"
    NESTED = "nested"


def cloudformation(
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
    environment_parameters: Annotated[
        bool,
        typer.Option(
            "--parameters",
            help="Ask for listeners, load balancers and the file system by parameters: older versions of Copilot do "
            "not export them.",
        ),
    ] = False,
    addons: Annotated[
        AddonsForm | None,
        typer.Option("--addons", help="Addons within the stack, or as a stack of their own that it nests."),
    ] = None,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="The application's domain; HTTPS is on.")
    ] = None,
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--certificate", metavar="ARN", help="A certificate of the public load balancer; HTTPS is on. Repeatable."
        ),
    ] = None,
    private_certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--private-certificate", metavar="ARN", help="A certificate of the internal load balancer. Repeatable."
        ),
    ] = None,
    discovery_endpoint: Annotated[
        str | None, typer.Option("--discovery-endpoint", metavar="NAME", help="The private DNS namespace.")
    ] = None,
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
    """Print a CloudFormation stack for a service: no custom resources, no Lambda functions."""
    from emulator.app.deployment import Deployment

    if environment_parameters and not in_copilot_environment:
        raise UsageError("--parameters is for --in-copilot-environment: a stack that stands alone has parameters only")
    chosen = assignments(parameters, "--parameter")
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
        parameters=chosen,
    )
    known = rendering.given_values(values, values_file)
    form = addons.value if addons else None

    def render(loaded: LoadedService) -> list[Document]:
        if in_copilot_environment and form == "inline":
            warn_of_moved_data(loaded.service.name, loaded.service.addons, emit)
        _warn_of_missing_variables(loaded, emit)
        return _documents(loaded, in_copilot_environment, environment_parameters, form, known, tag, set(chosen))

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


def _warn_of_missing_variables(loaded: LoadedService, emit: Emit) -> None:
    from emulator.cli.manifest.losses.environment_files import environment_files, missing_variables
    from emulator.display.failure import shown

    for parameter, file in environment_files(loaded):
        problem = missing_variables(loaded, parameter, file)
        if problem is not None and parameter not in loaded.deployment.parameters:
            where = shown(problem.position) if problem.position else ""
            emit(Event(EventKind.WARNING, where, problem.message, {"hint": problem.hint}))


def _documents(
    loaded: LoadedService,
    in_copilot_environment: bool,
    environment_parameters: bool,
    addons: str | None,
    values: dict[str, str],
    tag: str | None,
    chosen: set[str],
) -> list[Document]:
    from emulator.app.deployment import require_https
    from emulator.app.findings.of_environments import require_names
    from emulator.render.cloudformation.addons import nested_template
    from emulator.render.cloudformation.options import StackOptions
    from emulator.render.cloudformation.stack import render_template
    from emulator.render.cloudformation.writer import to_yaml

    require_https(loaded.manifest.manifest, loaded.surroundings, loaded.manifest.position)
    if in_copilot_environment:
        require_names(loaded.workspace, loaded.service.environment, loaded.manifest, loaded.deployment)
    options = StackOptions(
        in_copilot_environment=in_copilot_environment,
        environment_parameters=environment_parameters,
        addons="nested" if addons == "nested" else "inline" if addons == "inline" else None,
        values={**loaded.settings.values, **rendering.image_values(loaded, tag), **values},
        defaults=loaded.deployment.parameters,
        permissions_boundary=loaded.deployment.permissions_boundary,
        app_account=loaded.deployment.app_account,
        retain=RETAINED if loaded.deployment.retain else frozenset(),
    )
    text, parameters = render_template(loaded.service, options)
    if unknown := sorted(chosen - set(parameters)):
        raise UsageError(
            f"the stack of {loaded.service.name} has no parameter {unknown[0]}",
            hint=f"it has {', '.join(sorted(parameters)) or 'none'}",
        )
    stem = f"{loaded.service.name}-{loaded.service.environment}"
    found = [Document(f"{stem}.stack.yml", text)]
    nested = nested_template(loaded.service, options.retain) if options.nested_addons else None
    if nested is not None:
        found.append(Document(f"{stem}.addons.stack.yml", to_yaml(nested)))
    return found
