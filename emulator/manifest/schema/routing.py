"""`http` and `nlb`: what the load balancers send to the service."""

from datetime import timedelta
from typing import Annotated

from emulator.manifest.schema.base import INT64, UINT16, Block, Key, OneOrMany
from emulator.manifest.schema.notations.values import Network, Port


class HttpHealthCheck(Block):
    """The target group's health check: text is its path, or a map. Fields left out have ELB's defaults."""

    short = "path"
    union = True

    path: Annotated[str | None, Key(default="/")] = None
    """The path requested."""
    port: Annotated[int | None, INT64] = None
    """The port asked; default: the port that gets the traffic."""
    success_codes: Annotated[str | None, Key(default='"200"')] = None
    """Status codes that mean healthy: `200`, `200,301`, `200-299`."""
    healthy_threshold: Annotated[int | None, INT64, Key(default="5")] = None
    """Successes in a row until healthy."""
    unhealthy_threshold: Annotated[int | None, INT64, Key(default="2")] = None
    """Failures in a row until unhealthy."""
    timeout: Annotated[timedelta | None, Key(default="5s")] = None
    """How long an answer may take."""
    interval: Annotated[timedelta | None, Key(default="30s")] = None
    """Time between two checks."""
    grace_period: Annotated[timedelta | None, Key(default="60s")] = None
    """How long ECS ignores failing checks after a task has started. Main rule only."""


class Alias(Block):
    """A domain name of the service: text, or `{name, hosted_zone}`."""

    short = "name"

    name: str
    """The domain name."""
    hosted_zone: str | None = None
    """The id of the hosted zone the record is put into."""


class RoutingRule(Block):
    """One listener rule. Source: Copilot, `RoutingRule` in internal/pkg/manifest/http.go."""

    path: str
    """Requests to this path and below are forwarded. As written; `/` and a missing leading slash are the renderer's."""
    healthcheck: HttpHealthCheck | None = None
    """A path, or a map."""
    version: str | None = None
    """`http1`, `http2` or `grpc`, lower-case here; None: HTTP/1.1."""
    stickiness: Annotated[bool | None, Key(default="false")] = None
    """Whether a client stays with one task, by cookie."""
    alias: Annotated[list[Alias], OneOrMany()] = []
    """Domain names: text, a list of texts, or a list of maps."""
    hosted_zone: str | None = None
    """The hosted zone of all aliases of this rule."""
    deregistration_delay: Annotated[timedelta | None, Key(default="60s")] = None
    """How long a leaving task may finish its requests."""
    target_container: Annotated[str | None, Key(legacy=("targetContainer",))] = None
    """The container that gets the traffic; default: the main one."""
    target_port: Annotated[int | None, UINT16] = None
    """The port that gets the traffic; default: the container's own."""
    allowed_source_ips: list[Network] = []
    """CIDR blocks that may send requests; empty: everybody."""
    redirect_to_https: Annotated[bool | None, Key(default="true")] = None
    """Whether HTTP requests are redirected, where there is HTTPS."""


class Http(RoutingRule):
    """The application load balancer: the main rule, and further ones. In a Load Balanced Web Service `false` switches
    it off, which is None here."""

    switch = True
    swallows = True

    alb: str | None = None
    """ARN or name of an existing load balancer (Load Balanced Web Service only)."""
    additional_rules: list[RoutingRule] = []
    """Further listener rules."""


class NlbHealthCheck(Block):
    """The network load balancer's health check."""

    port: Annotated[int | None, INT64] = None
    """The port asked; default: the target port."""
    healthy_threshold: Annotated[int | None, INT64] = None
    """Successes in a row until healthy."""
    unhealthy_threshold: Annotated[int | None, INT64] = None
    """Failures in a row until unhealthy."""
    timeout: timedelta | None = None
    """How long an answer may take."""
    interval: timedelta | None = None
    """Time between two checks."""
    grace_period: Annotated[timedelta | None, Key(default="60s")] = None
    """How long ECS ignores failing checks after a task has started."""


class NlbListener(Block):
    """One listener of the network load balancer. Source: Copilot, `NetworkLoadBalancerListener`."""

    port: Port
    """`80`, `443/tls`, `53/udp`; default protocol tcp. Required."""
    healthcheck: NlbHealthCheck | None = None
    """The target group's health check."""
    target_container: str | None = None
    """The container that gets the traffic; default: the main one."""
    target_port: Annotated[int | None, INT64] = None
    """The port that gets the traffic; default: the listener's port."""
    ssl_policy: Annotated[str | None, Key(default="ELBSecurityPolicy-TLS13-1-2-2021-06")] = None
    """The TLS policy of a TLS listener."""
    stickiness: bool | None = None
    """Whether a client stays with one task, by address."""
    deregistration_delay: Annotated[timedelta | None, Key(default="60s")] = None
    """How long a leaving task may finish its connections."""


class Nlb(NlbListener):
    """The network load balancer: the main listener, and further ones."""

    alias: Annotated[list[Alias], OneOrMany()] = []
    """Domain names; no hosted zones here."""
    additional_listeners: list[NlbListener] = []
    """Further listeners."""
