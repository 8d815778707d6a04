"""Which ports of this machine an environment had when it last ran, so that its addresses stay after `down`.

A file for each environment in the user's cache folder. Without it, or where it cannot be read, ports are chosen anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.events import Emit, Event, EventKind
from emulator.files import read_text
from emulator.runtime.listeners.published import INTERNAL, PUBLIC
from emulator.runtime.state.names import Names

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState

_MOST = 65_536


def remembered(environment: Names) -> dict[str, int]:
    """By `port_key`, the host port of each listener. None of a test's own environment: it runs once."""
    if environment.owner:
        return {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(read_text(_file(environment), most=_MOST))
        if isinstance(found, dict):
            return {key: port for key, port in found.items() if isinstance(port, int) and 0 < port < 65536}
    return {}


def remember(
    environment: Names,
    state: DesiredState,
    before: Mapping[str, int],
    asked: Collection[int],
    emit: Emit,
    owner: Callable[[int], str] = lambda _: "another program",
) -> None:
    """Keeps the ports of an environment that is up, and warns of each that is another one than `before` without having
    been asked for; `owner` says who has the one before."""
    now = ports_of(state)
    for key, port in now.items():
        if before.get(key, port) != port and port not in asked and not environment.owner:
            what = f"{owner(before[key])} has port {before[key]}, where {_words(key)} was: it is at {port} now"
            emit(Event(EventKind.WARNING, environment.app, what))
    kept = {**before, **now}
    if environment.owner or kept == before:
        return
    file = _file(environment)
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(new, file)


def forget(environment: Names) -> None:
    """After `down -v`, which leaves nothing."""
    with contextlib.suppress(OSError):
        _file(environment).unlink(missing_ok=True)


def port_key(load_balancer: str, service: str, port: int, protocol: str) -> str:
    """How a listener is called in the file."""
    return f"{load_balancer}/{service}/{port}/{protocol}"


def ports_of(state: DesiredState) -> dict[str, int]:
    """By `port_key`, the host ports of what listens in an environment."""
    found = {
        port_key(PUBLIC, "", 80, "HTTP"): state.front_port,
        port_key(PUBLIC, "", 443, "HTTPS"): state.https_port,
        port_key(INTERNAL, "", 80, "HTTP"): state.internal_port,
        port_key(INTERNAL, "", 443, "HTTPS"): state.internal_https_port,
        port_key("aws", "", 0, "HTTP"): state.aws_port,
        **{port_key("", one.service, one.port, one.protocol): one.host_port for one in state.network_ports},
    }
    return {key: port for key, port in found.items() if port}


def _words(key: str) -> str:
    load_balancer, service, port, protocol = key.split("/")
    if load_balancer == "aws":
        return "the local AWS endpoint"
    return f"port {port} of {service}" if service else f"the {load_balancer} load balancer's {protocol}"


def _file(environment: Names) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    name = hashlib.sha256(environment.prefix.encode()).hexdigest()[:16]
    return base / "copilot-local" / "ports" / f"{name}.json"
