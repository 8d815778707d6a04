"""A service: its task definition and what surrounds it when it is deployed. This is the pivot of the whole tool.

The compiler makes it, every renderer prints it, the runtime runs it. Nothing here is local to a machine.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from emulator.ecs.addons.model import Addons, TemplatePatch
from emulator.ecs.deployment import CapacityProvider, Deployment, Scaling
from emulator.ecs.job import JobSchedule, ManagedFileSystem
from emulator.ecs.messaging import Queue, Subscription, Topic
from emulator.ecs.network import LoadBalancer, Network, ServiceConnect, ServiceDiscovery
from emulator.ecs.references import AddonReference
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import Position
from emulator.model import Model


class Build(Model):
    """How an image is built. Paths are relative to the workspace root."""

    context: str
    dockerfile: str
    target: str | None = None
    args: dict[str, str] = {}
    cache_from: list[str] = []
    position: Position | None = None


class TargetHealthCheck(Model):
    """How a load balancer checks a target. Times in seconds; the defaults are Elastic Load Balancing's for an ALB."""

    path: str = "/"
    port: int | None = None
    """None: the port that receives traffic."""
    protocol: Literal["HTTP", "HTTPS", "TCP"] = "HTTP"
    success_codes: str = "200"
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    interval: int = 30
    timeout: int = 5
    stated: tuple[str, ...] = ()
    """The attributes that were asked for. A renderer leaves the others to the load balancer."""


class TargetGroup(Model):
    """Targets of one port of one container: one target a task."""

    name: str
    """Unique within the service: `default`, then `1`, `2`, … in the order of the rules."""
    container_name: str
    container_port: int
    protocol: Literal["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"] = "HTTP"
    protocol_version: Literal["HTTP1", "HTTP2", "GRPC"] = "HTTP1"
    protocol_version_stated: bool = False
    """It was asked for. A renderer leaves the default to the load balancer."""
    health_check: TargetHealthCheck = Field(default_factory=TargetHealthCheck.model_construct)
    deregistration_delay: int = 60
    stickiness: bool = False


class PathPattern(Model):
    """Matches the path of a request; any of the patterns. `*` is any text, `?` one character; case counts.

    `regex_values` are regular expressions that are searched for in the path; one of either kind is enough.
    """

    field: Literal["path-pattern"] = "path-pattern"
    values: list[str] = []
    regex_values: list[str] = []


class HostHeader(Model):
    """Matches the host name of a request; any of the patterns or regular expressions, case-insensitive, without the
    port.

    `load_balancer_name`: the load balancer's own DNS name matches too, which only a deployment knows.
    """

    field: Literal["host-header"] = "host-header"
    values: list[str] = []
    regex_values: list[str] = []
    load_balancer_name: bool = False


class HttpHeader(Model):
    """Matches a header of a request; any of the patterns or regular expressions, case-insensitive."""

    field: Literal["http-header"] = "http-header"
    name: str
    values: list[str] = []
    regex_values: list[str] = []


class HttpRequestMethod(Model):
    """Matches the method of a request, exactly."""

    field: Literal["http-request-method"] = "http-request-method"
    values: list[str]


class QueryString(Model):
    """Matches key/value pairs of the query; an empty key is any key."""

    field: Literal["query-string"] = "query-string"
    values: list[tuple[str, str]]


class SourceIp(Model):
    """Matches the address of the peer; any of the CIDR blocks."""

    field: Literal["source-ip"] = "source-ip"
    values: list[str]


Condition: TypeAlias = Annotated[
    PathPattern | HostHeader | HttpHeader | HttpRequestMethod | QueryString | SourceIp,
    Field(discriminator="field"),
]
"""What a rule looks at; `field` is what the API of Elastic Load Balancing calls it."""


class WeightedTargetGroup(Model):
    """A target group with its share of the requests, 0 to 999."""

    target_group: str
    weight: int = 1


class Forward(Model):
    """Sends the request to a target group, or to several by weight."""

    type: Literal["forward"] = "forward"
    target_groups: list[WeightedTargetGroup]
    stickiness_duration: int | None = None


class Redirect(Model):
    """Answers with a redirect; `#{protocol}`, `#{host}`, `#{port}`, `#{path}`, `#{query}` are the request's own."""

    type: Literal["redirect"] = "redirect"
    status_code: Literal[301, 302] = 301
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


class FixedResponse(Model):
    """Answers by itself."""

    type: Literal["fixed-response"] = "fixed-response"
    status_code: int
    content_type: str | None = None
    message_body: str | None = None


Action: TypeAlias = Annotated[Forward | Redirect | FixedResponse, Field(discriminator="type")]
"""What a rule does; `type` is what the API of Elastic Load Balancing calls it."""


class Rewrite(Model):
    """What a transform does: the first match of `regex` becomes `replace`, in which `$1` to `$9` are its groups."""

    regex: str
    replace: str


TransformType: TypeAlias = Literal["url-rewrite", "host-header-rewrite"]


class Transform(Model):
    """Changes a request on its way to the target, after the rule was chosen.

    `url-rewrite`: path and query. `host-header-rewrite`: the host name, case-insensitive. A load balancer takes one of
    each type in a rule, with one rewrite.
    """

    type: TransformType
    rewrites: list[Rewrite]


class JwtClaim(Model):
    """A claim that a token needs, with one of these values."""

    name: str
    format: Literal["single-string", "string-array", "space-separated-values"]
    values: list[str]


class JwtValidation(Model):
    """What the token of a request has to be, before the rule's action. Source: the elbv2 API, JwtValidationConfig."""

    jwks_endpoint: str
    issuer: str
    claims: list[JwtClaim] = []


class ListenerRule(Model):
    """One rule of the environment's load balancer.

    `root` rules (path `/`) come after all others, as Copilot's rule priority does; `priority` is fixed only where
    plain ECS input says so.
    """

    name: str
    listener: Literal["HTTP", "HTTPS"] = "HTTP"
    conditions: list[Condition]
    action: Action
    transforms: list[Transform] = []
    jwt: JwtValidation | None = None
    root: bool = False
    priority: int | None = None
    position: Position | None = None
    patches: dict[str, Position] = {}
    """Where patches changed it: `Conditions.0` or `Transforms` to the line of the patch."""

    def position_of(self, *path: str | int) -> Position | None:
        """Where a part of the rule comes from (`"Conditions", 0`): the patch that wrote it, else the manifest."""
        steps = [str(step) for step in path]
        for length in range(len(steps), 0, -1):
            if found := self.patches.get(".".join(steps[:length])):
                return found
        return self.position


class NetworkListener(Model):
    """A listener of a network load balancer."""

    port: int
    protocol: Literal["TCP", "TLS", "UDP"]
    target_group: str
    ssl_policy: str | None = None
    position: Position | None = None


class LogGroup(Model):
    """The log group of the service; retention in days."""

    name: str
    retention_in_days: int = 30


class Service(Model):
    """One workload of one environment, ready to run or to render."""

    app: str
    environment: str
    name: str
    type: str
    """The manifest's type, such as `Load Balanced Web Service`."""
    task_definition: TaskDefinition
    main_container: str
    desired_count: int = 1
    builds: dict[str, Build] = {}
    """How to build the images of those containers whose image is an `ImageReference`."""
    target_groups: list[TargetGroup] = []
    listener_rules: list[ListenerRule] = []
    network_listeners: list[NetworkListener] = []
    health_check_grace_period: int = 60
    load_balancer: LoadBalancer | None = None
    network_load_balancer: LoadBalancer | None = None
    network: Network = Field(default_factory=Network.model_construct)
    discovery: ServiceDiscovery | None = None
    connect: ServiceConnect | None = None
    deployment: Deployment = Field(default_factory=Deployment.model_construct)
    capacity_providers: list[CapacityProvider] = []
    """Empty: all tasks on Fargate."""
    scaling: Scaling | None = None
    execute_command: bool = False
    schedule: JobSchedule | None = None
    """Of a job, which has no service: its tasks run at times."""
    topics: list[Topic] = []
    queues: list[Queue] = []
    subscriptions: list[Subscription] = []
    managed_file_system: ManagedFileSystem | None = None
    task_role_policies: list[AddonReference] = []
    """Addon outputs that are managed policies of the task role."""
    addons: Addons | None = None
    environment_addons: Addons | None = None
    """The addon templates of its environment, which all services of it share."""
    template_patches: list[TemplatePatch] = []
    """Changes that a renderer of templates applies to its finished template."""
    log_group: LogGroup
    manifest: str = ""
    """The manifest's path, for messages."""
    positions: dict[str, Position] = {}
    """Manifest path (`http.path`, `sidecars.nginx.port`) to where it stands."""

    def target_group(self, name: str) -> TargetGroup:
        """The target group of that name; KeyError if there is none."""
        for group in self.target_groups:
            if group.name == name:
                return group
        raise KeyError(name)
