"""Rules for ports: who exposes which, and where load balancers may send requests.

Source: Copilot, `validateExposedPorts`, `validateTargetContainer` and `validateHealthCheckPorts` in
internal/pkg/manifest/validate.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.manifest.rules.at import At
from emulator.manifest.schema.workload import ListeningService, Workload
from emulator.model import Keys

if TYPE_CHECKING:
    from emulator.manifest.schema.notations.values import Port
    from emulator.manifest.schema.routing import Http, Nlb, NlbListener, RoutingRule


_FIRELENS = {24224: "takes records", 8877: "answers health checks"}
"""Ports of a log router on ECS, by what it does there: its configuration listens on both, over TCP on 127.0.0.1."""
_METRICS = 24220
"""Where the log router tells its counters here, unless its own configuration names another port."""


@dataclass(frozen=True, slots=True)
class _Exposed:
    container: str
    protocol: str
    keys: Keys


def ports(workload: Workload, at: At) -> None:
    """Ports that two containers claim, target containers, and health checks on UDP."""
    main_port = workload.image.port if isinstance(workload, ListeningService) else None
    http: Http | None = getattr(workload, "http", None)
    nlb: Nlb | None = getattr(workload, "nlb", None)
    rules = list(_rules(http))
    listeners = list(_each_port_once(_listeners(nlb), at))
    for rule_keys, rule in rules:
        _target(workload, rule.target_container, main_port, (*rule_keys, "target_container"), at)
    for listener_keys, listener in listeners:
        _target(workload, listener.target_container, main_port, (*listener_keys, "target_container"), at)

    exposed: dict[int, _Exposed] = {}
    for name, sidecar in workload.sidecars.items():
        if sidecar.port is not None:
            protocol = "udp" if sidecar.port.protocol == "udp" else "tcp"
            _claim(exposed, sidecar.port.number, protocol, name, ("sidecars", name, "port"), at)
    for keys, rule in rules:
        if rule.target_port is not None:
            container = rule.target_container or _owner(exposed, rule.target_port, workload.name)
            _claim(exposed, rule.target_port, "tcp", container, (*keys, "target_port"), at)
    for keys, listener in listeners:
        number = listener.target_port if listener.target_port is not None else listener.port.number
        protocol = "udp" if listener.port.protocol == "udp" else "tcp"
        container = listener.target_container or _owner(exposed, number, workload.name)
        _claim(exposed, number, protocol, container, (*keys, "port"), at)
    if main_port is not None:
        known = exposed.get(main_port)
        _claim(exposed, main_port, known.protocol if known else "tcp", workload.name, ("image", "port"), at)
    _health_checks(rules, listeners, exposed, main_port, at)
    if workload.logging.firelens:
        _log_router(exposed, at)
    no_port = main_port is None and not at.given("image", "port")
    if http is not None and no_port and at.workload == "Backend Service":
        for keys, rule in rules:
            if rule.target_container is None and rule.target_port is None:
                message = "no port to send requests to: the main container has none"
                hint = "give image.port, or a target_container"
                at.add("CL124", message, *keys, hint=hint, copilot_accepts=True)


def _rules(http: Http | None) -> list[tuple[Keys, RoutingRule]]:
    if http is None:
        return []
    further = enumerate(http.additional_rules)
    return [(("http",), http), *((("http", "additional_rules", index), rule) for index, rule in further)]


def _listeners(nlb: Nlb | None) -> list[tuple[Keys, NlbListener]]:
    if nlb is None:
        return []
    further = enumerate(nlb.additional_listeners)
    return [(("nlb",), nlb), *((("nlb", "additional_listeners", index), listener) for index, listener in further)]


def _each_port_once(listeners: list[tuple[Keys, NlbListener]], at: At) -> Iterator[tuple[Keys, NlbListener]]:
    """The listeners without those that AWS refuses, which has one for a port."""
    taken: dict[int, Port] = {}
    for keys, listener in listeners:
        port = listener.port
        if port.number in taken:
            message = f"a listener is on port {taken[port.number]} already; a load balancer has one for a port"
            at.add("CL123", message, *keys, "port", hint="whatever their protocols are", copilot_accepts=True)
        else:
            taken[port.number] = port
            yield keys, listener


def _owner(exposed: dict[int, _Exposed], port: int, main: str) -> str:
    return exposed[port].container if port in exposed else main


def _target(workload: Workload, target: str | None, main_port: int | None, keys: Keys, at: At) -> None:
    if target is None:
        return
    if target == workload.name:
        if main_port is None and not at.given("image", "port"):
            at.add("CL124", f"the main container {target} has no port", *keys, hint="give image.port")
        return
    sidecar = workload.sidecars.get(target)
    if sidecar is None and at.given("sidecars", target):
        return
    if sidecar is None:
        known = ", ".join((workload.name, *workload.sidecars))
        at.add("CL124", f"there is no container {target!r}", *keys, hint=f"containers: {known}")
    elif sidecar.port is None and not at.given("sidecars", target, "port"):
        at.add("CL124", f"sidecar {target} has no port", *keys, hint=f"give sidecars.{target}.port")


def _claim(exposed: dict[int, _Exposed], port: int, protocol: str, container: str, keys: Keys, at: At) -> None:
    known = exposed.get(port)
    if known is None:
        exposed[port] = _Exposed(container, protocol, keys)
    elif known.container != container:
        message = f"port {port} belongs to container {known.container} already; {container} cannot have it too"
        at.add("CL123", message, *keys, hint="containers of a task share their ports")
    elif known.protocol != protocol:
        message = f"port {port} of {container} is both {known.protocol} and {protocol}"
        at.add("CL123", message, *keys)


def _log_router(exposed: dict[int, _Exposed], at: At) -> None:
    """Ports that a container and FireLens's log router both want: the task's containers share them."""
    for port, one in exposed.items():
        hint = "let the container listen on another port"
        if port in _FIRELENS and one.protocol == "tcp":
            message = (
                f"port {port} is where FireLens's log router {_FIRELENS[port]}; {one.container} cannot have it too"
            )
            at.add("CL123", message, *one.keys, hint=hint, copilot_accepts=True)
        elif port in _FIRELENS:
            message = (
                f"port {port} of {one.container} is UDP, and the same port over TCP is where FireLens's log router "
                f"{_FIRELENS[port]}"
            )
            at.add("CL123", message, *one.keys, hint=hint, warning=True)
        elif port == _METRICS:
            message = f"port {port} is where the log router tells its counters here; {one.container} cannot have it too"
            hint += ", or set HTTP_Port in the [SERVICE] of your log router's configuration"
            at.add("CL123", message, *one.keys, hint=hint, warning=True)


def _health_checks(
    rules: list[tuple[Keys, RoutingRule]],
    listeners: list[tuple[Keys, NlbListener]],
    exposed: dict[int, _Exposed],
    main_port: int | None,
    at: At,
) -> None:
    checks: list[tuple[Keys, int | None]] = []
    for keys, rule in rules:
        own = rule.healthcheck.port if rule.healthcheck is not None else None
        checks.append((keys, next((port for port in (own, rule.target_port, main_port) if port is not None), None)))
    for keys, listener in listeners:
        own = listener.healthcheck.port if listener.healthcheck is not None else None
        ports = (own, listener.target_port, listener.port.number)
        checks.append((keys, next(port for port in ports if port is not None)))
    for keys, port in checks:
        known = exposed.get(port) if port is not None else None
        if known is not None and known.protocol == "udp":
            message = f"health checks are TCP, and port {port} of {known.container} is UDP"
            at.add("CL128", message, *keys, "healthcheck", hint="give healthcheck.port, a TCP port")
