"""Listeners of a network load balancer: TCP and TLS, connection by connection.

Source: the user guide for Network Load Balancers. UDP is not here, since HAProxy does not forward it: a relay of the
runtime's does. HAProxy checks its targets all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.ecs.service import NetworkListener, Service
from emulator.errors import InputError, Unsupported
from emulator.frontdoor.haproxy.frontend import limit_connections
from emulator.frontdoor.haproxy.servers import TCP_DEFAULTS
from emulator.frontdoor.options import (
    CERTIFICATES_FOLDER,
    FOLDER,
    FrontOptions,
    backend_name,
    check_name,
    open_backend_name,
)

IDLE_TIMEOUT = 350
"""Seconds a connection may be silent: the listener attribute `tcp.idle_timeout.seconds`, fixed for TLS."""


def forwarded_listeners(services: Sequence[Service]) -> Iterator[tuple[Service, NetworkListener]]:
    """The listeners that HAProxy plays: all but UDP."""
    for service in services:
        for listener in service.network_listeners:
            if listener.protocol != "UDP":
                yield service, listener


def network_frontends(services: Sequence[Service], options: FrontOptions) -> list[str]:
    """The frontends of all network listeners. InputError where two want one port, Unsupported for TLS without a
    certificate."""
    lines: list[str] = []
    taken = {options.bind_port: "the HTTP listener"}
    if options.https:
        taken[options.https.bind_port] = "the HTTPS listener"
    for service, listener in forwarded_listeners(services):
        name = f"{service.name}, port {listener.port}/{listener.protocol.lower()}"
        port = network_port(service, listener, options)
        if port in taken:
            raise InputError(
                f"{name}: {taken[port]} is on port {port} of the front already",
                hint="give the listener another port, or run the services in environments of their own",
                position=listener.position,
            )
        taken[port] = name
        lines += _frontend(service, listener, port, options)
    return lines


def network_port(service: Service, listener: NetworkListener, options: FrontOptions) -> int:
    """The port inside the front's container that a network listener is on."""
    return options.network_ports.get((service.name, listener.port), listener.port)


def _frontend(service: Service, listener: NetworkListener, port: int, options: FrontOptions) -> list[str]:
    main = backend_name(service.name, listener.target_group)
    bind = f"bind {options.bind_address}:{port}"
    if listener.protocol == "TLS":
        if options.https is None:
            raise Unsupported(
                f"{service.name}: port {listener.port}/tls needs a certificate, and the front has none",
                hint="start the front with HTTPS, or use a tcp listener in this environment",
                position=listener.position,
            )
        bind += f" ssl crt {FOLDER}/{CERTIFICATES_FOLDER}"
    return [
        "",
        f"frontend network:{check_name('service', service.name)}:{listener.port} from {TCP_DEFAULTS}",
        f"  {bind}",
        *(f"  {line}" for line in (limit_connections(options) if options.published_connections else [])),
        f"  use_backend {open_backend_name(service.name, listener.target_group)} if {{ nbsrv({main}) eq 0 }}",
        f"  default_backend {main}",
    ]
