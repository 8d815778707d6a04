"""CreateService: which names and numbers it takes, and when a service that is there is the one that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.conftest import Api, in_threads
from tests.unit.api.test_ecs import CLUSTER, INVALID, refused

WANTED: dict[str, Any] = {"cluster": CLUSTER, "serviceName": "s", "taskDefinition": "demo-test-hello"}
NOT_THE_SAME = (INVALID, "Creation of service was not idempotent.")


@pytest.fixture(params=[CLUSTER, "own"])
def wanted(request: pytest.FixtureRequest, api: Api) -> dict[str, Any]:
    """A service of an environment's cluster, and of one that CreateCluster made."""
    in_threads(api)
    if request.param != CLUSTER:
        api.client().create_cluster(clusterName=request.param)
    return {**WANTED, "cluster": request.param, "desiredCount": 0}


@pytest.mark.parametrize("name", ["", "a/hello", "a b", "a.b", "ü", "x" * 256])
def test_a_name_that_ecs_does_not_take(api: Api, wanted: dict[str, Any], name: str) -> None:
    ecs = api.client()
    code, message = refused(lambda: ecs.create_service(**{**wanted, "serviceName": name}))
    words = "serviceName must have 1 to 255 characters, of letters, digits, hyphens and underscores."
    assert (code, message) == (INVALID, words)
    [found] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
    assert found["serviceArn"].endswith(":service/demo-test/hello"), "no other one stands in for it"


@pytest.mark.parametrize(
    ("least", "most"),
    [(500, 200), (-1, 200), (0, 1), (100, 100)],
)
def test_shares_of_tasks_that_ecs_does_not_take(api: Api, wanted: dict[str, Any], least: int, most: int) -> None:
    ecs, wrong = api.client(), {"minimumHealthyPercent": least, "maximumPercent": most}
    assert refused(lambda: ecs.create_service(**wanted, deploymentConfiguration=wrong))[0] == INVALID
    assert ecs.describe_services(cluster=wanted["cluster"], services=["s"])["services"] == []
    ecs.create_service(**wanted)
    asked = {"cluster": wanted["cluster"], "service": "s", "deploymentConfiguration": wrong}
    assert refused(lambda: ecs.update_service(**asked))[0] == INVALID


def test_a_daemon_may_have_one_task_an_instance(api: Api) -> None:
    ecs = api.client()
    ecs.create_cluster(clusterName="own")
    one = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    asked = {**WANTED, "cluster": "own", "schedulingStrategy": "DAEMON", "deploymentConfiguration": one}
    assert ecs.create_service(**asked)["service"]["deploymentConfiguration"]["maximumPercent"] == 100


def test_shares_that_are_not_named_stay(api: Api, wanted: dict[str, Any]) -> None:
    ecs = api.client()
    ecs.create_service(**wanted, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    asked = {"cluster": wanted["cluster"], "service": "s", "deploymentConfiguration": {"maximumPercent": 300}}
    found = ecs.update_service(**asked)["service"]["deploymentConfiguration"]
    assert (found["minimumHealthyPercent"], found["maximumPercent"]) == (50, 300)


@pytest.mark.parametrize(
    "more",
    [
        {"enableExecuteCommand": True},
        {"desiredCount": 1},
        {"healthCheckGracePeriodSeconds": 5},
        {"deploymentConfiguration": {"minimumHealthyPercent": 50}},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
    ],
)
def test_another_request_for_one_name_is_not_idempotent(api: Api, wanted: dict[str, Any], more: dict[str, Any]) -> None:
    ecs = api.client()
    made = ecs.create_service(**wanted)["service"]
    assert ecs.create_service(**wanted)["service"]["serviceArn"] == made["serviceArn"]
    assert refused(lambda: ecs.create_service(**{**wanted, **more})) == NOT_THE_SAME


def test_the_same_request_is_idempotent_with_all_that_it_names(api: Api, wanted: dict[str, Any]) -> None:
    ecs = api.client()
    more = {
        "enableExecuteCommand": True,
        "healthCheckGracePeriodSeconds": 5,
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
        "tags": [{"key": "a", "value": "b"}],
    }
    made, again = (ecs.create_service(**wanted, **more)["service"] for _ in range(2))
    assert (again["serviceArn"], again["enableExecuteCommand"]) == (made["serviceArn"], True)
    assert refused(lambda: ecs.create_service(**wanted)) == NOT_THE_SAME


def test_a_manifests_service_is_not_what_a_creation_asks_for(api: Api) -> None:
    asked = {**WANTED, "serviceName": "hello", "desiredCount": 2}
    assert refused(lambda: api.client().create_service(**asked)) == NOT_THE_SAME
