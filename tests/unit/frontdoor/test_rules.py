"""Order of rules over services, and rules that a load balancer would refuse."""

from __future__ import annotations

from copy import deepcopy

import pytest

from emulator.ecs.service import (
    Action,
    Condition,
    FixedResponse,
    Forward,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    ListenerRule,
    PathPattern,
    QueryString,
    Redirect,
    Rewrite,
    Service,
    SourceIp,
    TargetGroup,
    Transform,
    WeightedTargetGroup,
)
from emulator.errors import FindingsError, InputError, Position, Unsupported
from emulator.frontdoor.haproxy.configuration import front_configuration
from emulator.frontdoor.routing.rules import rules_in_order
from tests.frontdoor_table import service_with

FORWARD = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
GROUP = TargetGroup(name="default", container_name="web", container_port=80)


def rule(name: str, *, root: bool = False, priority: int | None = None) -> ListenerRule:
    patterns = ["/*"] if root else [f"/{name}"]
    return ListenerRule(
        name=name,
        conditions=[PathPattern(values=patterns)],
        action=FORWARD,
        root=root,
        priority=priority,
        position=Position("manifest.yml", 7),
    )


def service(name: str, *rules: ListenerRule) -> Service:
    made = service_with(list(rules), [GROUP])
    made.name = name
    return made


def order(*services: Service) -> list[tuple[int, str]]:
    return [(placed.priority, placed.rule.name) for placed in rules_in_order(services, "HTTP")]


def test_rules_are_in_the_order_of_services_and_roots_come_last() -> None:
    services = (
        service("a", rule("root-a", root=True), rule("a1")),
        service("b", rule("b1"), rule("root-b", root=True)),
    )
    assert order(*services) == [(1, "a1"), (2, "b1"), (49999, "root-b"), (50000, "root-a")]


def test_fixed_priorities_stay_and_the_others_follow_them() -> None:
    services = (service("a", rule("first"), rule("fixed", priority=30)), service("b", rule("second", priority=10)))
    assert order(*services) == [(10, "second"), (30, "fixed"), (31, "first")]


def test_two_rules_of_one_priority_are_refused() -> None:
    with pytest.raises(InputError, match=r"manifest\.yml:7: b: rule y has the same priority \(5\) as rule x"):
        order(service("a", rule("x", priority=5)), service("b", rule("y", priority=5)))


@pytest.mark.parametrize("priority", [0, 50001])
def test_a_priority_outside_of_its_range_is_refused(priority: int) -> None:
    with pytest.raises(InputError, match=f"rule x has priority {priority}"):
        order(service("a", rule("x", priority=priority)))


def test_listeners_have_rules_of_their_own() -> None:
    secure = rule("secure")
    secure.listener = "HTTPS"
    services = [service("a", rule("plain"), secure)]
    assert [placed.rule.name for placed in rules_in_order(services, "HTTPS")] == ["secure"]


def test_https_without_a_certificate_is_refused() -> None:
    secure = rule("secure")
    secure.listener = "HTTPS"
    with pytest.raises(Unsupported, match="has no certificate"):
        front_configuration([service("a", secure)], ())


def problems(conditions: list[Condition] | None = None, action: Action = FORWARD, listener: str = "HTTP") -> list[str]:
    made = rule("x")
    made = made.model_copy(
        update={"conditions": made.conditions if conditions is None else conditions, "action": action}
    )
    made.listener = "HTTPS" if listener == "HTTPS" else "HTTP"
    with pytest.raises(FindingsError) as caught:
        front_configuration([service("a", made)], ())
    assert all(str(finding.position) == "manifest.yml:7" for finding in caught.value.findings)
    return [finding.message for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([], "no condition"),
        ([PathPattern(values=["/a b"])], "path-pattern '/a b' is too long"),
        ([PathPattern(values=["/" + "a" * 128])], "is too long"),
        ([PathPattern(values=["/a\n  http-request deny"])], "path-pattern '/a\\n"),
        ([PathPattern(values=["/x(1)"])], "path-pattern '/x(1)' is too long or has other"),
        ([HostHeader(values=["a.b:80"])], "host-header 'a.b:80'"),
        ([HttpHeader(name="Host", values=["x"])], "http-header name 'Host' is not allowed"),
        ([HttpHeader(name="X*", values=["x"])], "http-header name 'X*' is not allowed"),
        ([HttpHeader(name="X) -m found", values=["x"])], "http-header name 'X) -m found'"),
        ([HttpHeader(name="X", values=["a\nb"])], "http-header 'a\\nb'"),
        ([HttpRequestMethod(values=["get"])], "http-request-method 'get'"),
        ([QueryString(values=[("a", "ü")])], "query-string 'ü'"),
        ([SourceIp(values=["10.0.0.1"])], "source-ip '10.0.0.1' is no CIDR block"),
        ([SourceIp(values=["255.255.255.255/32"])], "source-ip '255.255.255.255/32'"),
        ([PathPattern(regex_values=["a" * 129])], "has 129 characters, and 128 are allowed"),
        ([HostHeader(regex_values=["(?=a)"])], "host-header regular expression '(?=a)' has look-ahead ((?=)"),
        ([PathPattern(values=["/1"] * 3, regex_values=["a"] * 3)], "6 values in its conditions"),
        ([PathPattern(values=["/a"]), PathPattern(values=["/b"])], "more than one path-pattern condition"),
        ([PathPattern(values=["/1", "/2", "/3", "/4", "/5", "/6"])], "6 values in its conditions"),
    ],
)
def test_conditions_that_a_load_balancer_refuses(conditions: list[Condition], message: str) -> None:
    (found,) = problems(conditions)
    assert message in found


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (FixedResponse(status_code=302), "fixed-response status 302 is not allowed"),
        (FixedResponse(status_code=200, message_body="x" * 1025), "fixed-response body has more than 1024 bytes"),
        (FixedResponse(status_code=200, content_type="image/png"), "fixed-response content type 'image/png'"),
        (Redirect(query="a=1"), "redirect leads to where the request came from"),
        (Redirect(path="x"), "redirect path 'x' is not allowed"),
        (Redirect(port="https"), "redirect port 'https' is not allowed"),
        (Redirect(host="a b"), "redirect host 'a b' is not allowed"),
        (Forward(target_groups=[]), "forward names 0 target groups"),
        (Forward(target_groups=[WeightedTargetGroup(target_group="x")]), "forward names target group 'x', which is"),
        (
            Forward(target_groups=[WeightedTargetGroup(target_group="default", weight=1000)]),
            "forward has weight 1000",
        ),
    ],
)
def test_actions_that_a_load_balancer_refuses(action: Action, message: str) -> None:
    (found,) = problems(action=action)
    assert found.startswith(message)


def url_rewrite(*rewrites: tuple[str, str]) -> Transform:
    made = [Rewrite(regex=regex, replace=replace) for regex, replace in rewrites]
    return Transform(type="url-rewrite", rewrites=made)


@pytest.mark.parametrize(
    ("transforms", "messages"),
    [
        (
            [url_rewrite(("a", "/"))] * 2,
            ["url-rewrite stands 2 times in one rule; a load balancer takes one of each"] * 2,
        ),
        ([url_rewrite()], ["url-rewrite has 0 rewrites; a load balancer takes one"]),
        ([url_rewrite(("a", "/"), ("b", "/"))], ["url-rewrite has 2 rewrites; a load balancer takes one"]),
        ([url_rewrite(("a" * 1025, "/"))], ["url-rewrite regular expression 'aaa"]),
        ([url_rewrite(("a", "/" * 1025))], ["url-rewrite replacement has 1025 characters, and 1024 are allowed"]),
        ([url_rewrite(("(a)\\1", "/"))], ["url-rewrite regular expression '(a)\\\\1' has a backreference"]),
        (
            [url_rewrite(("(a)", "/$2"))],
            ["url-rewrite replacement '/$2' has $2, and its regular expression has 1 group"],
        ),
    ],
)
def test_transforms_that_a_load_balancer_refuses(transforms: list[Transform], messages: list[str]) -> None:
    made = rule("x").model_copy(
        update={"transforms": transforms, "patches": {"Transforms": Position("patches.yml", 3)}}
    )
    with pytest.raises(FindingsError) as caught:
        front_configuration([service("a", made)], ())
    found = caught.value.findings
    assert [(finding.code, str(finding.position)) for finding in found] == [("CL715", "patches.yml:3")] * len(messages)
    assert all(finding.message.startswith(text) for finding, text in zip(found, messages, strict=True))


def test_the_longest_expressions_are_taken() -> None:
    conditions: list[Condition] = [PathPattern(regex_values=['"' * 128])]
    transforms = [url_rewrite(("'" * 1024, "/" + "\\" * 1023))]
    made = rule("x").model_copy(update={"transforms": transforms, "conditions": conditions})
    assert "regsub" in front_configuration([service("a", made)], ()).configuration


def test_a_redirect_from_https_to_http_is_refused() -> None:
    assert problems(action=Redirect(protocol="HTTP"), listener="HTTPS") == [
        "redirect from HTTPS to HTTP is not allowed"
    ]


def test_health_checks_that_a_load_balancer_refuses() -> None:
    made = service("a", rule("x"))
    made.target_groups[0] = deepcopy(GROUP)
    made.target_groups[0].health_check.path = "health check"
    made.target_groups[0].health_check.success_codes = "ok"
    with pytest.raises(FindingsError) as caught:
        front_configuration([made], ())
    assert [finding.code for finding in caught.value.findings] == ["CL713", "CL713"]
