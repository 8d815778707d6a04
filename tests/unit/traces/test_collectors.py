"""Which sidecars are collectors, what they take when deployed, and what stands in their place."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.errors import Unsupported
from emulator.model import from_plain
from emulator.settings_traces import TraceSettings
from emulator.traces.collectors import collectors_of, kind_of, local_collectors
from emulator.traces.describing import describe

ADOT = "public.ecr.aws/aws-observability/aws-otel-collector"
CONFIGURATION = """\
receivers: {otlp: {protocols: {grpc: }}, awsxray/2: }
exporters: {awsxray: {region: eu-west-1}, datadog: {api: {key: hunter2}}, awsemf: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [awsxray, datadog]}
    metrics: {receivers: [otlp], exporters: [awsemf]}
"""


def container(name: str = "collector", image: str = f"{ADOT}:v0.17.0", **fields: Any) -> ContainerDefinition:
    return from_plain(ContainerDefinition, {"name": name, "image": image, **fields})


def task(*containers: ContainerDefinition) -> TaskDefinition:
    plain = [one.model_dump(by_alias=True, exclude_unset=True) for one in containers]
    return from_plain(TaskDefinition, {"family": "demo", "containerDefinitions": plain})


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("amazon/aws-xray-daemon", "daemon"),
        ("public.ecr.aws/xray/aws-xray-daemon:3.x", "daemon"),
        (f"{ADOT}:v0.17.0", "adot"),
        ("otel/opentelemetry-collector-contrib:0.100.0", "otel"),
        ("public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest", "cloudwatch"),
        ("example/my-aws-xray-daemon-exporter", None),
        ("nginx", None),
    ],
)
def test_a_collector_is_known_by_its_image(image: str, kind: str | None) -> None:
    assert kind_of(container(image=image)) == kind


def test_or_by_its_configuration() -> None:
    given: dict[str, Any] = {"environment": [{"name": "AOT_CONFIG_CONTENT", "value": CONFIGURATION}]}
    secret: dict[str, Any] = {"secrets": [{"name": "AOT_CONFIG_CONTENT", "valueFrom": "/otel"}]}
    assert kind_of(container(image="mine", **given)) == kind_of(container(image="mine", **secret)) == "adot"


@pytest.mark.parametrize(
    ("image", "command", "xray", "otlp", "checks"),
    [
        (f"{ADOT}:v0.17.0", ["--config=/etc/ecs/ecs-xray.yaml"], False, True, True),
        (f"{ADOT}:v0.17.0", ["--config", "/etc/ecs/ecs-default-config.yaml"], True, True, True),
        (f"{ADOT}:v0.49.0", [], True, True, False),
        (f"{ADOT}:latest", [], True, True, False),
        ("amazon/aws-xray-daemon", ["-o"], True, False, False),
        ("otel/opentelemetry-collector:0.9", [], False, True, False),
    ],
)
def test_what_it_takes_when_deployed(image: str, command: list[str], xray: bool, otlp: bool, checks: bool) -> None:
    found = local_collectors(task(container(image=image, command=command)), TraceSettings())["collector"]
    assert (found.xray, found.otlp, found.checks_ids) == (xray, otlp, checks)


def test_a_configuration_in_its_variable_or_secret_wins() -> None:
    one = container(environment=[{"name": "AOT_CONFIG_CONTENT", "value": "receivers: {awsxray: }"}])
    found = local_collectors(task(one), TraceSettings())["collector"]
    assert (found.xray, found.otlp) == (True, False)
    secret = container(secrets=[{"name": "AOT_CONFIG_CONTENT", "valueFrom": "/otel"}])
    values = {"collector": {"AOT_CONFIG_CONTENT": CONFIGURATION}}
    found = local_collectors(task(secret), TraceSettings(), values)["collector"]
    assert (found.xray, found.otlp, found.configuration) == (True, True, "")


def test_ports_of_other_containers_are_left_to_them() -> None:
    app = container("app", "app", portMappings=[{"containerPort": 4318}, {"containerPort": 80}])
    assert local_collectors(task(container(), app), TraceSettings())["collector"].without == (4318,)


def test_settings_choose_by_container_and_for_all() -> None:
    settings = TraceSettings(collectors={"*": "live", "one": "capture"}, sampling="ecs")
    found = local_collectors(task(container("one"), container("two")), settings)
    assert {name: one.policy for name, one in found.items()} == {"one": "capture", "two": "live"}
    assert found["one"].rate == 0.05


def test_a_collector_that_runs_itself_exports_to_this_machine_alone() -> None:
    one = container(environment=[{"name": "AOT_CONFIG_CONTENT", "value": CONFIGURATION}])
    found = local_collectors(task(one), TraceSettings(collectors={"*": "real"}))["collector"]
    content = yaml.safe_load(found.configuration)
    assert content["exporters"] == {
        "awsxray": {"region": "eu-west-1", "endpoint": "http://169.254.170.2:2000", "local_mode": True, "role_arn": ""},
        "otlphttp/copilot-local": {"endpoint": "http://169.254.170.2:2000", "tls": {"insecure": True}},
    }
    pipelines = content["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["awsxray"]
    assert pipelines["metrics"]["exporters"] == ["otlphttp/copilot-local"]
    assert "hunter2" not in found.configuration


def test_a_connector_leads_to_another_pipeline_and_stays() -> None:
    text = """
receivers: {otlp: }
connectors: {spanmetrics: }
exporters: {datadog: , awsemf: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [datadog, spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [awsemf]}
"""
    one = container(environment=[{"name": "AOT_CONFIG_CONTENT", "value": text}])
    found = local_collectors(task(one), TraceSettings(collectors={"*": "real"}))["collector"]
    pipelines = yaml.safe_load(found.configuration)["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["otlphttp/copilot-local", "spanmetrics"]
    assert pipelines["metrics"]["exporters"] == ["otlphttp/copilot-local"]


@pytest.mark.parametrize(
    "fields",
    [
        {"secrets": [{"name": "AOT_CONFIG_CONTENT", "valueFrom": "/otel"}]},
        {"command": ["--config=/mine.yaml"]},
        {"environment": [{"name": "AOT_CONFIG_CONTENT", "value": "receivers: ["}]},
        {"environment": [{"name": "AOT_CONFIG_CONTENT", "value": "receivers: {}"}]},
    ],
)
def test_a_configuration_that_cannot_be_led_here_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="collector"):
        local_collectors(task(container(**fields)), TraceSettings(collectors={"*": "real"}))


def test_what_is_deployed_beside_what_runs_here() -> None:
    [found] = describe(task(container(command=["--config=/etc/ecs/ecs-xray.yaml"])), TraceSettings())
    assert found.source == "/etc/ecs/ecs-xray.yaml"
    assert "awsxray:" in found.deployed
    assert "2000, 4317, 4318, 13133" in found.local
    differences = " ".join(found.differences)
    assert "X-Ray's segments are lost" in differences
    assert "whose trace id is not X-Ray's" in differences


def test_every_collector_can_be_told_apart() -> None:
    assert [one.name for one in collectors_of(task(container("a"), container("b", "nginx")))] == ["a"]
