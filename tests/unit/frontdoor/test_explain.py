"""The explanation of a request: against the table of what an ALB does, and what it says beyond the outcome."""

from __future__ import annotations

import pytest

from emulator.ecs.service import (
    Condition,
    FixedResponse,
    Forward,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    ListenerRule,
    PathPattern,
    QueryString,
    Service,
    SourceIp,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.ecs.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from emulator.errors import Position, UsageError
from emulator.frontdoor.options import FrontOptions
from emulator.frontdoor.routing.advice import covers
from emulator.frontdoor.routing.explain import Verdict, explain
from tests.frontdoor_table import Case, RuleSet, read_table, service_with

# An explanation always has a host.
TABLE = [(rule_set, case) for rule_set in read_table() for case in rule_set.cases if case.headers]


@pytest.mark.parametrize(("rule_set", "case"), TABLE, ids=[f"{rules.name}: {case}"[:120] for rules, case in TABLE])
def test_the_explanation_is_what_an_alb_does(rule_set: RuleSet, case: Case) -> None:
    options = FrontOptions(**rule_set.options)
    result = explain([rule_set.service], case.method, case.path, case.headers, options=options)
    if isinstance(case.expect, str):
        assert [item.target_group for item in result.destinations] == [case.expect]
        assert result.container_path == (case.path if case.seen is None else case.seen)
        if case.seen_host is not None:
            host = result.container_host or dict(case.headers)["Host"]
            assert host.removesuffix(":8000").removesuffix(":9") == case.seen_host.removesuffix(":8000").removesuffix(
                ":9"
            )
    else:
        assert (result.status, result.destinations) == (case.expect, ())
    if case.location is not None:
        assert result.location == case.location


def hello(path: str = "/api", health: str = "/api/health-check", priority: int | None = None) -> Service:
    """Copilot's service with a proxy in front of its main container."""
    patterns = ["/*"] if path == "/" else [path, f"{path}/*"]
    rule = ListenerRule(
        name="HTTPListenerRule",
        conditions=[PathPattern(values=patterns)],
        action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
        root=path == "/",
        priority=priority,
        position=Position("copilot/hello/manifest.yml", 9),
    )
    group = TargetGroup(
        name="default", container_name="nginx", container_port=80, health_check=TargetHealthCheck(path=health)
    )
    containers = [
        ContainerDefinition(name="hello", image="hello", port_mappings=[PortMapping(container_port=3000)]),
        ContainerDefinition(name="nginx", image="nginx", port_mappings=[PortMapping(container_port=80)]),
    ]
    service = service_with([rule], [group])
    service.name = "hello"
    service.task_definition = TaskDefinition(family="app-test-hello", container_definitions=containers)
    return service


def test_it_names_container_port_and_path() -> None:
    result = explain([hello()], "GET", "/api/users?page=2")
    (destination,) = result.destinations
    assert (destination.service, destination.container, destination.port) == ("hello", "nginx", 80)
    assert result.container_path == "/api/users?page=2"
    assert result.reason == "rule HTTPListenerRule of hello (priority 1) forwards"


def test_it_says_of_each_rule_why_it_does_not_match() -> None:
    root = hello("/", "/")
    root.name = "root"
    result = explain([root, hello(), hello("/other", "/other")], "GET", "/api/%75sers")
    assert [(item.placed.service.name, item.placed.priority, item.verdict) for item in result.rules] == [
        ("hello", 1, Verdict.WINS),
        ("hello", 2, Verdict.NO_MATCH),
        ("root", 50000, Verdict.NOT_REACHED),
    ]
    missed = result.rules[1].conditions[0]
    assert (missed.matched, missed.seen) == (False, ("/api/users",))


def test_a_whole_url_gives_host_and_listener() -> None:
    result = explain([hello()], "GET", "https://user@example.com:8443/api?x=1#part")
    assert result.listener == "HTTPS"
    assert result.request.headers == (("Host", "example.com:8443"),)
    assert result.request.target == "/api?x=1"
    assert result.status == 503


def test_a_host_that_is_given_wins_over_the_urls() -> None:
    result = explain([hello()], "GET", "http://localhost:8080/api", [("host", "example.com")])
    assert result.request.host == "example.com"


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(UsageError, match="neither a path nor"):
        explain([hello()], "GET", "api/users")


def test_weights_are_shares() -> None:
    service = hello()
    service.target_groups.append(service.target_groups[0].model_copy(update={"name": "blue"}))
    service.listener_rules[0].action = Forward(
        target_groups=[
            WeightedTargetGroup(target_group="default", weight=1),
            WeightedTargetGroup(target_group="blue", weight=3),
        ]
    )
    result = explain([service], "GET", "/api")
    assert [(item.target_group, item.share) for item in result.destinations] == [("default", 0.25), ("blue", 0.75)]


def codes(services: list[Service]) -> list[str]:
    return [finding.code for finding in explain(services, "GET", "/nothing").warnings]


def test_a_healthy_service_gets_no_warning() -> None:
    assert codes([hello()]) == []


def test_a_health_check_outside_of_the_rule_is_a_warning() -> None:
    service = hello(health="/")
    (finding,) = explain([service], "GET", "/nothing").warnings
    assert finding.code == "CL702"
    assert "health checks ask container nginx for /," in finding.message
    assert str(finding.position) == "copilot/hello/manifest.yml:9"


def test_a_port_that_is_not_exposed_is_a_warning() -> None:
    service = hello()
    service.target_groups[0].container_port = 81
    assert codes([service]) == ["CL703"]


def test_a_kept_prefix_is_a_warning_for_the_rule_that_wins() -> None:
    (finding,) = explain([hello()], "GET", "/api/x").warnings
    assert finding.code == "CL704"
    assert "sees /api/x as /api/x, not as /x" in finding.message


@pytest.mark.parametrize("path", ["*", "/*"])
def test_a_path_of_wildcards_alone_is_no_prefix(path: str) -> None:
    assert not explain([hello(path, "/up")], "GET", "/api/x").warnings


def test_a_prefix_with_wildcards_is_no_path_that_a_container_sees() -> None:
    assert not explain([hello("/v?/*", "/v1/up")], "GET", "/v1/x").warnings


def test_a_group_that_takes_http_2_only_is_a_warning() -> None:
    service = hello("/", "/")
    service.target_groups[0].protocol_version = "GRPC"
    (finding,) = explain([service], "POST", "/pkg.Svc/Call").warnings
    assert finding.code == "CL705"
    assert "answered with 464" in finding.message


def test_a_rule_in_the_shadow_of_another_is_a_warning() -> None:
    second = hello("/api/v1", "/api/v1/health")
    second.name = "second"
    (finding,) = explain([hello(), second], "GET", "/nothing").warnings
    assert finding.code == "CL701"
    assert (
        "second: no request reaches this rule where hello runs too; rule HTTPListenerRule of hello" in finding.message
    )
    assert "priority 1) takes them all" in finding.message
    assert codes([second, hello()]) == []


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ([PathPattern(values=["/api*"])], [PathPattern(values=["/api/v?/*", "/apix"])], True),
        ([PathPattern(values=["/api/*"])], [PathPattern(values=["/api", "/api/*"])], False),
        ([PathPattern(values=["/a?c"])], [PathPattern(values=["/abc"])], True),
        ([PathPattern(values=["/a?c"])], [PathPattern(values=["/a*c"])], False),
        ([PathPattern(values=["/a?"])], [PathPattern(values=["/a?"])], True),
        ([PathPattern(values=["/*"])], [HostHeader(values=["a.b"])], True),
        ([PathPattern(values=["/*"]), HostHeader(values=["*.b"])], [HostHeader(values=["A.B"])], True),
        ([HostHeader(values=["a.b"])], [PathPattern(values=["/x"])], False),
        ([HttpRequestMethod(values=["GET", "PUT"])], [HttpRequestMethod(values=["GET"])], True),
        ([HttpRequestMethod(values=["GET"])], [HttpRequestMethod(values=["GET", "PUT"])], False),
        ([HttpHeader(name="X-A", values=["*"])], [HttpHeader(name="x-a", values=["1"])], True),
        ([HttpHeader(name="X-A", values=["*"])], [HttpHeader(name="X-B", values=["1"])], False),
        ([QueryString(values=[("a", "1"), ("b", "2")])], [QueryString(values=[("A", "1")])], True),
        ([QueryString(values=[("a", "1")])], [QueryString(values=[("", "1")])], False),
        ([SourceIp(values=["10.0.0.0/8"])], [SourceIp(values=["10.1.0.0/16"])], True),
        ([SourceIp(values=["10.1.0.0/16"])], [SourceIp(values=["10.0.0.0/8"])], False),
        ([SourceIp(values=["::/0"])], [SourceIp(values=["10.0.0.0/8"])], False),
    ],
)
def test_which_conditions_cover_which(earlier: list[Condition], later: list[Condition], expected: bool) -> None:
    assert covers(earlier, later) is expected


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (["/*"], (["/a"], ["^/b"]), True),
        (["/a*"], (["/a"], ["^/ab"]), False),
        (["*"], ([], ["x"]), True),
    ],
)
def test_a_regular_expression_is_covered_by_what_takes_everything(
    earlier: list[str], later: tuple[list[str], list[str]], expected: bool
) -> None:
    narrow = PathPattern(values=later[0], regex_values=later[1])
    assert covers([PathPattern(values=earlier)], [narrow]) is expected
    assert covers([narrow], [narrow]) is True


def test_it_says_which_expression_matched() -> None:
    service = hello()
    service.listener_rules[0].conditions = [PathPattern(values=["/x"], regex_values=["^/no", "^/a.i"])]
    (rule,) = explain([service], "GET", "/api").rules
    assert rule.conditions[0].regex == "^/a.i"


def test_a_fixed_response_is_explained() -> None:
    service = hello()
    service.listener_rules[0].action = FixedResponse(status_code=418)
    result = explain([service], "GET", "/api")
    assert (result.status, result.reason) == (418, "rule HTTPListenerRule of hello (priority 1) answers by itself")
