from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.compiler import Surroundings
from emulator.ecs.service import Forward, HostHeader, PathPattern, Redirect, Service, TargetHealthCheck

Compile = Callable[..., Service]
WEB = "name: web\ntype: Load Balanced Web Service\nimage: {location: web, port: 8080}\n"
BACKEND = "name: web\ntype: Backend Service\nimage: {location: web, port: 8080}\n"


def stated(check: TargetHealthCheck) -> dict[str, object]:
    """What the manifest says of a check."""
    return {name: getattr(check, name) for name in check.stated}


@pytest.mark.parametrize(
    ("path", "patterns", "root"),
    [
        ("/", ["/*"], True),
        ("api", ["/api", "/api/*"], False),
        ("/api/v1", ["/api/v1", "/api/v1/*"], False),
    ],
)
def test_paths(compile: Compile, path: str, patterns: list[str], root: bool) -> None:
    [rule] = compile(f"{WEB}http: {{path: {path}}}").listener_rules
    assert rule.conditions == [PathPattern(values=patterns)]
    assert rule.root is root


def test_health_check_has_only_what_is_set(compile: Compile) -> None:
    [group] = compile(f"{WEB}http: {{path: /}}").target_groups
    assert group.health_check.stated == ("path",)
    assert (group.health_check.path, group.health_check.interval, group.health_check.timeout) == ("/", 30, 5)
    check = "{path: ok, port: 81, success_codes: '200,301', healthy_threshold: 3, interval: 15s, timeout: 2500ms}"
    service = compile(f"{WEB}http: {{path: /, healthcheck: {check}, deregistration_delay: 5s, stickiness: true}}")
    [group] = service.target_groups
    assert stated(group.health_check) == {
        "path": "/ok",
        "port": 81,
        "success_codes": "200,301",
        "healthy_threshold": 3,
        "interval": 15,
        "timeout": 2,
    }
    assert (group.deregistration_delay, group.stickiness) == (5, True)


@pytest.mark.parametrize(
    ("target", "check", "protocol", "checked"),
    [
        ("target_port: 443", "", "HTTPS", "HTTPS"),
        ("target_port: 443", "port: 80", "HTTPS", "HTTP"),
        ("target_port: 8080", "port: 443", "HTTP", "HTTPS"),
        ("target_port: 8080", "port: 80", "HTTP", None),
    ],
)
def test_port_443_speaks_https(compile: Compile, target: str, check: str, protocol: str, checked: str | None) -> None:
    healthcheck = f"healthcheck: {{path: /, {check}}}"
    [group] = compile(f"{WEB}http: {{path: /, {target}, {healthcheck}}}").target_groups
    assert group.protocol == protocol
    assert stated(group.health_check).get("protocol") == checked


def test_grace_period_and_protocol_version(compile: Compile) -> None:
    service = compile(f"{WEB}http: {{path: /, version: gRPC, healthcheck: {{path: /, grace_period: 2m}}}}")
    assert service.health_check_grace_period == 120
    assert service.target_groups[0].protocol_version == "GRPC"
    assert compile(f"{WEB}http: {{path: /}}").health_check_grace_period == 60


def test_aliases_are_dropped_without_https(compile: Compile) -> None:
    [rule] = compile(f"{WEB}http: {{path: /, alias: example.com}}").listener_rules
    assert not any(isinstance(condition, HostHeader) for condition in rule.conditions)


def test_https_redirects_from_http(compile: Compile) -> None:
    service = compile(f"{WEB}http: {{path: /, alias: [a.com, b.com]}}", surroundings=Surroundings(https=True))
    http, https = service.listener_rules
    assert (http.listener, https.listener) == ("HTTP", "HTTPS")
    assert isinstance(http.action, Redirect)
    assert (http.action.status_code, http.action.protocol, http.action.port) == (301, "HTTPS", "443")
    assert isinstance(https.action, Forward)
    assert http.conditions == https.conditions == [HostHeader(values=["a.com", "b.com"]), PathPattern(values=["/*"])]


def test_http_may_be_served_beside_https(compile: Compile) -> None:
    text = f"{WEB}http: {{path: /, redirect_to_https: false}}"
    service = compile(text, surroundings=Surroundings(https=True, domain="example.com"))
    assert [rule.action.type for rule in service.listener_rules] == ["forward", "forward"]
    assert HostHeader(values=["web.test.demo.example.com"]) in service.listener_rules[0].conditions


def test_a_backend_service_answers_to_its_own_names(compile: Compile) -> None:
    [rule] = compile(f"{BACKEND}http: {{path: /}}").listener_rules
    assert rule.conditions[0] == HostHeader(values=["web.test.demo.internal"], load_balancer_name=True)


def test_each_rule_has_its_own_target_group(compile: Compile) -> None:
    service = compile(f"{WEB}http: {{path: /, additional_rules: [{{path: a}}, {{path: b}}]}}")
    assert [group.name for group in service.target_groups] == ["default", "1", "2"]
    assert [rule.name for rule in service.listener_rules] == ["http", "http-1", "http-2"]
    actions = [rule.action for rule in service.listener_rules]
    assert [action.target_groups[0].target_group for action in actions if isinstance(action, Forward)] == [
        "default",
        "1",
        "2",
    ]


def test_no_load_balancer_no_rules(compile: Compile) -> None:
    service = compile(BACKEND)
    assert not service.target_groups
    assert not service.listener_rules
