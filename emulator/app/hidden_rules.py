"""Which listener rules of a workspace no request reaches, since a rule of another service takes them all (CL701)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.app.compile import compiled, deployment_of, ignored, load_manifest
from emulator.app.selection import Target, warning
from emulator.errors import CopilotLocalError, Finding
from emulator.events import Emit

if TYPE_CHECKING:
    from emulator.ecs.service import Service


def warn_hidden_rules(target: Target, services: Sequence[Service], emit: Emit, https: bool | None = None) -> None:
    """Says which rules of these services are hidden, and which they hide. `https` as `load_services` takes it."""
    for finding in hidden_rules(target, services, https):
        emit(warning(finding))


def hidden_rules(target: Target, services: Sequence[Service] = (), https: bool | None = None) -> list[Finding]:
    """A finding for each hidden rule where the rule or what hides it is one of `services` (none: of the target's).

    All services of the workspace count, also those that do not run: deployed, they share the load balancer. A service
    whose manifest cannot be read is left out. Findings can be silenced like those of a manifest.
    """
    from emulator.frontdoor.routing.advice import hidden
    from emulator.manifest.findings.suppression import unsilenced

    known = {service.name: service for service in services}
    every = []
    for name in target.workspace.services:
        if name in known:
            every.append(known[name])
            continue
        # What is wrong with the manifest of another service is said where it is checked.
        with contextlib.suppress(CopilotLocalError):
            every.append(_compiled(target, name, https))
    asked = set(known) or set(target.services)
    found: list[Finding] = []
    for pair in hidden(every):
        if asked & {pair.rule.service.name, pair.earlier.service.name}:
            found += unsilenced([pair.finding], ignored(target.workspace))
    # The rules for HTTP and HTTPS of one service stand at one line.
    return list({(one.position, one.message): one for one in found}.values())


def _compiled(target: Target, name: str, https: bool | None) -> Service:
    from emulator.settings import load_settings

    where = deployment_of(target)
    secure = load_settings(target.workspace.root).front.https if https is None else https
    return compiled(target, name, load_manifest(target, name), where, here=True, https=secure)[0]
