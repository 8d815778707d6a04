"""The variables that Copilot gives every container of a workload, the collector apart, in its order.

Source: Copilot's templates `envvars-common.yml` and `envvars-container.yml`.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.compiler.context import Context
from emulator.compiler.messaging import topic_name, topic_queues
from emulator.compiler.ports import Ports
from emulator.compiler.values import arn, json_text, snake_case
from emulator.ecs.messaging import EVENTS_QUEUE
from emulator.ecs.references import AddonReference, Join, ParameterReference, ResourceReference, Value
from emulator.ecs.task_definition import KeyValuePair
from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.worker_service import WorkerService
from emulator.model import make

PUBLIC_LOAD_BALANCER = "PublicLoadBalancer"
INTERNAL_LOAD_BALANCER = "InternalLoadBalancer"
IMPORTED_LOAD_BALANCER_DNS_NAME = "LoadBalancerDNSName"


def common_variables(context: Context, ports: Ports) -> list[KeyValuePair]:
    """What main container, log router and sidecars all get, before their own variables."""
    found: list[tuple[str, Value]] = [
        ("COPILOT_APPLICATION_NAME", context.app),
        ("COPILOT_SERVICE_DISCOVERY_ENDPOINT", context.discovery_endpoint),
        ("COPILOT_ENVIRONMENT_NAME", context.environment),
        ("COPILOT_SERVICE_NAME", context.manifest.name),
    ]
    found += [
        (snake_case(output), make(AddonReference, name=output))
        for output in sorted(context.surroundings.addons.variables)
    ]
    if topics := _topic_arns(context):
        found.append(("COPILOT_SNS_TOPIC_ARNS", topics))
    if isinstance(context.manifest, WorkerService):
        found.append(("COPILOT_QUEUE_URI", make(ResourceReference, name=EVENTS_QUEUE)))
        if queues := _queue_uris(context.manifest):
            found.append(("COPILOT_TOPIC_QUEUE_URIS", queues))
    if ports.http is not None:
        found.append(("COPILOT_LB_DNS", _load_balancer_name(context, ports)))
    return [make(KeyValuePair, name=name, value=value) for name, value in found]


def mount_points_variable(mounts: Mapping[str, str]) -> list[KeyValuePair]:
    """COPILOT_MOUNT_POINTS of a container: volume to path. It comes after the container's own variables."""
    return [make(KeyValuePair, name="COPILOT_MOUNT_POINTS", value=json_text(mounts))] if mounts else []


def _topic_arns(context: Context) -> Join | None:
    names = sorted({topic_name(topic) for topic in context.manifest.publish.topics})
    if not names:
        return None
    return _json({name: arn("sns", f"{context.prefix}-{name}") for name in names})


def _queue_uris(manifest: WorkerService) -> Join | None:
    queues = {queue.variable_key: queue.resource for queue in topic_queues(manifest)}
    if not queues:
        return None
    return _json({key: make(ResourceReference, name=resource) for key, resource in sorted(queues.items())})


def _json(values: Mapping[str, Value]) -> Join:
    """A JSON map whose values are known where the service runs."""
    parts: list[Value] = []
    for key, value in values.items():
        parts.append((',"' if parts else '{"') + key + '":"')
        parts += value.parts if isinstance(value, Join) else [value]
        parts.append('"')
    return make(Join, parts=(*parts, "}"))


def _load_balancer_name(context: Context, ports: Ports) -> Value:
    internal = isinstance(context.manifest, BackendService)
    named = ports.http.alb if ports.http is not None and not internal else None
    imported = named or context.surroundings.load_balancer
    if imported:
        position = context.position("http.alb") if named else None
        described = f"DNS name of the load balancer {imported}"
        return make(ParameterReference, name=IMPORTED_LOAD_BALANCER_DNS_NAME, description=described, position=position)
    if internal:
        return make(ResourceReference, name=INTERNAL_LOAD_BALANCER, attribute="DNSName")
    return make(ResourceReference, name=PUBLIC_LOAD_BALANCER, attribute="DNSName", position=context.position("http"))
