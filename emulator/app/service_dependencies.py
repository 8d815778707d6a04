"""Dependencies between the services of a workspace: which calls which, and which would not resolve when deployed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.app.compile import compiled, ignored, load_manifest
from emulator.app.selection import Selection, Target, find_target, warning
from emulator.display.failure import shown_path
from emulator.errors import CopilotLocalError, Finding, Position, Severity, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.files import read_text
from emulator.workspace import find_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.app.selection import LoadedService
    from emulator.ecs.service import Service

_MOST_FILES, _MOST_BYTES = 100, 1 << 18
_VERSION_HINT = "set `proxy_http_version 1.1;` there; only the newest nginx does so by itself"
_TIMEOUT_HINT = "make the other one longer, or this one shorter"


def with_dependencies(selection: Selection, emit: Emit) -> Selection:
    """The selection with the services that its services call, and those that these call: what `[needs]` says, and what
    variables name. Raises UsageError for a name in `[needs]` that is no service, and where none was chosen."""
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
            services[name] = _compiled(target, name)
    needs = load_settings(workspace.root).needs
    for name in {*needs, *(other for others in needs.values() for other in others)}:
        workspace.manifest_path(name)
    found = list(chosen.services)
    for name in found:  # it grows meanwhile
        called = [*needs.get(name, ()), *(named_services(services[name], services) if name in services else ())]
        new = [other for other in dict.fromkeys(called) if other not in found]
        if new:
            them = "it" if len(new) == 1 else "them"
            emit(Event(EventKind.INFO, name, f"calls {' and '.join(new)}: running {them} too"))
        found += new
    return replace(selection, services=tuple(found), with_deps=False, start=workspace.root)


def _compiled(target: Target, name: str) -> Service:
    """A service as it runs here, wherever it is deployed."""
    from emulator.app.deployment import Deployment

    return compiled(target, name, load_manifest(target, name), Deployment(), here=True, https=False)[0]


def warn_out_of_reach(target: Target, services: Sequence[Service], emit: Emit) -> None:
    """Says which variables of these services name a service of the workspace that they do not find when deployed
    (CL141). It can be silenced like a finding of the manifest."""
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
                workspace[name] = _compiled(target, name)
    for client in clients:
        findings = [
            Finding("CL141", it.message, client.positions.get(it.path), it.path, it.hint, Severity.WARNING)
            for it in out_of_reach(client, workspace)
        ]
        for finding in unsilenced(findings, ignored(target.workspace)):
            emit(warning(finding))


def warn_connect(target: Target, loaded: Sequence[LoadedService], emit: Emit) -> None:
    """Says what `connect_findings` finds in these services."""
    for finding in connect_findings(target, loaded):
        emit(warning(finding))


def connect_findings(target: Target, loaded: Sequence[LoadedService]) -> list[Finding]:
    """What does not work through the proxies of Service Connect when deployed: programs that ask a name with HTTP/1.0
    (CL146), time-outs that another one ends before (CL147). Only names with an `appProtocol` have any."""
    from emulator.manifest.findings.suppression import unsilenced
    from emulator.service_connect.checks import cut_short
    from emulator.service_connect.model import endpoint

    found: list[Finding] = []
    names: set[str] = set()
    for one in loaded:
        served = endpoint(one.service, 0)
        if served is not None and served.protocol != "tcp":
            names.add(served.name)
            place = _place_of_timeouts(one.service)
            found += [
                Finding("CL147", f"{served.name}: {text}", place, hint=_TIMEOUT_HINT, severity=Severity.WARNING)
                for text in cut_short(one.service)
            ]
    if names:
        for one in loaded:
            if one.service.connect is not None:
                found += _old_requests(one, names)
    return unsilenced(found, ignored(target.workspace))


def _place_of_timeouts(service: Service) -> Position | None:
    patches = [patch for patch in service.template_patches if "ServiceConnectConfiguration" in patch.path]
    return patches[-1].position if patches else service.positions.get("network.connect")


def _old_requests(client: LoadedService, names: Collection[str]) -> list[Finding]:
    """A finding for each `proxy_pass` in the build contexts of a client that asks one of the names with HTTP/1.0."""
    from emulator.manifest.rules.files import builds, paths_of
    from emulator.trace.diagnosis.old_http import old_requests

    found = []
    for context in dict.fromkeys(paths_of(build)[0] for build, _ in builds(client.manifest.manifest)):
        files = _configuration_files(client.workspace.root / context)
        for name, place in old_requests(files, names):
            message = f"{client.service.name} asks {name} with HTTP/1.0, which Service Connect answers with 426"
            found.append(Finding("CL146", message, place, hint=_VERSION_HINT, severity=Severity.WARNING))
    return found


def _configuration_files(folder: Path) -> dict[str, str]:
    """The files in a build context that may be nginx's, by path; no more than a context of an image of nginx has."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("**/*.conf*"))[:_MOST_FILES]:
        if "node_modules" not in path.parts and path.is_file() and path.stat().st_size < _MOST_BYTES:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = read_text(path)
                if "proxy_pass" in text or "proxy_http_version" in text or "upstream" in text:
                    found[shown_path(path)] = text
    return found
