"""`copilot-local render environment`: what services share, as a stack."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.cli.manifest.losses.moved_data import warn_of_moved_data
from emulator.cli.manifest.losses.network_aliases import warn_of_network_aliases
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import Chosen, Strict, assignments
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.ecs.environment.model import Environment
    from emulator.render.cloudformation.environment.context import EnvironmentOptions


def environment(
    chosen: Chosen = Chosen(),
    strict: Strict = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="For the stack that Copilot made: its parameters stay, and no list decides what exists."
        ),
    ] = False,
    needs: rendering.Needs = None,
    addons: rendering.Addons = None,
    domain: rendering.Domain = None,
    no_delegation: Annotated[
        bool,
        typer.Option(
            "--no-delegation", help="Make no records in the zones of the application: they are in another account."
        ),
    ] = False,
    certificates: rendering.Certificates = None,
    private_certificates: rendering.PrivateCertificates = None,
    discovery_endpoint: rendering.DiscoveryEndpoint = None,
    permissions_boundary: rendering.PermissionsBoundary = None,
    parameters: rendering.Parameters = None,
    output: Output = Output(),
) -> None:
    """Print the stack of an environment, with what the services of the workspace need of it: no Lambda functions."""
    from emulator.app.deployment import Deployment
    from emulator.app.environments import load_environment_of
    from emulator.render.cloudformation.environment.context import EnvironmentOptions

    defaults = assignments(parameters, "--parameter")
    given = Deployment(
        domain=domain,
        certificates=tuple(certificates or ()),
        private_certificates=tuple(private_certificates or ()),
        discovery_endpoint=discovery_endpoint,
        needs=tuple(need.value for need in needs or ()),
        permissions_boundary=permissions_boundary,
        parameters=defaults,
    )
    rendering.check_given(given)
    options = EnvironmentOptions(in_place=in_place, delegate=not no_delegation, addons=rendering.addons_of(addons))
    selection = chosen.selection()
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
            documents += _documents(found, where, options, defaults)
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


def _documents(
    found: Environment, where: Deployment, options: EnvironmentOptions, defaults: Collection[str]
) -> list[Document]:
    from emulator.render.cloudformation.addons import addons_template
    from emulator.render.cloudformation.environment.stack import render_environment

    options = replace(options, defaults=where.parameters, permissions_boundary=where.permissions_boundary)
    text, parameters = render_environment(found, options)
    rendering.refuse_unknown_parameters(f"the environment {found.name}", defaults, parameters)
    nested = addons_template(found.addons, f"Addons of the environment {found.name}", ("App", "Env"))
    return rendering.stack_documents(f"{found.name}.environment", text, nested if options.nested_addons else None)
