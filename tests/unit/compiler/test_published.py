"""The two manifests of Copilot's page on sidecars, as they were published."""

from __future__ import annotations

from collections.abc import Callable

from emulator.ecs.references import ImageReference, PseudoReference, ResourceReference
from emulator.ecs.service import Forward, PathPattern, Service, SourceIp
from emulator.ecs.task_definition import KeyValuePair

Compile = Callable[..., Service]

NGINX_SIDECAR = """
    name: hello
    type: Load Balanced Web Service

    image:
      build: hello/Dockerfile
      port: 3000

    http:
      path: 'api'
      healthcheck: '/api/health-check'
      targetContainer: 'nginx'

    cpu: 256
    memory: 512
    count: 1

    sidecars:
      nginx:
        port: 80
        image: 1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1
"""
FIRELENS = """
    name: hello
    type: Load Balanced Web Service

    image:
      build: ./Dockerfile
      port: 3000

    http:
      path: 'hello'
      healthcheck: '/'

    cpu: 256
    memory: 512
    count: 1

    logging:
      destination:
        Name: cloudwatch
        region: us-west-2
        log_group_name: /copilot/sidecar-test-hello
        log_stream_prefix: copilot/
"""
COMMON = {
    "COPILOT_APPLICATION_NAME": "demo",
    "COPILOT_SERVICE_DISCOVERY_ENDPOINT": "test.demo.local",
    "COPILOT_ENVIRONMENT_NAME": "test",
    "COPILOT_SERVICE_NAME": "hello",
    "COPILOT_LB_DNS": ResourceReference(name="PublicLoadBalancer", attribute="DNSName"),
}


def values(variables: list[KeyValuePair]) -> dict[str, object]:
    return {
        pair.name: pair.value if isinstance(pair.value, str) else pair.value.model_copy(update={"position": None})
        for pair in variables
    }


def test_nginx_in_front_of_the_main_container(compile: Compile) -> None:
    service = compile(NGINX_SIDECAR)
    definition = service.task_definition
    hello, nginx = definition.container_definitions
    assert (definition.family, definition.network_mode, definition.cpu, definition.memory) == (
        "demo-test-hello",
        "awsvpc",
        "256",
        "512",
    )
    assert (hello.name, nginx.name, service.main_container) == ("hello", "nginx", "hello")
    assert isinstance(hello.image, ImageReference)
    assert nginx.image == "1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1"
    assert service.builds["hello"].dockerfile == "hello/Dockerfile"
    assert service.builds["hello"].context == "hello"
    assert [(mapping.container_port, mapping.name) for mapping in hello.port_mappings] == [(3000, None)]
    assert [(mapping.container_port, mapping.name) for mapping in nginx.port_mappings] == [(80, "target")]
    assert values(hello.environment) == COMMON
    assert values(nginx.environment) == COMMON
    assert nginx.essential


def test_traffic_of_the_nginx_example(compile: Compile) -> None:
    service = compile(NGINX_SIDECAR)
    [group] = service.target_groups
    assert (group.container_name, group.container_port, group.protocol) == ("nginx", 80, "HTTP")
    assert (group.health_check.path, group.deregistration_delay) == ("/api/health-check", 60)
    [rule] = service.listener_rules
    assert rule.listener == "HTTP"
    assert rule.conditions == [PathPattern(values=["/api", "/api/*"])]
    assert isinstance(rule.action, Forward)
    assert [weighted.target_group for weighted in rule.action.target_groups] == [group.name]
    assert not rule.root
    assert str(rule.position) == f"{rule.position.file}:10:3" if rule.position else False


def test_logs_through_firelens(compile: Compile) -> None:
    service = compile(FIRELENS, app="sidecar")
    hello, router = service.task_definition.container_definitions
    assert hello.log_configuration is not None
    assert hello.log_configuration.log_driver == "awsfirelens"
    assert hello.log_configuration.options == {
        "Name": "cloudwatch",
        "region": "us-west-2",
        "log_group_name": "/copilot/sidecar-test-hello",
        "log_stream_prefix": "copilot/",
    }
    assert router.name == "firelens_log_router"
    assert router.image == "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
    assert router.firelens_configuration is not None
    assert router.firelens_configuration.type == "fluentbit"
    assert router.firelens_configuration.options == {"enable-ecs-log-metadata": "true"}
    assert router.log_configuration is not None
    assert router.log_configuration.options == {
        "awslogs-region": PseudoReference(name="AWS::Region"),
        "awslogs-group": "/copilot/sidecar-test-hello",
        "awslogs-stream-prefix": "copilot",
    }
    assert service.log_group.name == "/copilot/sidecar-test-hello"
    assert service.log_group.retention_in_days == 30
    assert router.essential
    assert router.depends_on == hello.depends_on == []


def test_allowed_addresses_are_a_condition(compile: Compile) -> None:
    text = NGINX_SIDECAR.replace("targetContainer: 'nginx'", "allowed_source_ips: [10.0.0.0/8]")
    [rule] = compile(text).listener_rules
    assert rule.conditions == [SourceIp(values=["10.0.0.0/8"]), PathPattern(values=["/api", "/api/*"])]
