"""What template patches make of a service's `ServiceConnectConfiguration`: time-outs and the access log stand in no
manifest. Pure.

Source: Copilot's template of a service.
"""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING

from emulator.ecs.json_patch import apply_patch
from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.ecs.service import Service

Json = dict[str, object]


def access_log_of(service: Service) -> Json:
    """`AccessLogConfiguration`; empty where there is none."""
    return _map(_configuration(service).get("AccessLogConfiguration"))


def timeouts_of(service: Service) -> Json:
    """`Timeout` of the port that the service serves; empty where there is none."""
    name = service.connect.port_name if service.connect is not None else None
    services = _configuration(service).get("Services")
    found = [one for one in services if isinstance(one, dict)] if isinstance(services, list) else []
    return _map(next((one for one in found if one.get("PortName") == name), found[0] if found else {}).get("Timeout"))


def _configuration(service: Service) -> Json:
    """The configuration once all patches are applied, in their order."""
    name = service.connect.port_name if service.connect is not None else None
    connect: Json = {"Services": [{"PortName": name, "Timeout": {}}], "AccessLogConfiguration": {}}
    tree: Json = {"Resources": {"Service": {"Properties": {"ServiceConnectConfiguration": connect}}}}
    for patch in service.template_patches:
        with contextlib.suppress(InputError):  # it is about another part of the template
            apply_patch(tree, patch, copy.deepcopy(patch.value))
    here: object = tree
    for step in ("Resources", "Service", "Properties", "ServiceConnectConfiguration"):
        here = _map(here).get(step)
    return _map(here)


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}
