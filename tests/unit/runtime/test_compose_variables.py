"""What services of a Compose project are told of an environment that is one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emulator.ecs.messaging import Topic
from emulator.engine.interface import Container, ContainerState
from emulator.model import make
from emulator.runtime.listeners import free_port
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.reports.compose_variables import compose_variables, shared_containers
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed
from tests.unit.runtime.world import DEMO, desired_state, make_service

DATABASE = DesiredDatabase(
    key="demo-test-api-AddonsStack/ordersDBCluster",
    program="postgres",
    engine="aurora-postgresql",
    identifier="orders",
    port=5433,
)
NETWORK = "mine_default"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> DesiredState:
    """A service behind the public load balancer, with a topic and a database."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)
    service = make_service(name="api", target=("api", 80)).model_copy(update={"topics": [make(Topic, name="orders")]})
    wanted = desired_state(service)
    wanted.aws_image = "aws:1"
    wanted.databases = [DATABASE]
    return with_ports(wanted, AskedPorts(http=8085), Observed([]), frozenset())


def container(name: str) -> Container:
    addresses = {DEMO.network: "172.30.0.2", NETWORK: "172.40.0.7"}
    return Container(name, name, "image", ContainerState.RUNNING, "Up", {}, datetime.now(UTC), addresses=addresses)


def observed() -> Observed:
    made = Observed([], front=container("front"), aws=container("aws"))
    return replace(made, databases={DATABASE.key: container("db")})


def test_addresses_are_those_of_the_projects_network(state: DesiredState) -> None:
    assert compose_variables(state, observed(), "shop", NETWORK) == {
        "URL": "http://shop",
        "URL_HERE": "http://127.0.0.1:8085",
        "ORDERS_DB_CLUSTER_HOST": "orders",
        "ORDERS_DB_CLUSTER_PORT": "5433",
        "ORDERS_DB_CLUSTER_URL": "postgresql://orders:5433",
        "AWS_ENDPOINT_URL": "http://aws:5000",
        "AWS_ENDPOINT_URL_S3": "http://172.40.0.7:5000",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_service_named_aws_gives_the_variables_that_sdks_read(state: DesiredState) -> None:
    found = compose_variables(state, observed(), "aws", NETWORK)
    assert found["ENDPOINT_URL"] == "http://aws:5000"  # Compose puts AWS_ before it
    assert not [name for name in found if name.startswith("AWS_")]


def test_without_a_network_only_this_machine_reaches_it(state: DesiredState) -> None:
    assert compose_variables(state, observed(), "shop", "") == {"URL_HERE": "http://127.0.0.1:8085"}


def test_load_balancer_endpoint_and_databases_are_shared_by_their_names(state: DesiredState) -> None:
    shared = {one.container.name: list(one.aliases) for one in shared_containers(state, observed(), "shop")}
    assert shared == {"front": ["shop"], "aws": [], "db": ["orders"]}
