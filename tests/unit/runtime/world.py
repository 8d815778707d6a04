"""Environments to plan for, as data: services, what runs, and the plan's text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from emulator.ecs.network import LoadBalancer, ServiceConnect
from emulator.ecs.service import (
    Condition,
    Forward,
    HostHeader,
    ListenerRule,
    LogGroup,
    PathPattern,
    Service,
    TargetGroup,
    WeightedTargetGroup,
)
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import Container, ContainerState, PublishedPort
from emulator.engine.labels import present_labels
from emulator.frontdoor.balancers import Balancer
from emulator.model import from_plain
from emulator.runtime.planning.reconcile import Reconciled, reconcile
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.load_balancer import front_spec, front_specs
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.specs.udp_relay import udp_relay_spec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, sort_containers
from emulator.runtime.state.operations import Plan
from emulator.settings import LocalOptions, TimeSettings

DEMO = Names("demo", "test")
ROOT = "/var/lib/docker"
PAUSE, FRONT, AGENT = "pause:1", "front:1", "agent:1"
BORN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROUTER: dict[str, Any] = {"image": "router:1", "firelensConfiguration": {"type": "fluentbit"}}
ROUTED: dict[str, Any] = {"logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "cloudwatch"}}}

Containers = Mapping[str, Mapping[str, Any]]
ExitOrState = str | int | None


def make_service(
    containers: Containers | None = None,
    *,
    name: str = "hello",
    count: int = 1,
    target: tuple[str, int] | None = None,
    type: str = "Load Balanced Web Service",
    internal: bool = False,
    **definition: Any,
) -> Service:
    """A service of app `demo`, environment `test`. Without `containers` it has one, of its own name; `target` is the
    container and port that the load balancer (`internal`: that one) forwards `/` to. Images are `<container>:1` unless
    given."""
    containers = containers if containers is not None else {name: {}}
    task = {
        "family": f"demo-test-{name}",
        "networkMode": "awsvpc",
        "containerDefinitions": [
            {"name": container, "image": f"{container}:1", **fields} for container, fields in containers.items()
        ],
        **definition,
    }
    groups, rules = [], []
    if target is not None:
        groups = [TargetGroup(name="default", container_name=target[0], container_port=target[1])]
        forward = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
        conditions: list[Condition] = [PathPattern(values=["/*"])]
        if internal:
            conditions.append(HostHeader(values=[f"{name}.test.demo.internal"], load_balancer_name=True))
        rules = [ListenerRule(name="default", conditions=conditions, action=forward)]
    return Service(
        app="demo",
        environment="test",
        name=name,
        type=type,
        task_definition=from_plain(TaskDefinition, task),
        main_container=name,
        desired_count=count,
        target_groups=groups,
        listener_rules=rules,
        load_balancer=LoadBalancer(scheme="internal") if internal else None,
        log_group=LogGroup(name=f"/copilot/demo-test-{name}"),
    )


def connected(name: str, *, serves: str = "", **options: Any) -> Service:
    """A service with Service Connect: a client, and behind the name `serves` if it has one."""
    connect = ServiceConnect(namespace="test.demo.local", dns_name=serves or None, port=8080 if serves else None)
    return make_service(name=name, type="Backend Service", **options).model_copy(update={"connect": connect})


def nginx_sidecar() -> Service:
    """The shape of the published example with nginx in front of the main container."""
    return make_service({"hello": {}, "nginx": {}}, target=("nginx", 80))


def firelens() -> Service:
    """The shape of the published example that logs through FireLens."""
    return make_service({"hello": ROUTED, "firelens_log_router": ROUTER}, target=("hello", 3000))


def desired_state(*services: Service, port: int = 8080, time: TimeSettings | None = None) -> DesiredState:
    """What should run, with images that are local already."""
    options = LocalOptions(time=time or TimeSettings())
    return DesiredState(
        app="demo",
        environment="test",
        services={service.name: DesiredService(service=service, options=options) for service in services},
        front_port=port,
        pause_image=PAUSE,
        front_image=FRONT,
        agent_image=AGENT,
    )


class World:
    """An environment to plan for: what should run, and what a listing would show."""

    def __init__(self, *services: Service, port: int = 8080) -> None:
        self.state = desired_state(*services, port=port)
        self.factory = TaskFactory(self.state, Private(), ROOT)
        self.containers: list[Container] = []
        self._made = 0

    def runs_task(
        self,
        service: str = "hello",
        states: Mapping[str, ExitOrState] = MappingProxyType({}),
        *,
        state: DesiredState | None = None,
    ) -> str:
        """A task of the service runs; returns its id. `states` by container (`pause` too): a state, the code it exited
        with, or None where it is not there. `state`: it was started when that was desired."""
        self._made += 1
        task_id = f"{self._made:08x}" * 4
        factory = TaskFactory(state or self.state, Private(), ROOT)
        task = factory.task(factory.state.services[service], task_id)
        for name, spec in [("pause", task.pause), *((m.definition.name, m.spec) for m in task.members)]:
            found = states.get(name, "running")
            if found is None:
                continue
            code = found if isinstance(found, int) else None
            self._add(spec.name, spec.labels, "exited" if isinstance(found, int) else found, code)
        return task_id

    def runs_front(self, *, state: str = "running", port: int = 8080) -> None:
        """The front runs, published on that port."""
        front = front_spec(self.state.model_copy(update={"front_port": port}))
        labels = front.labels if front else {**DEMO.labels(Role.FRONT), names.CONFIG_HASH: "front:1@8080"}
        self._add(DEMO.front, labels, state, None, (PublishedPort(8080, port),))

    def runs_internal_front(self) -> None:
        """The internal load balancer runs."""
        front = front_spec(self.state, Balancer.INTERNAL)
        assert front is not None
        self._add(DEMO.internal_front, front.labels, "running", None)

    def runs_udp_relay(self) -> None:
        """The relay for datagrams runs."""
        relay = udp_relay_spec(self.state)
        assert relay is not None
        self._add(DEMO.udp_relay, relay.labels, "running", None)

    def runs_aws(self, state: DesiredState) -> None:
        """The local AWS endpoint of that state runs."""
        spec = aws_spec(state)
        assert spec is not None
        self._add(DEMO.aws, spec.labels, "running", None)

    def _add(
        self, name: str, labels: Mapping[str, str], state: str, code: int | None, ports: Sequence[PublishedPort] = ()
    ) -> None:
        number = len(self.containers) + 1
        self.containers.append(
            Container(
                id=f"{number:064x}",
                name=name,
                image="any:1",
                state=ContainerState(state),
                status="",
                labels=present_labels(labels),
                created=BORN + timedelta(seconds=number),
                exit_code=code,
                addresses={DEMO.network: f"172.30.0.{number}"},
                ports=tuple(ports),
            )
        )

    @property
    def observed(self) -> Observed:
        return sort_containers(self.containers)

    def reconcile(self, **options: Any) -> Reconciled:
        """The plan; new tasks are numbered `n1`, `n2`, …"""
        numbers = iter(range(1, 100))
        return reconcile(
            self.factory,
            self.observed,
            front_specs(self.state),
            network_exists=options.pop("network_exists", True),
            new_id=lambda: f"new-{next(numbers):04}".ljust(32, "0"),
            **options,
        )


def text_of(plan: Plan) -> str:
    """The plan's text without what all names of the environment begin with."""
    return str(plan).replace(f"{DEMO.prefix}-", "")


def lines(text: str) -> str:
    """A text block of a test as plain lines."""
    return textwrap.dedent(text).strip()
