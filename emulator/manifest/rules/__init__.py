"""What a decoded manifest must keep to: Copilot's own validation, what it ignores, and what ECS refuses later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from emulator.manifest.findings.report import Report
from emulator.manifest.rules import app_mesh, containers, messaging, ports, routing, scaling, storage, task
from emulator.manifest.rules.at import At
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.workload import ListeningService, Workload
from emulator.manifest.yaml.nodes import Mapping, Scalar
from emulator.manifest.yaml.scalars import boolean, is_null

if TYPE_CHECKING:
    from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService

_Rule = Callable[[Any, At], None]

# By the name of the block, so that one workload type does not bring the models of all the others along.
_BLOCK_RULES: Final[dict[str, _Rule]] = {
    "Image": containers.image,
    "ImageSource": containers.image_source,
    "ContainerHealthCheck": containers.health_check,
    "Variable": containers.variable,
    "Secret": containers.secret,
    "Exec": containers.exec_,
    "MountPoint": containers.mount_point,
    "Sidecar": containers.sidecar,
    "Logging": containers.logging,
    "Platform": scaling.platform,
    "Count": scaling.count,
    "Range": scaling.range_,
    "QueueDelayTarget": scaling.queue_delay,
    "RoutingRule": routing.routing_rule,
    "Http": routing.http,
    "HttpHealthCheck": routing.http_health_check,
    "NlbListener": routing.nlb_listener,
    "NlbHealthCheck": routing.health_check_limits,
    "Nlb": routing.nlb,
    "Storage": storage.storage,
    "Volume": storage.volume,
    "Efs": storage.efs,
    "Publish": messaging.publish,
    "Topic": messaging.topic,
    "TopicSubscription": messaging.subscription,
    "Subscribe": messaging.subscribe,
    "Queue": messaging.queue,
    "DeadLetter": messaging.dead_letter,
    "FifoQueue": messaging.fifo_queue,
    "Deployment": messaging.deployment,
    "Observability": messaging.observability,
    "Placement": messaging.placement,
    "SecurityGroups": messaging.security_groups,
    "TaskDefinitionOverride": messaging.override,
    "ScheduledJob": messaging.job,
}
_WORKLOAD_RULES: Final[tuple[_Rule, ...]] = (
    task.names,
    task.variables,
    task.words,
    task.dependencies,
    task.connect,
    task.destinations,
    ports.ports,
    scaling.spot_on_arm,
    scaling.task_size,
    storage.windows,
    app_mesh.app_mesh,
)


@cache
def _rules_of(block: type[Block]) -> tuple[_Rule, ...]:
    return tuple(_BLOCK_RULES[kind.__name__] for kind in block.__mro__ if kind.__name__ in _BLOCK_RULES)


def check_block(report: Report, workload: str) -> Callable[[Block, Mapping, str], None]:
    """A function for the decoder: the rules of one block, as soon as it is complete."""

    def check(block: Block, node: Mapping, path: str) -> None:
        if rules := _rules_of(type(block)):
            at = At(report, node, path, workload)
            for rule in rules:
                rule(block, at)

    return check


def check_workload(
    workload: Workload, tree: Mapping, report: Report, volumes: Iterable[str] = (), root: Path | None = None
) -> None:
    """The rules that need the whole workload. `volumes` are names of volumes that patches add; below `root` files are
    looked for."""
    at = At(report, tree, "", workload.type)
    containers.env_file(workload.env_file, at)
    if workload.type == "Load Balanced Web Service":
        _load_balancers(cast("LoadBalancedWebService", workload), tree, at)
    if isinstance(workload, ListeningService) and getattr(workload, "http", None) is None:
        for name in ("requests", "response_time"):
            if getattr(workload.count, name) is not None:
                message = f"{name} is measured by the application load balancer, and http is off"
                at.add("CL130", message, "count", name, hint="give http, or scale on cpu_percentage")
    storage.mount_points(workload, at, volumes)
    for rule in _WORKLOAD_RULES:
        rule(workload, at)
    if root is not None:
        from emulator.manifest.rules.files import files  # for `validate` alone

        files(workload, at, root)


def _load_balancers(service: LoadBalancedWebService, tree: Mapping, at: At) -> None:
    """Copilot: `LoadBalancedWebServiceConfig.validate`."""
    http, nlb = service.http, service.nlb
    image = tree.get("image")
    if service.image.port is None and not (isinstance(image, Mapping) and "port" in image.entries):
        at.add("CL106", "image has no port", "image", hint="give image.port, the port the container listens on")
    value = tree.get("http")
    if value is None or is_null(value):
        at.add("CL106", "the manifest has no http", hint="give http.path, or http: false with an nlb")
    elif nlb is None and isinstance(value, Scalar) and boolean(value) is False:
        at.add(
            "CL106", "neither http nor nlb is on", "http", hint="a service behind no load balancer is a Backend Service"
        )
    if http is not None and nlb is not None:
        both = (http.healthcheck, nlb.healthcheck)
        if all(check is not None and check.grace_period is not None for check in both):
            message = "a service has one grace period, and http.healthcheck gives it too"
            at.add("CL120", message, "nlb", "healthcheck", "grace_period")
