"""What UpdateService changes beside the number of tasks: another service for the agent to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.api.clusters import FARGATE_PROVIDERS, Cluster, Clusters
from emulator.api.definitions import Definition
from emulator.api.deployment_configuration import deployment_of
from emulator.api.errors import client_error, invalid, unsupported
from emulator.api.host import Order
from emulator.api.operations.begun import carry_out
from emulator.api.operations.definitions import find_for
from emulator.api.shapes import Request
from emulator.api.translation import images_of, inherited, kept_definition, model_of, with_definition
from emulator.ecs.service import Service
from emulator.runtime.specs.unsupported_features import refuse_on_fargate
from emulator.runtime.state.desired import DesiredService

IMAGES_WITHIN = 50.0
"""Seconds in which images are pulled before an answer; clients wait for 60."""
MOST_GRACE = 2_147_483_647
"""Seconds."""
ECHOED = (
    "networkConfiguration",
    "capacityProviderStrategy",
    "platformVersion",
    "placementConstraints",
    "placementStrategy",
    "serviceRegistries",
    "propagateTags",
    "enableECSManagedTags",
    "availabilityZoneRebalancing",
)
"""What has no effect here, and is given back."""
REFUSED = {
    "serviceConnectConfiguration": "a manifest's `network.connect`",
    "volumeConfigurations": "volumes of EBS, which are not on this machine",
    "vpcLatticeConfigurations": "VPC Lattice, which is not on this machine",
    "monitoring": "CloudWatch, which is not on this machine",
}


def needs_order(clusters: Clusters, cluster: Cluster, name: str, asked: Request) -> bool:
    """Whether an update is more than another number of tasks, or new ones of the same definition."""
    members = asked.keys() - {"cluster", "service", "desiredCount", "forceNewDeployment", "taskDefinition"}
    if members & {"deploymentConfiguration", "enableExecuteCommand", "healthCheckGracePeriodSeconds"}:
        return True
    if any(asked[key] not in ([], {}) for key in members):
        return True
    if "taskDefinition" not in asked:
        return False
    current = cluster.state.services[name]
    definition = find_for(clusters, cluster, asked["taskDefinition"])
    return (definition.family, definition.revision) != (current.service.task_definition.family, current.revision)


def ordered(clusters: Clusters, cluster: Cluster, name: str, asked: Request) -> Callable[[], None]:
    """What carries an update out. Raises `ApiError` for what cannot run here, and for what is missing."""
    current = cluster.state.services[name]
    refuse_members(asked)
    refuse_launch(asked)
    service, definition = changed(current, asked), None
    images: Mapping[str, str] = current.options.images
    private = dict(current.private_names)
    updates: dict[str, object] = {
        "count": int(asked["desiredCount"]) if "desiredCount" in asked else current.count,
        "deployments": current.deployments + bool(asked.get("forceNewDeployment")),
        "echoed": {**current.echoed, **{key: asked[key] for key in ECHOED if key in asked}},
        **{key: getattr(current, key) for key in ("revision", "registered", "from_api", "known_names")},
    }
    if "taskDefinition" in asked:
        definition = find_for(clusters, cluster, asked["taskDefinition"])
        refuse_inactive(definition)
        refuse_other_than_fargate(definition)
        model = model_of(definition, current)
        service = with_definition(service, model)
        images, private = images_of(definition, model, current), inherited(model, current)
        updates |= {"revision": definition.revision, "registered": True, "known_names": None}
        check(service)
        if not current.registered:
            clusters.definitions.keep(kept_definition(current))
    options = current.options
    order = Order(cluster.agent.names, service, options.region, updates, images, private, options.timing)
    return carry_out(lambda: clusters.host.prepared(order))


def refuse_members(asked: Request) -> None:
    """Raises `ApiError` for what an update or a creation asks for and this machine does not have, or ECS refuses."""
    for key, why in REFUSED.items():
        if asked.get(key):
            raise unsupported(f"{key} is not taken here: {why}")
    if not 0 <= asked.get("healthCheckGracePeriodSeconds", 0) <= MOST_GRACE:
        raise invalid(f"healthCheckGracePeriodSeconds must be between 0 and {MOST_GRACE}.")
    controller = asked.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        raise unsupported(f"the deployment controller {controller} is not on this machine: use ECS")


def refuse_launch(asked: Request) -> None:
    """Raises `ApiError` for capacity that is not on this machine."""
    launch, strategy = asked.get("launchType"), asked.get("capacityProviderStrategy")
    if launch not in (None, "FARGATE"):
        raise unsupported(f"the launch type {launch} is not on this machine: use FARGATE")
    for one in strategy or ():
        if one["capacityProvider"] not in FARGATE_PROVIDERS:
            raise unsupported(
                f"the capacity provider {one['capacityProvider']} is not on this machine: use FARGATE or FARGATE_SPOT"
            )


def changed(current: DesiredService, asked: Request) -> Service:
    """The service with the members that an update changes, but for its task definition."""
    service = current.service
    if asked.get("loadBalancers"):
        raise unsupported("UpdateService does not change loadBalancers here: change the manifest")
    update: dict[str, object] = {}
    if "deploymentConfiguration" in asked:
        update["deployment"] = deployment_of(asked["deploymentConfiguration"], service.deployment)
    if "enableExecuteCommand" in asked:
        update["execute_command"] = asked["enableExecuteCommand"]
    if "healthCheckGracePeriodSeconds" in asked:
        update["health_check_grace_period"] = asked["healthCheckGracePeriodSeconds"]
    return service.model_copy(update=update)


def refuse_inactive(definition: Definition) -> None:
    """Raises `ApiError` for a revision that new tasks are not made of."""
    if definition.status != "ACTIVE":
        raise client_error("TaskDefinition is inactive")


def refuse_other_than_fargate(definition: Definition) -> None:
    """Raises `ApiError` for a task definition that ECS does not run on Fargate."""
    if "FARGATE" not in definition.described()["compatibilities"]:
        raise invalid(
            "Task definition does not support launch_type FARGATE. (It needs requiresCompatibilities FARGATE, or "
            "networkMode awsvpc with cpu and memory.)"
        )


def check(service: Service) -> None:
    """Raises `ApiError` for what Fargate refuses to run."""
    carry_out(lambda: refuse_on_fargate(service, ecs_limits=False))
