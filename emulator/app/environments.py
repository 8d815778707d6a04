"""From a selection to an environment: its manifest, and what the services of the workspace need of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.app.selection import LoadedService, Selection, Target, find_target, warning
from emulator.errors import InputError
from emulator.events import Emit
from emulator.missing import Blockers

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.ecs.environment.model import Environment, Needs

NEEDS: Final[Mapping[str, str]] = {
    "public-load-balancer": "public_balancer",
    "internal-load-balancer": "internal_balancer",
    "file-system": "file_system",
    "nat": "nat",
}
"""What services of other workspaces may need, by the word for it and the field of `Needs`."""
ELSEWHERE = "services elsewhere"


def load_environment_of(
    selection: Selection, emit: Emit, given: Deployment, *, strict: bool = False
) -> tuple[Environment, Deployment, list[LoadedService]]:
    """The environment that is selected, with what all services of the workspace need, and those elsewhere; how
    it is deployed, from options and settings; and the services.

    Findings that are no errors are emitted as warnings. Raises InputError where the environment has no manifest, and
    what reading manifests raises.
    """
    from emulator.app.deployment import deployment
    from emulator.app.service_loader import ServiceLoader
    from emulator.compiler.environment.compile import needs_of, placements
    from emulator.settings import load_settings

    selection = replace(selection, any_manifest=True)
    target = find_target(selection)
    blockers = Blockers()
    services: list[LoadedService] = []
    if target.services:
        services, _ = ServiceLoader(selection, emit, strict, given, None, blockers).all()
    found = None
    with blockers.collecting():
        where = deployment(load_settings(target.workspace.root), target.environment, given)
        needs = _with_others(needs_of(one.service for one in services), where.needs)
        tasks = placements(one.service for one in services)
        found = environment_of(target, where, needs, tasks, emit, strict=strict), where, services
    blockers.raise_any()
    assert found is not None, "what keeps it from being there is an error"
    return found


def environment_of(
    target: Target, where: Deployment, needs: Needs, tasks: Mapping[str, tuple[str, ...]], emit: Emit, *, strict: bool
) -> Environment:
    """The environment with these needs; `tasks` is where each service places its tasks. Raises InputError where it has
    no manifest or something in it is wrong, and Unsupported where its overrides are programs."""
    from emulator.app.deployment import environment_addons, patches_in, refuse_cdk
    from emulator.compiler.environment.compile import compile_environment
    from emulator.compiler.patches import ENVIRONMENT
    from emulator.manifest import load_environment

    workspace, name = target.workspace, target.environment
    path = workspace.environment_manifest_path(name)
    if path is None:
        raise InputError(
            f"the environment {name} has no manifest: copilot/environments/{name}/manifest.yml",
            hint="`Metadata.Manifest` of a deployed environment stack holds it (aws cloudformation get-template); for "
            f"a new environment write `name: {name}` and `type: Environment`",
        )
    refuse_cdk(workspace.environment_overrides)
    manifest = load_environment(path, variables=target.variables, app=target.app, strict=strict)
    for finding in manifest.findings:
        emit(warning(finding))
    found = compile_environment(
        manifest.manifest,
        app=target.app,
        needs=needs,
        position=manifest.position,
        source=manifest.text,
        path=f"copilot/environments/{name}/manifest.yml",
        tasks=tasks,
    )
    public = replace(found.public, certificates=where.certificates or found.public.certificates)
    internal = replace(found.internal, certificates=where.private_certificates or found.internal.certificates)
    return replace(
        found,
        name=name,
        public=public,
        internal=internal,
        domain=None if public.certificates else where.domain,
        namespace=where.discovery_endpoint or "",
        addons=environment_addons(workspace),
        patches=patches_in(workspace.environment_overrides, ENVIRONMENT),
    )


def _with_others(needs: Needs, elsewhere: Iterable[str]) -> Needs:
    """With what services need that are not of this workspace."""
    for word in elsewhere:
        field = NEEDS[word]
        needs = replace(needs, **{field: (*getattr(needs, field), ELSEWHERE)})
    return needs
