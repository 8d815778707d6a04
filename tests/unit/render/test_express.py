"""Services as Express Mode services: what is rendered, and everything that is refused, at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.compiler import Surroundings, compile_service
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.manifest import load
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.stack import render_stack
from emulator.render.proposals.express import as_express, notes, refusals, renamed_values
from tests.unit.render.golden import read_template

HEAD = "name: web\ntype: Load Balanced Web Service\nimage: {build: Dockerfile, port: 8080}\n"
PLAIN = "http: {path: /}\n"
ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/5ea280ee3a7eff37"


def refused(folder: Path, text: str, **around: Any) -> list[InputError]:
    service = compiled(folder, text, **around)
    found = load(folder / "manifest.yml", environment="prod", variables={}, app="shop", strict=False)
    return refusals(service, found.position)


def compiled(folder: Path, text: str, **around: Any) -> Service:
    path = folder / "manifest.yml"
    path.write_text(text)
    found = load(path, environment="prod", variables={}, app="shop", strict=False)
    return compile_service(
        found.manifest,
        app="shop",
        environment="prod",
        position=found.position,
        surroundings=Surroundings(**around),
    )


def rendered(service: Service, **options: Any) -> dict[str, Any]:
    assert refusals(service, lambda _: None) == []
    return read_template(render_stack(as_express(service), StackOptions(express=True, **options)))


def test_a_service_with_a_sidecar(tmp_path: Path) -> None:
    text = (
        HEAD + PLAIN + "count: {range: 2-6, requests: 100}\nsidecars:\n  proxy: {image: a, port: 90, depends_on: {}}\n"
        "  after: {image: b, depends_on: {web: start}}\n"
    )
    service = compiled(tmp_path, text)
    template = rendered(service, values=renamed_values({"image:web": "example.com/web:1"}, service))
    express = template["Resources"]["Service"]
    assert express["Type"] == "AWS::ECS::ExpressGatewayService"
    assert express["Properties"]["ScalingTarget"] == {
        "MinTaskCount": 2,
        "MaxTaskCount": 6,
        "AutoScalingMetric": "REQUEST_COUNT_PER_TARGET",
        "AutoScalingTargetValue": 100,
    }
    assert "PrimaryContainer" not in express["Properties"]
    main, after, proxy = template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert (main["Name"], proxy["Name"]) == ("Main", "proxy")
    [port] = main["PortMappings"]
    assert (port["ContainerPort"], port["Protocol"], bool(port["Name"])) == (8080, "tcp", True)
    assert after["DependsOn"] == [{"Condition": "START", "ContainerName": "Main"}]
    assert template["Parameters"]["ContainerImage"]["Default"] == "example.com/web:1"
    assert not [it for it in template["Resources"].values() if "LoadBalancing" in it["Type"]]
    assert "COPILOT_LB_DNS" not in str(template)
    assert template["Outputs"]["Endpoint"]["Value"] == {"Fn::GetAtt": ["Service", "Endpoint"]}


def test_a_target_that_is_a_sidecar_is_the_main_container(tmp_path: Path) -> None:
    text = HEAD + "http: {path: /, target_container: nginx}\nsidecars:\n  nginx: {image: nginx, port: 80}\n"
    containers = rendered(compiled(tmp_path, text))["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert [it["Name"] for it in containers] == ["web", "Main"]


def test_in_the_environment_that_copilot_made(tmp_path: Path) -> None:
    service = compiled(tmp_path, HEAD + PLAIN + "count: 3\n")
    properties = rendered(service, in_copilot_environment=True)["Resources"]["Service"]["Properties"]
    assert properties["Cluster"] == {"Fn::ImportValue": "shop-prod-ClusterId"}
    assert properties["ScalingTarget"] == {"MinTaskCount": 3, "MaxTaskCount": 3}


def test_an_internal_service(tmp_path: Path) -> None:
    text = HEAD.replace("Load Balanced Web", "Backend") + PLAIN
    assert "internal" in str(refused(tmp_path, text))
    assert refused(tmp_path, text + "network: {vpc: {placement: private}}\n") == []


def test_what_changes_is_said(tmp_path: Path) -> None:
    service = compiled(tmp_path, HEAD + PLAIN + "exec: true\n", https=True, domain="example.com")
    assert refusals(service, lambda _: None) == []
    said = "\n".join(notes(service))
    for word in ("container web is named Main", "Endpoint", "web.prod.shop.example.com", "web.prod.shop.local", "exec"):
        assert word in said


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("http: {path: api}\n", 4, "a rule by path"),
        ("http:\n  path: /\n  alias: web.example.com\n", 6, "the alias web.example.com"),
        (PLAIN + "nlb: {port: 81/tcp}\n", 5, "a network load balancer"),
        ("http:\n  path: /\n  additional_rules: [{path: admin, target_port: 81}]\n", 6, "a second target"),
        (f"http:\n  path: /\n  alb: {ARN}\n", 6, "a load balancer of your own"),
        ("http:\n  path: /\n  healthcheck: {path: /, success_codes: 200-299}\n", 6, "the success codes 200-299"),
        ("http:\n  path: /\n  healthcheck: {path: /, interval: 10s}\n", 6, "how often is checked (interval)"),
        ("http:\n  path: /\n  healthcheck: {path: /, port: 81}\n", 6, "another port"),
        ("http:\n  path: /\n  healthcheck: {path: /, grace_period: 2m}\n", 6, "a grace period of 120 seconds"),
        ("http:\n  path: /\n  deregistration_delay: 5s\n", 6, "a deregistration delay of 5 seconds"),
        ("http:\n  path: /\n  stickiness: true\n", 6, "stickiness"),
        ("http:\n  path: /\n  version: http2\n", 6, "the version HTTP2"),
        ("http:\n  path: /\n  allowed_source_ips: [10.0.0.0/8]\n", 5, "who may send requests"),
        (PLAIN + "network:\n  connect: true\n", 6, "Service Connect"),
        (PLAIN + "network:\n  vpc: {placement: private}\n", 6, "tasks in private subnets"),
        (PLAIN + "count: {spot: 2}\n", 5, "Fargate Spot"),
        (PLAIN + "count: {range: 1-2, cpu_percentage: 50, memory_percentage: 50}\n", 5, "more than one metric"),
        (PLAIN + "count: {range: 1-2, response_time: 2s}\n", 5, "scaling by response-time"),
        (PLAIN + "count: {range: 1-2, cpu_percentage: {value: 5, cooldown: {in: 5s}}}\n", 5, "cooldowns"),
        (PLAIN + "deployment: {rolling: recreate}\n", 5, "how many tasks are replaced"),
        (PLAIN + "deployment: {rollback_alarms: [a]}\n", 5, "alarms that roll back"),
        ("http: false\nnlb: {port: 80/tcp}\n", 1, "without HTTP"),
    ],
)
def test_what_cannot_be_said(tmp_path: Path, text: str, line: int, message: str) -> None:
    secure = "alias" in text
    given = {"https": secure, "domain": "example.com" if secure else None}
    found, *others = refused(tmp_path, HEAD + text, **given)
    assert message in found.message
    assert bool(others) == ("additional_rules" in text)
    assert found.position is not None
    assert found.position.line == line


def test_the_whole_list_at_once(tmp_path: Path) -> None:
    text = HEAD + "http: {path: api, stickiness: true}\ncount: {spot: 1}\nnetwork: {connect: true}\n"
    assert len(refused(tmp_path, text)) == 4


@pytest.mark.parametrize(
    "text",
    [
        "name: w\ntype: Worker Service\nimage: {location: a}\n",
        "name: j\ntype: Scheduled Job\nimage: {location: a}\non: {schedule: '@daily'}\n",
        "name: b\ntype: Backend Service\nimage: {location: a, port: 80}\n",
    ],
)
def test_other_workloads(tmp_path: Path, text: str) -> None:
    [found] = refused(tmp_path, text)
    assert "render cloudformation" in found.hint
