"""Target groups, listener rules and listeners. Source: Copilot's templates `http-listener.yml`, `https-listener.yml`,
`nlb.yml` and `convertRoutingRule` in transformers.go."""

from __future__ import annotations

from typing import Any, Literal

from emulator.compiler.context import Context
from emulator.compiler.ports import Ports, Target
from emulator.compiler.values import optional_seconds, seconds
from emulator.ecs.service import (
    Action,
    Condition,
    Forward,
    HostHeader,
    ListenerRule,
    NetworkListener,
    PathPattern,
    Redirect,
    SourceIp,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.routing import HttpHealthCheck, NlbHealthCheck, NlbListener, RoutingRule
from emulator.model import make

DEFAULT_DEREGISTRATION_DELAY = 60
DEFAULT_GRACE_PERIOD = 60
DEFAULT_SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
HTTPS_PORT = 443


class Routing:
    """What the load balancers send to the service."""

    def __init__(self, context: Context, ports: Ports) -> None:
        self._context = context
        self._internal = isinstance(context.manifest, BackendService)
        named = ports.http.alb if ports.http is not None and not self._internal else None
        self._imported = bool(named or context.surroundings.load_balancer)
        self.target_groups: list[TargetGroup] = []
        self.listener_rules: list[ListenerRule] = []
        self.network_listeners: list[NetworkListener] = []
        for number, (path, rule) in enumerate(ports.rules()):
            group = f"{number}" if number else "default"
            self.target_groups.append(self._http_group(group, path, rule, ports.rule_target(path, rule)))
            self.listener_rules += self._rules(group, path, rule)
        for number, (path, listener) in enumerate(ports.listeners()):
            group = f"nlb-{number}" if number else "nlb"
            target = ports.listener_target(path, listener)
            self.target_groups.append(self._network_group(group, path, listener, target))
            self.network_listeners.append(self._listener(group, path, listener))
        self.grace_period = _grace_period(ports)

    def _http_group(self, name: str, path: str, rule: RoutingRule, target: Target) -> TargetGroup:
        optional: dict[str, Any] = {}
        if rule.version:
            optional = {"protocol_version": rule.version.upper(), "protocol_version_stated": True}
        for key in ("healthcheck", "version", "deregistration_delay", "stickiness"):
            self._context.position(f"{path}.{key}")
        return make(
            TargetGroup,
            name=name,
            container_name=target.container,
            container_port=target.port,
            protocol="HTTPS" if target.port == HTTPS_PORT else "HTTP",
            health_check=_http_check(rule.healthcheck or HttpHealthCheck.model_construct(), target.port),
            deregistration_delay=_delay(rule),
            stickiness=bool(rule.stickiness),
            **optional,
        )

    def _rules(self, group: str, path: str, rule: RoutingRule) -> list[ListenerRule]:
        """One rule on the HTTP listener; with HTTPS one there, and on HTTP a redirect to it."""
        forward = make(Forward, target_groups=[make(WeightedTargetGroup, target_group=group)])
        if not self._context.surroundings.https:
            return [self._rule("HTTP", group, path, rule, forward)]
        # Behind an existing load balancer Copilot redirects, whatever the manifest says.
        redirects = self._internal or self._imported or rule.redirect_to_https is not False
        redirect = make(Redirect, status_code=301, protocol="HTTPS", port=str(HTTPS_PORT))
        return [
            self._rule("HTTP", group, path, rule, redirect if redirects else forward),
            self._rule("HTTPS", group, path, rule, forward),
        ]

    def _rule(
        self, listener: Literal["HTTP", "HTTPS"], group: str, path: str, rule: RoutingRule, action: Action
    ) -> ListenerRule:
        root, paths = path_patterns(rule.path)
        conditions: list[Condition] = []
        if rule.allowed_source_ips:
            conditions.append(make(SourceIp, values=[str(block) for block in rule.allowed_source_ips]))
        if hosts := self._hosts(rule):
            conditions.append(hosts)
        conditions.append(make(PathPattern, values=paths))
        name = listener.lower() if group == "default" else f"{listener.lower()}-{group}"
        position = self._context.position(f"{path}.path")
        return make(
            ListenerRule,
            name=name,
            listener=listener,
            conditions=conditions,
            action=action,
            root=root,
            position=position,
        )

    def _hosts(self, rule: RoutingRule) -> HostHeader | None:
        """The host names of a rule. Copilot drops aliases where there is no HTTPS."""
        name = self._context.manifest.name
        environment = f"{self._context.environment}.{self._context.app}"
        https = self._context.surroundings.https
        here = self._context.surroundings.here
        if https and rule.alias:
            return make(HostHeader, values=[alias.name for alias in rule.alias], load_balancer_name=here)
        if self._internal:
            return make(HostHeader, values=[f"{name}.{environment}.internal"], load_balancer_name=True)
        if https and self._context.surroundings.domain and not self._imported:
            host = f"{name}.{environment}.{self._context.surroundings.domain}"
            return make(HostHeader, values=[host], load_balancer_name=here)
        return None

    def _network_group(self, name: str, path: str, listener: NlbListener, target: Target) -> TargetGroup:
        protocol = (listener.port.protocol or "tcp").upper()
        self._context.position(f"{path}.healthcheck")
        return make(
            TargetGroup,
            name=name,
            container_name=target.container,
            container_port=target.port,
            # TLS ends at the load balancer.
            protocol="UDP" if protocol == "UDP" else "TCP",
            health_check=_network_check(listener.healthcheck or NlbHealthCheck.model_construct()),
            deregistration_delay=_delay(listener),
            stickiness=bool(listener.stickiness),
        )

    def _listener(self, group: str, path: str, listener: NlbListener) -> NetworkListener:
        named = listener.port.protocol
        protocol: Literal["TCP", "TLS", "UDP"] = "TLS" if named == "tls" else "UDP" if named == "udp" else "TCP"
        return make(
            NetworkListener,
            port=listener.port.number,
            protocol=protocol,
            target_group=group,
            ssl_policy=(listener.ssl_policy or DEFAULT_SSL_POLICY) if protocol == "TLS" else None,
            position=self._context.position(f"{path}.port"),
        )


def path_patterns(path: str) -> tuple[bool, list[str]]:
    """Whether a rule's path is the root, and the patterns it stands for: the path itself, and everything below."""
    normal = path if path.startswith("/") else f"/{path}"
    return (True, ["/*"]) if normal == "/" else (False, [normal, f"{normal}/*"])


def _http_check(check: HttpHealthCheck, target_port: int) -> TargetHealthCheck:
    """Only what the manifest sets is set: the rest is the load balancer's own default."""
    path = check.path or "/"
    set_here: dict[str, Any] = {"path": path if path.startswith("/") else f"/{path}"}
    if HTTPS_PORT in (target_port, check.port):
        # The protocol is the target's unless another port is asked.
        set_here["protocol"] = "HTTPS" if check.port in (None, HTTPS_PORT) else "HTTP"
    if check.port is not None:
        set_here["port"] = check.port
    if check.success_codes is not None:
        set_here["success_codes"] = check.success_codes
    set_here |= _timing(check)
    return make(TargetHealthCheck, **set_here, stated=tuple(set_here))


def _network_check(check: NlbHealthCheck) -> TargetHealthCheck:
    set_here: dict[str, Any] = {"protocol": "TCP", **_timing(check)}
    if check.port is not None:
        set_here["port"] = check.port
    return make(TargetHealthCheck, **set_here, stated=tuple(set_here))


def _timing(check: HttpHealthCheck | NlbHealthCheck) -> dict[str, int]:
    found = {
        "healthy_threshold": check.healthy_threshold,
        "unhealthy_threshold": check.unhealthy_threshold,
        "interval": optional_seconds(check.interval),
        "timeout": optional_seconds(check.timeout),
    }
    return {key: value for key, value in found.items() if value is not None}


def _delay(rule: RoutingRule | NlbListener) -> int:
    return DEFAULT_DEREGISTRATION_DELAY if rule.deregistration_delay is None else seconds(rule.deregistration_delay)


def _grace_period(ports: Ports) -> int:
    """How long failing checks do not count after a task started; one of the two load balancers may say it."""
    for check in (ports.http and ports.http.healthcheck, ports.nlb and ports.nlb.healthcheck):
        if check and check.grace_period is not None:
            return seconds(check.grace_period)
    return DEFAULT_GRACE_PERIOD
