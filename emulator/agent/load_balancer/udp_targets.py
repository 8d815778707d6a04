"""Tells the relay for datagrams which targets there are."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from pathlib import Path

from emulator.agent.load_balancer.udp_relay import Route, write_routes
from emulator.frontdoor.options import Target
from emulator.frontdoor.target_health import TargetHealth, TargetState
from emulator.runtime.listeners.front_ports import udp_bind_ports
from emulator.runtime.state.desired import DesiredState

log = logging.getLogger(__name__)

_TIMEOUT = 2.0


def routes_of(state: DesiredState, targets: Sequence[Target], health: Sequence[TargetHealth]) -> dict[int, Route]:
    """Where the datagrams of each port of the relay go: to healthy targets, or to all where none is healthy. One that
    drains takes no new flow and loses those it has, as with new UDP target groups."""
    states = {(one.service, one.target_group, one.name): one.state for one in health}
    inside = udp_bind_ports(state)
    routes = {}
    for name, desired in state.services.items():
        for listener in desired.service.network_listeners:
            if listener.protocol != "UDP":
                continue
            group = desired.service.target_group(listener.target_group)
            mine = [target for target in targets if (target.service, target.target_group) == (name, group.name)]
            known = [(target, states.get((name, group.name, target.name))) for target in mine]
            staying = [target for target, found in known if found is not TargetState.DRAINING]
            healthy = [target for target, found in known if found is TargetState.HEALTHY]
            addresses = sorted((target.address, target.port) for target in healthy or staying)
            routes[inside[name, listener.port]] = Route(tuple(addresses), group.stickiness)
    return routes


class UdpTargets:
    """A connection to the relay, made anew as often as need be. `path` is the relay's socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._told: dict[int, Route] = {}

    def tell(self, routes: dict[int, Route]) -> bool:
        """Sends the routes where they changed; whether the relay has them."""
        if self._is_gone():
            self.close()
        if self._connection is not None and self._told == routes:
            return True
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.sendall(write_routes(routes))
        except OSError as error:  # it is starting, or going
            log.debug("the relay for datagrams does not answer: %s", error)
            self.close()
            return False
        self._told = routes
        return True

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_TIMEOUT)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def _is_gone(self) -> bool:
        """Whether the other side has closed the connection; it never says anything."""
        if self._connection is None:
            return False
        self._connection.setblocking(False)  # a flag of one call does not keep Python from waiting for the timeout
        try:
            return self._connection.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._connection.settimeout(_TIMEOUT)

    def close(self) -> None:
        """Ends the connection; the relay keeps its routes."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._told = None, {}
