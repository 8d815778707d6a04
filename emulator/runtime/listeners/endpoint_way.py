"""Looks at `[aws] endpoint = "URL"` before anything starts: whether containers reach it, and whether it is there."""

from __future__ import annotations

import socket
from collections.abc import Collection
from pathlib import Path

from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.runtime.state import names
from emulator.runtime.state.aws_way import AwsWay, aws_way, port_here
from emulator.runtime.state.observed import Observed
from emulator.settings import setting_position
from emulator.settings_services import is_url

_CONNECTS = 3.0
_HOSTS = ("127.0.0.1", "::1")


def way_of(engine: Engine, endpoint: str, workspace: Path) -> AwsWay | None:
    """How the endpoint's container reaches the one that the settings in the folder `workspace` name; None where they
    name none. Raises InputError where no container does."""
    if not is_url(endpoint):
        return None
    return aws_way(endpoint, engine.info(), setting_position(workspace, "aws", "endpoint"))


def checked_way(engine: Engine, endpoint: str, workspace: Path) -> AwsWay | None:
    """The same, which raises InputError too where nothing listens on the port of this machine that is named."""
    way = way_of(engine, endpoint, workspace)
    port = port_here(way.url) if way is not None else None
    if way is not None and port is not None and not any(_listens(host, port) for host in _HOSTS):
        raise InputError(
            f"[aws] endpoint: nothing answers at {way.url}",
            position=setting_position(workspace, "aws", "endpoint"),
            hint='start it first, or write "local" for the endpoint that comes with copilot-local',
        )
    return way


def checked_position(workspace: Path, way: AwsWay, port: int) -> str:
    """Where the settings name the endpoint. `port` is that of this environment's own: raises InputError where the two
    are one."""
    position = setting_position(workspace, "aws", "endpoint")
    if port_here(way.url) == port:
        raise InputError(
            f"[aws] endpoint: {way.url} is the port of this environment's own endpoint",
            position=position,
            hint="`port` of [aws] gives it another one, after `copilot-local down`",
        )
    return str(position or "")


def changed_url(workspace: Path, way: AwsWay | None, observed: Observed, services: Collection[str]) -> str:
    """Which endpoint another one takes the place of, in words; empty where none does. Raises InputError where services
    beside these run: nothing would make what they need at the new one."""
    if observed.aws is None:
        return ""
    now, wanted = observed.aws.labels.get(names.AWS_URL, ""), way.url if way is not None else ""
    if now == wanted:
        return ""
    own = "the one that comes with copilot-local"
    others = sorted({task.service for task in observed.service_tasks} - set(services))
    if others:
        raise InputError(
            f"[aws] endpoint: {wanted or own} is to take the place of {now or own}, which {', '.join(others)} may use",
            position=setting_position(workspace, "aws", "endpoint"),
            hint="name these services, too, or run `copilot-local down` first",
        )
    return now or own


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECTS):
            return True
    except OSError:
        return False
