"""App Mesh in what is to run: left out with a warning, or refused.

Source: AWS, "AWS App Mesh end of support" (30 September 2026); Amazon ECS API, `ProxyConfiguration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from emulator.errors import Finding, Unsupported
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.compiler.context import Surroundings
    from emulator.ecs.service import Service
    from emulator.ecs.task_definition import TaskDefinition

_ENDED: Final = (
    "App Mesh ended on 30 September 2026: its proxy gets no configuration, and the task does not start when deployed"
)
_INSTEAD: Final = "remove it; Copilot's own successor is `network.connect: true`"
_IMAGE: Final = "*aws-appmesh-envoy*"
"""The proxy's image, as `manifest.rules.app_mesh` has it."""


def patched_in(service: Service, around: Surroundings) -> list[Finding]:
    """The finding about App Mesh where patches bring it: rules of manifests do not see those."""
    if service.task_definition.proxy_configuration is None:
        return []
    places = [patch.position for patch in around.patches if "ProxyConfiguration" in patch.path]
    return [Finding("CL145", _ENDED, place, hint=_INSTEAD, copilot_accepts=True) for place in places[:1]]


def without_app_mesh(services: Sequence[Service], emit: Emit, *, strict: bool) -> list[Service]:
    """The services without App Mesh: no redirect, no proxy, and nothing that waits for one. Warns about each that had
    some of it; raises `Unsupported` with `strict`."""
    found = []
    for service in services:
        definition = service.task_definition
        proxies = _proxies(definition, service.main_container)
        if not proxies and definition.proxy_configuration is None:
            found.append(service)
            continue
        if strict:
            raise Unsupported(f"{service.name}: {_ENDED}", hint=_INSTEAD)
        without = "the redirect" + "".join(f" and without the container {name}" for name in proxies)
        emit(Event(EventKind.WARNING, service.name, f"runs without {without} of App Mesh, which has ended"))
        found.append(service.model_copy(update={"task_definition": _without(definition, proxies)}))
    return found


def _proxies(definition: TaskDefinition, main: str) -> list[str]:
    """The containers that are App Mesh's proxy; the service's own container `main` is none."""
    proxy = definition.proxy_configuration
    named = proxy.container_name if proxy is not None else ""
    return [
        container.name
        for container in definition.container_definitions
        if container.name != main
        and (container.name == named or (isinstance(container.image, str) and fnmatchcase(container.image, _IMAGE)))
    ]


def _without(definition: TaskDefinition, proxies: Sequence[str]) -> TaskDefinition:
    kept = [
        container.model_copy(
            update={"depends_on": [one for one in container.depends_on if one.container_name not in proxies]}
        )
        for container in definition.container_definitions
        if container.name not in proxies
    ]
    return definition.model_copy(update={"container_definitions": kept, "proxy_configuration": None})
