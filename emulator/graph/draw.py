"""Draws services: who is asked by whom, in which order containers start, and where lines and messages go."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.messaging import queue_name
from emulator.ecs.service import Forward, Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.frontdoor.routing.export import condition_text
from emulator.graph.parts import Graph, Kind, Line

FIRELENS = "awsfirelens"
_LONGEST_LABEL = 60


def draw(services: Sequence[Service], title: str) -> Graph:
    """The picture of these services of one environment.

    Rules that answer by themselves (redirects, fixed responses) are not in it: no container sees their requests.
    """
    graph = Graph(title)
    for service in services:
        graph.groups[service.name] = f"{service.name} ({service.type})"
        _containers(graph, service)
        _routes(graph, service)
        _logs(graph, service)
        _messages(graph, service)
        _resources(graph, service)
    return graph


def _id(service: Service, container: str) -> str:
    return f"{service.name}/{container}"


def _containers(graph: Graph, service: Service) -> None:
    for container in service.task_definition.container_definitions:
        router = container.firelens_configuration is not None
        mapped = [f"{one.container_port}/{one.protocol}" for one in container.port_mappings if one.container_port]
        graph.add(
            _id(service, container.name),
            Kind.ROUTER if router else Kind.CONTAINER,
            container.name,
            _image(service, container),
            ", ".join(dict.fromkeys(mapped)),
            "" if container.essential else "not essential",
            group=service.name,
        )
    for container in service.task_definition.container_definitions:
        for dependency in container.depends_on:
            after = _id(service, dependency.container_name)
            graph.connect(_id(service, container.name), after, Line.ORDER, f"after {dependency.condition}")


def _image(service: Service, container: ContainerDefinition) -> str:
    if container.name in service.builds:
        return f"built from {service.builds[container.name].dockerfile}"
    return container.image if isinstance(container.image, str) else "an image that the deployment gives"


def _routes(graph: Graph, service: Service) -> None:
    places = {group.name: group for group in service.target_groups}
    for rule in service.listener_rules:
        if not isinstance(rule.action, Forward):
            continue
        balancer = _balancer(graph, service.load_balancer is not None and service.load_balancer.scheme == "internal")
        conditions = " and ".join(condition_text(condition) for condition in rule.conditions) or "everything"
        for target in rule.action.target_groups:
            group = places[target.target_group]
            weight = f", weight {target.weight}" if len(rule.action.target_groups) > 1 else ""
            label = f"{rule.listener} {_short(conditions)} to {group.container_port}{weight}"
            graph.connect(balancer, _id(service, group.container_name), Line.REQUEST, label)
    for listener in service.network_listeners:
        group = places[listener.target_group]
        graph.add("client", Kind.CLIENT, "client")
        graph.add("network load balancer", Kind.BALANCER, "network load balancer")
        graph.connect("client", "network load balancer", Line.REQUEST)
        label = f"{listener.protocol} {listener.port} to {group.container_port}"
        graph.connect("network load balancer", _id(service, group.container_name), Line.REQUEST, label)


def _balancer(graph: Graph, internal: bool) -> str:
    if internal:
        return graph.add("internal load balancer", Kind.BALANCER, "internal load balancer")
    graph.add("client", Kind.CLIENT, "client")
    graph.add("load balancer", Kind.BALANCER, "load balancer")
    graph.connect("client", "load balancer", Line.REQUEST)
    return "load balancer"


def _logs(graph: Graph, service: Service) -> None:
    containers = service.task_definition.container_definitions
    router = next((one.name for one in containers if one.firelens_configuration is not None), None)
    for container in containers:
        configuration = container.log_configuration
        if configuration is None:
            continue
        source = _id(service, container.name)
        if configuration.log_driver == FIRELENS and router is not None:
            graph.connect(source, _id(service, router), Line.LOGS, "stdout, stderr")
            name = _destination(graph, container)
            graph.connect(_id(service, router), name, Line.LOGS, f"{container.name}-firelens-*")
        elif configuration.log_driver != FIRELENS:
            group = configuration.options.get("awslogs-group", "")
            name = graph.add(
                f"{configuration.log_driver} {group}", Kind.DESTINATION, configuration.log_driver, str(group)
            )
            graph.connect(source, name, Line.LOGS, "stdout, stderr")


def _destination(graph: Graph, container: ContainerDefinition) -> str:
    """The output that the options of a container's log driver make; without a name the router's own file has it."""
    assert container.log_configuration is not None
    options = {key.lower(): str(value) for key, value in container.log_configuration.options.items()}
    plugin = options.get("name", "")
    if not plugin:
        return graph.add("outputs of the router", Kind.DESTINATION, "the router's own outputs")
    where = next((options[key] for key in _WHERE if key in options), "")
    return graph.add(f"{plugin} {where}", Kind.DESTINATION, plugin, where)


_WHERE = ("log_group_name", "delivery_stream", "stream", "bucket", "host", "endpoint")
"""Options of outputs that say where records go."""


def _messages(graph: Graph, service: Service) -> None:
    main = _id(service, service.main_container)
    for topic in service.topics:
        name = graph.add(f"topic {service.name}/{topic.name}", Kind.TOPIC, topic.name, f"topic of {service.name}")
        graph.connect(main, name, Line.MESSAGES, "publishes")
    for resource, queue in {queue.resource: queue for queue in service.queues}.items():
        name = queue_name(service.app, service.environment, service.name, queue)
        tries = f"dead letters after {queue.dead_letter_tries}" if queue.dead_letter_tries else ""
        graph.add(f"queue {service.name}/{resource}", Kind.QUEUE, name, f"queue of {service.name}", tries)
        graph.connect(f"queue {service.name}/{resource}", main, Line.MESSAGES, "receives")
    for subscription in service.subscriptions:
        topic_of = f"topic {subscription.service}/{subscription.topic}"
        graph.add(topic_of, Kind.TOPIC, subscription.topic, f"topic of {subscription.service}")
        label = "filtered" if subscription.filter_policy else ""
        graph.connect(topic_of, f"queue {service.name}/{subscription.queue}", Line.MESSAGES, label)


def _resources(graph: Graph, service: Service) -> None:
    """What its addon templates make, in one box, without what only joins or permits."""
    if service.addons is None:
        return
    lines = []
    for logical, resource in service.addons.section("Resources").items():
        kind = str(resource.get("Type", "")) if isinstance(resource, dict) else ""
        if kind and not kind.startswith(_JOINS) and not kind.endswith(_PARTS):
            lines.append(f"{logical}: {kind.removeprefix('AWS::')}")
    if lines:
        name = graph.add(f"addons {service.name}", Kind.RESOURCE, f"addons of {service.name}", *lines)
        graph.connect(_id(service, service.main_container), name, Line.USE)


_JOINS = ("AWS::IAM::", "AWS::EC2::")
_PARTS = ("Policy", "Permission", "Attachment", "SubnetGroup", "ParameterGroup", "Mapping", "Subscription")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
