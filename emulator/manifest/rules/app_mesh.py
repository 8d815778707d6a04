"""The rule for App Mesh, which has ended."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from emulator.manifest.rules.at import At

if TYPE_CHECKING:
    from emulator.manifest.schema.workload import Workload

_MESSAGE: Final = (
    "App Mesh ended on 30 September 2026: its proxy gets no configuration, and the task does not start when deployed"
)
_HINT: Final = "remove {what}; Copilot's own successor is `network.connect: true`"
IMAGE: Final = "*aws-appmesh-envoy*"
VARIABLES: Final = ("APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME", "ENABLE_ENVOY_XRAY_TRACING")
"""What only App Mesh's proxy reads."""


def app_mesh(workload: Workload, at: At) -> None:
    """Reports App Mesh once, at the first thing that only App Mesh has."""
    for keys, what in _signs(workload):
        at.add("CL145", _MESSAGE, *keys, hint=_HINT.format(what=what), copilot_accepts=True)
        return


def _signs(workload: Workload) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, rule in enumerate(workload.taskdef_overrides):
        if rule.path.partition(".")[0].lower() == "proxyconfiguration":
            yield ("taskdef_overrides", index, "path"), "ProxyConfiguration and the container that it names"
    for name, sidecar in workload.sidecars.items():
        if fnmatchcase(sidecar.image.location or "", IMAGE):
            yield ("sidecars", name, "image"), f"the container {name}"
        for variable in VARIABLES:
            if variable in sidecar.variables:
                yield ("sidecars", name, "variables", variable), f"the container {name}"
