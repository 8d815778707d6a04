"""Where a browser finds a service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.ecs.service import Forward, HostHeader, ListenerRule, PathPattern, Service
from emulator.frontdoor.balancers import balancer_of
from emulator.frontdoor.haproxy.conditions import local_name
from emulator.frontdoor.options import FrontOptions
from emulator.frontdoor.routing.explain import explain
from emulator.frontdoor.routing.patterns import has_wildcards
from emulator.runtime.specs.load_balancer import all_options
from emulator.runtime.state.desired import DesiredState


def service_urls(state: DesiredState) -> dict[str, str]:
    """The URL of every service that a rule forwards to, by its name."""
    services = [desired.service for desired in state.services.values()]
    options = all_options(state)
    found = {service.name: _url(service, services, options[balancer_of(service)]) for service in services}
    return {name: url for name, url in found.items() if url}


def inside_url(service: Service) -> str:
    """Where other services reach it; empty where it has no port."""
    connect, discovery = service.connect, service.discovery
    if connect is not None and connect.port and connect.dns_name:
        return f"http://{connect.dns_name}:{connect.port}"
    if discovery is not None and discovery.port:
        return f"http://{discovery.name}.{discovery.namespace}:{discovery.port}"
    return ""


def _url(service: Service, services: Sequence[Service], options: FrontOptions) -> str | None:
    """The first of its addresses that the rules really lead to it from, HTTPS before HTTP."""
    rules = [rule for rule in service.listener_rules if isinstance(rule.action, Forward)]
    for rule in sorted(rules, key=lambda rule: rule.listener != "HTTPS"):
        for url in _candidates(rule, options):
            explanation = explain(services, "GET", url, options=options)
            if any(destination.service == service.name for destination in explanation.destinations):
                return url
    return None


def _candidates(rule: ListenerRule, options: FrontOptions) -> Iterator[str]:
    secure = rule.listener == "HTTPS" and options.https is not None
    port = options.https.listener_port if secure and options.https else options.listener_port
    paths = [value for found in rule.conditions if isinstance(found, PathPattern) for value in found.values]
    path = next((value for value in paths if not has_wildcards(value)), "/")
    hosts = [value for found in rule.conditions if isinstance(found, HostHeader) for value in found.values]
    plain = [host for host in hosts if not has_wildcards(host)]
    for host in ("localhost" if secure else "127.0.0.1", *map(local_name, plain), *plain):
        yield f"{'https' if secure else 'http'}://{host}:{port}{path}"
