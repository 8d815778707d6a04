"""Dependencies between the services of a workspace: which calls which, and which would not resolve when deployed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.app.compile import compiled, ignored, load_manifest
from emulator.app.selection import Selection, Target, find_target, warning
from emulator.errors import CopilotLocalError, Finding, Severity, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.workspace import find_workspace

if TYPE_CHECKING:
    from emulator.ecs.service import Service


def with_dependencies(selection: Selection, emit: Emit) -> Selection:
    """The selection with the services that its services call, and those that these call: what `[needs]` says, and what
    variables name. Raises UsageError for a name in `[needs]` that is no service, and where none was chosen."""
    from emulator.app.deployment import Deployment
    from emulator.ecs.reach import named_services
    from emulator.settings import load_settings

    if not selection.services:
        raise UsageError("--with-deps needs a service", hint="without one, all services run anyway")
    chosen = find_target(selection)
    workspace = find_workspace(chosen.workspace.root)
    target = replace(chosen, workspace=workspace)
    services: dict[str, Service] = {}
    for name in workspace.services:
        # What is wrong with the manifest of a service that is not needed is not said here.
        with contextlib.suppress(CopilotLocalError):
            manifest = load_manifest(target, name, strict=False)
            services[name] = compiled(target, name, manifest, Deployment(), here=True, https=False)[0]
    needs = load_settings(workspace.root).needs
    for name in {*needs, *(other for others in needs.values() for other in others)}:
        workspace.manifest_path(name)
    found = list(chosen.services)
    for name in found:  # it grows meanwhile
        called = [*needs.get(name, ()), *(named_services(services[name], services) if name in services else ())]
        new = [other for other in dict.fromkeys(called) if other not in found]
        if new:
            emit(
                Event(
                    EventKind.INFO, name, f"calls {' and '.join(new)}: running {'it' if len(new) == 1 else 'them'} too"
                )
            )
        found += new
    return replace(selection, services=tuple(found), with_deps=False, start=workspace.root)


def warn_out_of_reach(target: Target, services: Sequence[Service], emit: Emit) -> None:
    """Says which variables of these services name a service of the workspace that they do not find when deployed
    (CL141). It can be silenced like a finding of the manifest."""
    from emulator.app.deployment import Deployment
    from emulator.ecs.reach import names_hosts, out_of_reach
    from emulator.manifest.findings.suppression import unsilenced

    clients = [service for service in services if names_hosts(service)]
    if not clients:
        return
    workspace = {service.name: service for service in services}
    for name in target.workspace.services:
        # What is wrong with the manifest of a service that was not asked for is not said here.
        with contextlib.suppress(CopilotLocalError):
            if name not in workspace:
                manifest = load_manifest(target, name, strict=False)
                workspace[name] = compiled(target, name, manifest, Deployment(), here=True, https=False)[0]
    for client in clients:
        findings = [
            Finding("CL141", it.message, client.positions.get(it.path), it.path, it.hint, Severity.WARNING)
            for it in out_of_reach(client, workspace)
        ]
        for finding in unsilenced(findings, ignored(target.workspace)):
            emit(warning(finding))
