"""Elastic Load Balancing over an agent, as boto3 reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.ecs.service import (
    FixedResponse,
    HostHeader,
    HttpHeader,
    ListenerRule,
    NetworkListener,
    QueryString,
    Redirect,
    Rewrite,
    Transform,
)
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import Api, answering
from tests.unit.runtime.world import make_service

RULES = [
    ListenerRule(
        name="old",
        conditions=[HostHeader(values=["a.test"]), HttpHeader(name="X", regex_values=["^1"])],
        action=Redirect(host="b.test"),
        priority=7,
    ),
    ListenerRule(
        name="closed",
        conditions=[QueryString(values=[("", "&<>")])],
        action=FixedResponse(status_code=503, message_body="<closed>"),
        transforms=[Transform(type="url-rewrite", rewrites=[Rewrite(regex="^/a", replace="/b")])],
        priority=8,
    ),
]


@pytest.fixture
def balanced(rig: Rig, tmp_path: Path) -> Iterator[Api]:
    service = make_service(cpu="256", memory="512", target=("hello", 80))
    rules = [*service.listener_rules, *RULES]
    network = [NetworkListener(port=53, protocol="UDP", target_group="default")]
    with answering(
        rig, tmp_path, service.model_copy(update={"listener_rules": rules, "network_listeners": network})
    ) as found:
        yield found


def refused(client: Any, operation: str, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**asked)
    return str(caught.value.response["Error"]["Code"])


def test_from_a_service_to_its_targets(balanced: Api) -> None:
    elb, ecs = balanced.client("elbv2"), balanced.client()
    [service] = ecs.describe_services(cluster="demo-test", services=["hello"])["services"]
    [arn] = [one["targetGroupArn"] for one in service["loadBalancers"]]
    [group] = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["Port"], group["Protocol"], group["TargetType"]) == (80, "HTTP", "ip")
    assert (group["HealthCheckPath"], group["Matcher"]) == ("/", {"HttpCode": "200"})
    balancers = elb.describe_load_balancers(LoadBalancerArns=group["LoadBalancerArns"])["LoadBalancers"]
    assert [(one["Type"], one["Scheme"], one["State"]["Code"]) for one in balancers] == [
        ("application", "internet-facing", "active"),
        ("network", "internet-facing", "active"),
    ]
    [listener] = elb.describe_listeners(LoadBalancerArn=group["LoadBalancerArns"][0])["Listeners"]
    assert (balancers[0]["DNSName"], listener["Port"], listener["Protocol"]) == ("localhost", 8080, "HTTP")
    [target] = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    [task] = ecs.describe_tasks(cluster="demo-test", tasks=ecs.list_tasks(cluster="demo-test")["taskArns"])["tasks"]
    address = {one["name"]: one["value"] for one in task["attachments"][0]["details"]}["privateIPv4Address"]
    assert target["Target"] == {"Id": address, "Port": 80}
    assert target["TargetHealth"]["State"] in ("initial", "healthy", "unavailable")


def test_rules_in_their_order_with_everything_that_they_say(balanced: Api) -> None:
    elb = balanced.client("elbv2")
    [listener] = [one for one in elb.describe_listeners()["Listeners"] if one["Protocol"] == "HTTP"]
    rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert [rule["Priority"] for rule in rules] == ["7", "8", "9", "default"]
    assert rules[0]["Conditions"][0]["Values"] == ["a.test"]
    assert rules[0]["Conditions"][1]["HttpHeaderConfig"] == {"HttpHeaderName": "X", "RegexValues": ["^1"]}
    assert rules[0]["Actions"][0]["RedirectConfig"]["Host"] == "b.test"
    assert rules[1]["Conditions"][0]["QueryStringConfig"]["Values"] == [{"Value": "&<>"}]
    assert rules[1]["Actions"][0]["FixedResponseConfig"]["MessageBody"] == "<closed>"
    assert rules[1]["Transforms"] == [
        {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}}
    ]
    [group] = elb.describe_target_groups()["TargetGroups"]
    assert rules[2]["Actions"][0]["TargetGroupArn"] == group["TargetGroupArn"]
    assert rules[3]["IsDefault"]
    [one] = elb.describe_rules(RuleArns=[rules[1]["RuleArn"]])["Rules"]
    assert one == rules[1]


def test_in_pages(balanced: Api) -> None:
    elb = balanced.client("elbv2")
    [listener] = [one for one in elb.describe_listeners()["Listeners"] if one["Protocol"] == "HTTP"]
    pages = elb.get_paginator("describe_rules").paginate(
        ListenerArn=listener["ListenerArn"], PaginationConfig={"PageSize": 3}
    )
    assert [len(page["Rules"]) for page in pages] == [3, 1]


def test_a_target_that_is_not_registered_is_unused(balanced: Api) -> None:
    """botocore's waiter for a target that left counts on it: of an empty answer it would wait to its end."""
    elb = balanced.client("elbv2")
    [group] = elb.describe_target_groups()["TargetGroups"]
    asked = {"TargetGroupArn": group["TargetGroupArn"]}
    [registered] = elb.describe_target_health(**asked)["TargetHealthDescriptions"]
    address = registered["Target"]["Id"]
    unused = {
        "State": "unused",
        "Reason": "Target.NotRegistered",
        "Description": "Target is not registered to the target group",
    }
    targets = [{"Id": "10.9.9.9"}, {"Id": address}, {"Id": address, "Port": 9}, {"Id": address, "Port": 80}]
    found = elb.describe_target_health(**asked, Targets=targets)["TargetHealthDescriptions"]
    assert (found[0]["Target"], found[0]["TargetHealth"]) == ({"Id": "10.9.9.9", "Port": 80}, unused)
    assert (found[1]["Target"], found[1]["TargetHealth"]["State"] != "unused") == (registered["Target"], True)
    assert (found[2]["Target"], found[2]["TargetHealth"]) == ({"Id": address, "Port": 9}, unused)
    assert len(found) == 3, "one that is named twice is described once"
    once = {"Delay": 1, "MaxAttempts": 1}
    elb.get_waiter("target_deregistered").wait(**asked, Targets=[{"Id": "10.9.9.9"}], WaiterConfig=once)
    wrong = [{"Id": address, "Port": 65536}]
    assert refused(elb, "describe_target_health", **asked, Targets=wrong) == "ValidationError"


def test_the_port_of_the_health_check_is_that_of_the_target_group(rig: Rig, tmp_path: Path) -> None:
    service = make_service(cpu="256", memory="512", target=("hello", 80))
    [group] = service.target_groups
    check = group.health_check.model_copy(update={"port": 8081})
    groups = [group.model_copy(update={"health_check": check})]
    with answering(rig, tmp_path, service.model_copy(update={"target_groups": groups})) as api:
        elb = api.client("elbv2")
        [found] = elb.describe_target_groups()["TargetGroups"]
        asked = {"TargetGroupArn": found["TargetGroupArn"]}
        [target] = elb.describe_target_health(**asked)["TargetHealthDescriptions"]
        [other] = elb.describe_target_health(**asked, Targets=[{"Id": "10.9.9.9"}])["TargetHealthDescriptions"]
    ports = (found["HealthCheckPort"], target["HealthCheckPort"], other["HealthCheckPort"])
    assert (ports, target["Target"]["Port"]) == (("8081",) * 3, 80)


def test_what_is_not_there_or_not_answered(balanced: Api) -> None:
    elb = balanced.client("elbv2")
    assert refused(elb, "describe_target_groups", LoadBalancerArn="x") == "LoadBalancerNotFound"
    assert refused(elb, "describe_listeners", LoadBalancerArn="x") == "LoadBalancerNotFound"
    assert refused(elb, "describe_load_balancers", Names=["x"]) == "LoadBalancerNotFound"
    assert refused(elb, "describe_target_groups", TargetGroupArns=["x"]) == "TargetGroupNotFound"
    assert refused(elb, "describe_target_health", TargetGroupArn="x") == "TargetGroupNotFound"
    assert refused(elb, "describe_rules", ListenerArn="x") == "ListenerNotFound"
    assert refused(elb, "describe_rules") == "ValidationError"
    assert refused(elb, "delete_load_balancer", LoadBalancerArn="x") == "UnsupportedFeatureException"


def test_a_service_without_one(api: Api) -> None:
    assert api.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert api.client("elbv2").describe_target_groups()["TargetGroups"] == []


def test_a_service_of_the_api_is_behind_none(balanced: Api) -> None:
    ecs = balanced.client("ecs")
    [group, *_] = balanced.client("elbv2").describe_target_groups()["TargetGroups"]
    balancer = {"targetGroupArn": group["TargetGroupArn"], "containerName": "hello", "containerPort": 80}
    wanted = {"cluster": "demo-test", "serviceName": "made", "taskDefinition": "demo-test-hello", "desiredCount": 1}
    with pytest.raises(ClientError, match="belongs to the service of a manifest"):
        ecs.create_service(**wanted, loadBalancers=[balancer])
    with pytest.raises(ClientError, match="The target group with targetGroupArn arn:other does not exist"):
        ecs.create_service(**wanted, loadBalancers=[{**balancer, "targetGroupArn": "arn:other"}])
    assert len(ecs.list_services(cluster="demo-test")["serviceArns"]) == 1


def test_an_update_keeps_the_target_groups(balanced: Api) -> None:
    ecs, hello = balanced.client("ecs"), {"cluster": "demo-test", "service": "hello"}
    [service] = ecs.describe_services(cluster="demo-test", services=["hello"])["services"]
    assert service["loadBalancers"]
    same = ecs.update_service(**hello, loadBalancers=service["loadBalancers"])["service"]
    assert same["loadBalancers"] == service["loadBalancers"]
    with pytest.raises(ClientError, match="UpdateService does not change loadBalancers here"):
        ecs.update_service(**hello, loadBalancers=[{**service["loadBalancers"][0], "containerPort": 81}])
