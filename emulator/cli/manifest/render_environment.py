"""`copilot-local render environment`: what services share, as a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.cli.manifest.losses.moved_data import warn_of_moved_data
from emulator.cli.manifest.losses.network_aliases import warn_of_network_aliases
from emulator.cli.manifest.render_cloudformation import AddonsForm
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import App, Env, EnvFile, NewEnv, Strict, Variables, assignments, variables_of
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.ecs.environment.model import Environment
    from emulator.render.cloudformation.environment.context import EnvironmentOptions


def environment(
    app: App = None,
    env: Env = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    variables: Variables = None,
    strict: Strict = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="For the stack that Copilot made: its parameters stay, and no list decides what exists."
        ),
    ] = False,
    needs: rendering.Needs = None,
    addons: Annotated[
        AddonsForm | None,
        typer.Option("--addons", help="Addons within the stack, or as a stack of their own that it nests."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="The application's domain; HTTPS is on.")
    ] = None,
    no_delegation: Annotated[
        bool,
        typer.Option(
            "--no-delegation", help="Make no records in the zones of the application: they are in another account."
        ),
    ] = False,
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
    permissions_boundary: Annotated[
        str | None, typer.Option("--permissions-boundary", metavar="POLICY", help="Bounds every role.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="The default of a parameter of the stack. Repeatable."),
    ] = None,
    output_dir: rendering.OutputDir = None,
    all_envs: rendering.AllEnvs = False,
    diff: rendering.Diff = None,
) -> None:
    """Print the stack of an environment, with what the services of the workspace need of it: no Lambda functions."""
    from emulator.app.deployment import Deployment
    from emulator.app.environments import load_environment_of
    from emulator.render.cloudformation.environment.context import EnvironmentOptions

    chosen = assignments(parameters, "--parameter")
    given = Deployment(
        domain=domain,
        certificates=tuple(certificates or ()),
        private_certificates=tuple(private_certificates or ()),
        discovery_endpoint=discovery_endpoint,
        needs=tuple(need.value for need in needs or ()),
        permissions_boundary=permissions_boundary,
        parameters=chosen,
    )
    rendering.check_given(given)
    options = EnvironmentOptions(
        in_place=in_place,
        delegate=not no_delegation,
        addons=None if addons is None else "nested" if addons is AddonsForm.NESTED else "inline",
    )
    selection = Selection(app, env, (), env_file, variables=variables_of(variables), new_environment=new_env)
    output = Output(output_dir, all_envs, diff)
    with rendering.display() as emit:
        documents: list[Document] = []
        for name in _environments(selection, output):
            here = replace(selection, environment=name)
            found, where, services = load_environment_of(here, emit, given, strict=strict)
            if not in_place:
                warn_of_network_aliases((one.service for one in services), emit)
            if in_place and not options.nested_addons:
                warn_of_moved_data(found.name, found.addons, emit)
            _warn_of_unneeded_patches(found, options, emit)
            documents += _documents(found, where, options, set(chosen))
        rendering.deliver(documents, output, emit)


def _environments(selection: Selection, output: Output) -> list[str | None]:
    """With --all-envs, those that have a manifest: others are only named by services."""
    if not output.all_envs:
        return [selection.environment]
    found = rendering.environments(replace(selection, any_manifest=True), output)
    workspace = find_target(replace(selection, any_manifest=True)).workspace
    return [name for name in found if name is not None and workspace.environment_manifest_path(name)] or [None]


def _warn_of_unneeded_patches(found: Environment, options: EnvironmentOptions, emit: Emit) -> None:
    from emulator.display.failure import shown
    from emulator.render.cloudformation.environment.stack import unneeded_patches

    for patch in unneeded_patches(found, options):
        where = shown(patch.position) if patch.position else ""
        what = f"/{'/'.join(patch.path)} is left out: {found.name} has no {patch.path[1]}, which no service needs"
        emit(Event(EventKind.WARNING, where, what))


def _documents(found: Environment, where: Deployment, options: EnvironmentOptions, chosen: set[str]) -> list[Document]:
    from emulator.render.cloudformation.addons import addons_template
    from emulator.render.cloudformation.environment.stack import render_environment
    from emulator.render.cloudformation.writer import to_yaml

    options = replace(options, defaults=where.parameters, permissions_boundary=where.permissions_boundary)
    text, parameters = render_environment(found, options)
    if unknown := sorted(chosen - set(parameters)):
        raise UsageError(
            f"the stack of the environment {found.name} has no parameter {unknown[0]}",
            hint=f"it has {', '.join(sorted(parameters)) or 'none'}",
        )
    made = [Document(f"{found.name}.environment.stack.yml", text)]
    nested = addons_template(found.addons, f"Addons of the environment {found.name}", ("App", "Env"))
    if nested is not None and options.nested_addons:
        made.append(Document(f"{found.name}.environment.addons.stack.yml", to_yaml(nested)))
    return made
