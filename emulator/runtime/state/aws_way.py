"""How the container of the local AWS endpoint reaches another endpoint, `[aws] endpoint = "URL"`."""

from __future__ import annotations

from urllib.parse import urlsplit

from emulator.engine.interface import EngineInfo
from emulator.errors import InputError, Position
from emulator.model import Model
from emulator.settings_services import is_url

VIRTUAL_MACHINE_HOST = "host.docker.internal"
"""Docker Desktop and its like lead it to 127.0.0.1 of this machine."""
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", VIRTUAL_MACHINE_HOST)
_PORTS = {"http": 80, "https": 443}


class AwsWay(Model):
    """The URL, and what leads there."""

    url: str
    host: str = ""
    """What is connected to in place of the URL's host; empty: that host itself."""
    relayed_port: int = 0
    """The port of 127.0.0.1 that a relay in this machine's network leads to; 0: without a relay."""


def aws_way(endpoint: str, info: EngineInfo, position: Position | None) -> AwsWay | None:
    """The way to the endpoint of the settings; None where that is no URL. A bridge's gateway does not lead to 127.0.0.1
    of a Linux machine, so a relay in its network does.

    Raises InputError where no container of this daemon reaches this machine's 127.0.0.1.
    """
    if not is_url(endpoint):
        return None
    port = port_here(endpoint)
    if port is None:
        return AwsWay(url=endpoint)
    what = f'[aws] endpoint = "{endpoint}" is a port of this machine, and'
    if not info.host.startswith(("unix://", "npipe://")):
        raise InputError(
            f"{what} the Docker daemon runs on another one ({info.host})",
            position=position,
            hint="name the host as containers there reach it",
        )
    if info.rootless:
        raise InputError(
            f"{what} containers of a rootless daemon do not reach 127.0.0.1 of it",
            position=position,
            hint="let the endpoint listen on an address of the network, and name that",
        )
    if not info.shares_folders:  # it runs in a virtual machine of this one
        return AwsWay(url=endpoint, host=VIRTUAL_MACHINE_HOST)
    return AwsWay(url=endpoint, relayed_port=port)


def port_here(url: str) -> int | None:
    """The port of this machine that a URL names; None where it names another host."""
    parts = urlsplit(url)
    if (parts.hostname or "") not in _THIS_MACHINE:
        return None
    return parts.port or _PORTS[parts.scheme]
