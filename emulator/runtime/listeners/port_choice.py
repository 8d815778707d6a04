"""Chooses the port of this machine that each listener of an environment is published on."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from emulator.ecs.service import Service
from emulator.errors import InputError, PortInUse, UsageError
from emulator.frontdoor.balancers import Balancer, balancer_of
from emulator.runtime.listeners.free_port import DEFAULT_PORT, Reservation, choose_port, is_free
from emulator.runtime.listeners.front_ports import (
    DEFAULT_HTTPS_PORT,
    DEFAULT_INTERNAL_HTTPS_PORT,
    DEFAULT_INTERNAL_PORT,
    published,
    routes,
)
from emulator.runtime.listeners.native_ports import read_label, wanted_outlets
from emulator.runtime.listeners.remembered_ports import port_key, ports_of
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, NetworkPort
from emulator.runtime.state.observed import Observed
from emulator.settings_attended import Outlet

PRIVILEGED = 1024
OUT_OF_THE_WAY = 10_000
"""Added to a privileged port of a network listener: 443 is looked for from 10443 on."""

DEFAULT_AWS_PORT = 4566
"""Where the emulators of AWS listen, and clients that are set up for one look."""

_Key = tuple[str, str, int, str]
"""Load balancer, service (empty for the environment's own), port and protocol of a listener."""


_AWS: _Key = ("aws", "", 0, "HTTP")
"""The local AWS endpoint."""
_NATIVE = "native"
"""What a program of this machine is to reach; its key has the host in the protocol's place."""


@dataclass(frozen=True, slots=True)
class AskedPorts:
    """Host ports from options and settings; None means any. `network` is by listener, as `5000` or `SERVICE:5000`."""

    http: int | None = None
    https: int | None = None
    internal: int | None = None
    internal_https: int | None = None
    network: Mapping[str, int] | None = None
    aws: int | None = None

    def of(self, service: str, port: int) -> int | None:
        """The host port asked for a listener of a network load balancer."""
        wanted = self.network or {}
        return wanted.get(f"{service}:{port}", wanted.get(str(port)))

    def values(self) -> set[int]:
        listeners = (self.http, self.https, self.internal, self.internal_https, self.aws)
        return {port for port in (*listeners, *(self.network or {}).values()) if port}


class _Claim(enum.IntEnum):
    """How strong the claim of a listener on a port is: the strongest chooses first."""

    ASKED = 0
    PUBLISHED = 1
    """It is published there now."""
    MANIFEST = 2
    """The manifest names the port, and clients in the code probably too."""
    DEFAULT = 3


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A listener that needs a port: the one asked for, else the first free one from `first` on."""

    key: _Key
    asked: int | None
    first: int
    option: str
    claim: _Claim


def with_ports(
    state: DesiredState,
    asked: AskedPorts,
    observed: Observed,
    taken: frozenset[int],
    reservation: Reservation | None = None,
    before: Mapping[str, int] | None = None,
) -> DesiredState:
    """The state with a host port for each of its listeners: asked for, as it is, as it was, or else one that is free.
    `before` is where each was when the environment last ran, by `port_key`.

    A port that the manifest names goes to that listener before defaults are chosen. `taken` are ports that turned out
    to be taken although they looked free. What is chosen is reserved. Raises `PortInUse` for an asked-for port that
    another program has, InputError where one port is asked for twice.
    """
    ports = _choose(state, asked, observed, taken, reservation, before or {})
    network = [
        NetworkPort(
            service=name,
            port=listener.port,
            protocol=listener.protocol,
            host_port=ports["", name, listener.port, listener.protocol],
        )
        for name, desired in state.services.items()
        for listener in desired.service.network_listeners
    ]
    aws_port = ports.get(_AWS) or _endpoint_port(observed)
    services = {name: _with_outlets(_with_aws_port(one, aws_port), ports) for name, one in state.services.items()}
    return state.model_copy(
        update={
            "services": services,
            "aws_port": aws_port,
            "front_port": ports.get((Balancer.PUBLIC, "", 80, "HTTP"), 0),
            "https_port": ports.get((Balancer.PUBLIC, "", 443, "HTTPS"), 0),
            "internal_port": ports.get((Balancer.INTERNAL, "", 80, "HTTP"), 0),
            "internal_https_port": ports.get((Balancer.INTERNAL, "", 443, "HTTPS"), 0),
            "network_ports": network,
        }
    )


def _endpoint_port(observed: Observed) -> int:
    """Where the local AWS endpoint that runs is reached by tasks; 0 where none does so."""
    label = observed.aws.labels.get(names.AWS_PORT, "") if observed.aws is not None else ""
    return int(label) if label.isdecimal() else 0


def _with_aws_port(desired: DesiredService, port: int) -> DesiredService:
    """What tasks are told of the local AWS endpoint. One that is there for log routers alone is none of theirs."""
    return desired.with_options(aws_port=0 if desired.options.aws == "none" else port)


def _with_outlets(desired: DesiredService, ports: Mapping[_Key, int]) -> DesiredService:
    """With what is published for the program of this machine that runs in the main container's place."""
    native, name = desired.options.native, desired.service.name
    if native is None:
        return desired
    outlets = tuple(
        Outlet(host=host, port=port, host_port=here)
        for (kind, service, port, host), here in ports.items()
        if (kind, service) == (_NATIVE, name)
    )
    return desired.with_options(native=native.model_copy(update={"outlets": outlets}))


def taken_ports(state: DesiredState, asked: AskedPorts, observed: Observed) -> Iterator[tuple[int, str]]:
    """The asked-for ports that other programs have, each with the option that asks for it."""
    ours = {*(found.host_port for found in published(observed)), _endpoint_port(observed)}
    for one in _wanted(state, asked):
        if one.asked is not None and one.asked not in ours and not is_free(one.asked, udp=one.key[3] == "UDP"):
            yield one.asked, one.option


def check_port_options(services: Sequence[Service], port: int | None, internal_port: int | None) -> None:
    """Raises UsageError for the port of a load balancer that nothing is on, while the other one is there."""
    there = {balancer_of(service) for service in services if service.listener_rules}
    if port is not None and there == {Balancer.INTERNAL}:
        raise UsageError(
            "--port is for the public load balancer; these services are on the internal one",
            hint="--internal-port is for that one",
        )
    if internal_port is not None and Balancer.INTERNAL not in there:
        raise UsageError(
            "--internal-port is for the internal load balancer, and none of these services is on it",
            hint="Backend Services with `http` are; --port is for the public one",
        )


def _choose(
    state: DesiredState,
    asked: AskedPorts,
    observed: Observed,
    taken: frozenset[int],
    reservation: Reservation | None,
    before: Mapping[str, int],
) -> dict[_Key, int]:
    current: dict[_Key, int] = {
        ("" if found.service else found.load_balancer, found.service, found.port, found.protocol): found.host_port
        for found in published(observed)
    }
    if endpoint := _endpoint_port(observed):
        current[_AWS] = endpoint
    for name in state.services:
        for task in observed.tasks_of(name):
            if task.pause is not None and (text := task.pause.labels.get(names.NATIVE)):
                outlets = read_label(text)[1]
                current |= {(_NATIVE, name, port, host): here for (host, port), here in outlets.items()}
    # Programs of this machine are to listen there.
    native = {p for d in state.services.values() if d.options.native for p in d.options.native.ports.values()}
    wanted = list(_wanted(state, asked))

    def claim(one: _Wanted) -> _Claim:
        if one.asked is not None:
            return _Claim.ASKED
        return _Claim.PUBLISHED if one.key in current or port_key(*one.key) in before else one.claim

    chosen: dict[_Key, int] = {}
    for one in sorted(wanted, key=claim):
        used = native | set(chosen.values())
        if one.asked in used:
            raise InputError(f"port {one.asked} of this machine is asked for twice", hint="give each listener its own")
        now = current.get(one.key)
        udp = one.key[3] == "UDP"
        first = one.first
        if now is None and one.asked is None and (kept := before.get(port_key(*one.key))):
            first = kept if kept not in taken | used and is_free(kept, udp=udp) else first
        chosen[one.key] = choose_port(
            one.asked,
            None if now in used else now,
            taken | used,
            first,
            one.option,
            udp=udp,
            reservation=reservation,
        )
    return chosen


def _wanted(state: DesiredState, asked: AskedPorts) -> Iterator[_Wanted]:
    """The listeners that need a port."""
    application = (
        (Balancer.PUBLIC, 80, "HTTP", asked.http, DEFAULT_PORT, "--port"),
        (Balancer.PUBLIC, 443, "HTTPS", asked.https, DEFAULT_HTTPS_PORT, "--https-port"),
        (Balancer.INTERNAL, 80, "HTTP", asked.internal, DEFAULT_INTERNAL_PORT, "--internal-port"),
        (
            *(Balancer.INTERNAL, 443, "HTTPS", asked.internal_https, DEFAULT_INTERNAL_HTTPS_PORT),
            "internal_https_port of [front]",
        ),
    )
    for balancer, port, protocol, want, first, option in application:
        # An HTTP listener is there as soon as there is a rule on either.
        if routes(state, balancer, "HTTPS" if protocol == "HTTPS" else None):
            yield _Wanted((balancer, "", port, protocol), want, first, option, _Claim.DEFAULT)
    if any(desired.needs_aws for desired in state.services.values()):
        yield _Wanted(_AWS, asked.aws, DEFAULT_AWS_PORT, "port of [aws]", _Claim.DEFAULT)
    for name, desired in state.services.items():
        if desired.options.native is not None:
            for host, port in wanted_outlets(state, name):
                first = port + (OUT_OF_THE_WAY if port < PRIVILEGED else 0)
                yield _Wanted((_NATIVE, name, port, host), None, first, "--native", _Claim.DEFAULT)
        for listener in desired.service.network_listeners:
            privileged = listener.port < PRIVILEGED
            yield _Wanted(
                ("", name, listener.port, listener.protocol),
                asked.of(name, listener.port),
                listener.port + (OUT_OF_THE_WAY if privileged else 0),
                f"network_ports of [front], {name}:{listener.port}",
                _Claim.DEFAULT if privileged else _Claim.MANIFEST,
            )


def replaceable(error: PortInUse, state: DesiredState, asked: Collection[int]) -> set[int]:
    """The host ports in question that another may take the place of: those that were not asked for."""
    chosen = set(ports_of(state).values()) - set(asked)
    return chosen if error.port is None else chosen & {error.port}
