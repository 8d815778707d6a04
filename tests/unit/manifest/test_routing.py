"""http and nlb, target containers and ports: forms and rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, WEB


def http(text: str) -> str:
    return f"{{path: /, {text}}}"


# §1.11


def test_every_key_of_a_rule(manifests: Any) -> None:
    rule = manifests.good(
        sidecars="{nginx: {image: x, port: 8080}}",
        http="""
  path: api
  healthcheck: {path: /up, port: 8080, success_codes: 200, healthy_threshold: 3, unhealthy_threshold: 2,
    timeout: 5s, interval: 10s, grace_period: 45s}
  version: gRPC
  stickiness: true
  alias: example.com
  hosted_zone: Z1
  deregistration_delay: 0s
  target_container: nginx
  target_port: 8080
  allowed_source_ips: [10.0.0.0/8, 2001:db8::/32]
  redirect_to_https: false
  alb: arn:aws:elasticloadbalancing:us-west-2:123:loadbalancer/app/x/1
  additional_rules: [{path: /admin, healthcheck: /x}]
""",
    ).http
    assert (rule.path, rule.version, rule.stickiness, rule.hosted_zone) == ("api", "gRPC", True, "Z1")
    assert (rule.healthcheck.success_codes, rule.healthcheck.grace_period) == ("200", timedelta(seconds=45))
    assert rule.deregistration_delay == timedelta(0)
    assert [str(block) for block in rule.allowed_source_ips] == ["10.0.0.0/8", "2001:db8::/32"]
    assert (rule.target_container, rule.target_port, rule.redirect_to_https) == ("nginx", 8080, False)
    assert rule.additional_rules[0].healthcheck.path == "/x"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.com", [("a.com", None)]),
        ("[a.com, b.com]", [("a.com", None), ("b.com", None)]),
        ("[{name: a.com, hosted_zone: Z}, {name: b.com}]", [("a.com", "Z"), ("b.com", None)]),
    ],
)
def test_forms_of_an_alias(manifests: Any, text: str, names: list[tuple[str, str | None]]) -> None:
    alias = manifests.good(http=http(f"alias: {text}")).http.alias
    assert [(item.name, item.hosted_zone) for item in alias] == names


@pytest.mark.parametrize("block", ["http", "nlb"])
@pytest.mark.parametrize(
    ("text", "place"), [("[{name: a.com}, b.com]", "alias[1]"), ("[b.com, {name: a.com}]", "alias[0]")]
)
def test_text_beside_a_map_is_no_alias(manifests: Any, block: str, text: str, place: str) -> None:
    blocks = {"http": http(f"alias: {text}")} if block == "http" else {"nlb": f"{{port: 80, alias: {text}}}"}
    assert manifests.bad(**blocks) == [("CL104", f"{block}.{place}")]
    assert [item.name for item in getattr(manifests.lenient(**blocks), block).alias] == ["a.com"]


def test_http_can_be_switched_off_where_there_is_an_nlb(manifests: Any) -> None:
    assert manifests.good(http="false", nlb="{port: 80}").http is None
    assert manifests.bad(http="false") == [("CL106", "http")]


def test_http_true_sets_nothing_up(manifests: Any) -> None:
    assert manifests.bad(http="true") == [("CL109", "http")]
    assert manifests.lenient(http="true").http is None


@pytest.mark.parametrize("text", [None, ""])
def test_http_is_required(manifests: Any, text: str | None) -> None:
    assert [code for code, _ in manifests.bad(http=text)] == ["CL106"]


def test_empty_http(manifests: Any) -> None:
    assert manifests.bad(http="{}") == [("CL103", "http")]
    assert manifests.good(BACKEND, http="{}").http is None


def test_a_backend_service_has_no_boolean_http(manifests: Any) -> None:
    assert manifests.bad(BACKEND, http="false") == [("CL103", "http")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{stickiness: true}", ("CL106", "http")),
        (http("additional_rules: [{stickiness: true}]"), ("CL106", "http.additional_rules[0]")),
        (http("healthcheck: ''"), ("CL107", "http.healthcheck")),
        (http("healthcheck: {}"), ("CL103", "http.healthcheck")),
        (http("healthcheck: {path: /, interval: 10}"), ("CL103", "http.healthcheck.interval")),
        (http("healthcheck: {path: /, port: 70000}"), ("CL107", "http.healthcheck.port")),
        ("{path: /a b}", ("CL107", "http.path")),
        (f"{{path: /{'x' * 126}}}", ("CL107", "http.path")),  # with /* behind it one character too many
        (http("alias: [a.example.com, b!.example.com]"), ("CL107", "http.alias[1]")),
        (http("healthcheck: he alth"), ("CL107", "http.healthcheck")),
        (http("healthcheck: {success_codes: 2xx}"), ("CL107", "http.healthcheck.success_codes")),
        (http("healthcheck: {success_codes: '0,12'}"), ("CL107", "http.healthcheck.success_codes")),
        (http("healthcheck: {interval: 4s}"), ("CL151", "http.healthcheck.interval")),
        (http("healthcheck: {timeout: 121s}"), ("CL151", "http.healthcheck.timeout")),
        (http("healthcheck: {timeout: 10s, interval: 10s}"), ("CL151", "http.healthcheck.timeout")),
        (http("healthcheck: {healthy_threshold: 1}"), ("CL151", "http.healthcheck.healthy_threshold")),
        (http("healthcheck: {unhealthy_threshold: 11}"), ("CL151", "http.healthcheck.unhealthy_threshold")),
        (http("version: http3"), ("CL107", "http.version")),
        (http("alias: {name: a}"), ("CL103", "http.alias")),
        (http("alias: [{hosted_zone: Z}]"), ("CL106", "http.alias[0]")),
        (http("hosted_zone: Z"), ("CL121", "http.hosted_zone")),
        (http("allowed_source_ips: [10.0.0.1]"), ("CL107", "http.allowed_source_ips[0]")),
        (http("allowed_source_ips: [10.0.0.0/33]"), ("CL107", "http.allowed_source_ips[0]")),
        (http("allowed_source_ips: [localhost/8]"), ("CL107", "http.allowed_source_ips[0]")),
        (http("alias: [a, b, c], allowed_source_ips: [10.0.0.0/8, 11.0.0.0/8]"), ("CL129", "http.allowed_source_ips")),
        (http("alias: [a, b, c, d, e]"), ("CL129", "http.alias")),
        ("{path: /api, alias: [a, b, c, d]}", ("CL129", "http.path")),
        ("{path: ''}", ("CL107", "http")),
        (http("target_port: 0"), ("CL107", "http.target_port")),
        (http("target_port: '80'"), ("CL104", "http.target_port")),
        (http("deregistration_delay: 50"), ("CL104", "http.deregistration_delay")),
        (http("target_container: x, targetContainer: y"), ("CL107", "http.targetContainer")),
        (http("alb: 'arn:x'"), ("CL107", "http.alb")),
        (http("additional_rules: [{path: /a, healthcheck: {grace_period: 1s}}]"),
         ("CL120", "http.additional_rules[0].healthcheck.grace_period")),
        ("[a]", ("CL103", "http")),
        ("text", ("CL103", "http")),
    ],
)  # fmt: skip
def test_rules_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    found = manifests.bad(http=text)
    assert expected[0] in [code for code, _ in found]
    assert any(path.startswith(expected[1]) for code, path in found if code == expected[0])


def test_four_conditions_beside_a_root_path_are_right(manifests: Any) -> None:
    assert len(manifests.good(http=http("alias: [a, b], allowed_source_ips: [10.0.0.0/8, 11.0.0.0/8]")).http.alias) == 2


@pytest.mark.parametrize("key", ["alb: x", "redirect_to_https: true"])
def test_keys_that_a_backend_service_ignores(manifests: Any, key: str) -> None:
    assert [code for code, _ in manifests.bad(BACKEND, http=http(key))] == ["CL109"]


def test_a_name_of_a_load_balancer_needs_not_be_an_arn(manifests: Any) -> None:
    assert manifests.good(http=http("alb: my-lb")).http.alb == "my-lb"


# §1.12


def test_every_key_of_an_nlb(manifests: Any) -> None:
    nlb = manifests.good(
        sidecars="{tls: {image: x, port: 8443}}",
        nlb="""
  port: 443/TLS
  healthcheck: {port: 80, healthy_threshold: 3, unhealthy_threshold: 3, timeout: 10s, interval: 30s, grace_period: 5s}
  target_container: tls
  target_port: 8443
  ssl_policy: P
  stickiness: true
  deregistration_delay: 1m
  alias: [a.com]
  additional_listeners: [{port: 8080}]
""",
    ).nlb
    assert (nlb.port.number, nlb.port.protocol, nlb.target_port, nlb.ssl_policy) == (443, "tls", 8443, "P")
    assert nlb.additional_listeners[0].port.number == 8080
    assert nlb.healthcheck.grace_period == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{stickiness: true}", ("CL106", "nlb")),
        ("{port: ''}", ("CL107", "nlb.port")),
        ("{port: 80/quic}", ("CL107", "nlb.port")),
        ("{port: 80, target_port: 70000}", ("CL107", "nlb.target_port")),
        ("{port: 80, alias: [{name: a, hosted_zone: Z}]}", ("CL107", "nlb.alias[0].hosted_zone")),
        ("{port: 80, ssl_policy: P}", ("CL109", "nlb.ssl_policy")),
        ("{port: 80, additional_listeners: [{}]}", ("CL106", "nlb.additional_listeners[0]")),
        ("{port: 80, additional_listeners: [{port: 81, healthcheck: {grace_period: 1s}}]}",
         ("CL120", "nlb.additional_listeners[0].healthcheck.grace_period")),
        ("{port: 80, target_container: x}", ("CL124", "nlb.target_container")),
    ],
)  # fmt: skip
def test_nlbs_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(nlb=text)


def test_an_nlb_is_for_web_services(manifests: Any) -> None:
    (finding,) = manifests.findings(manifests.text(BACKEND, nlb="{port: 80}"))
    assert (finding.code, finding.copilot_accepts) == ("CL102", True)
    assert "Load Balanced Web Service" in finding.hint


def test_one_grace_period_for_both_load_balancers(manifests: Any) -> None:
    found = manifests.bad(
        http=http("healthcheck: {grace_period: 1s}"), nlb="{port: 81, healthcheck: {grace_period: 1s}}"
    )
    assert found == [("CL120", "nlb.healthcheck.grace_period")]


# target containers and ports, §1.11 and §1.14


@pytest.mark.parametrize("kind", [WEB, BACKEND])
def test_target_containers(manifests: Any, kind: str) -> None:
    assert manifests.good(kind, http=http("target_container: web")).http.target_container == "web"
    sidecars = "{a: {image: x, port: 8080}, b: {image: x}}"
    assert manifests.good(kind, http=http("target_container: a"), sidecars=sidecars).http.target_container == "a"
    without = manifests.bad(kind, http=http("target_container: b"), sidecars=sidecars)
    assert without == [("CL124", "http.target_container")]
    with_port = manifests.bad(kind, http=http("target_container: b, target_port: 9"), sidecars=sidecars)
    assert with_port == [("CL124", "http.target_container")]
    unknown = manifests.bad(kind, http=http("additional_rules: [{path: /a, target_container: c}]"))
    assert unknown == [("CL124", "http.additional_rules[0].target_container")]


def test_a_backend_service_without_a_port_gets_no_requests(manifests: Any) -> None:
    assert manifests.bad(BACKEND, image="{location: x}", http=http("")) == [("CL124", "http")]
    found = manifests.bad(BACKEND, image="{location: x}", http=http("target_container: web"))
    assert ("CL124", "http.target_container") in found


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"sidecars": "{a: {image: x, port: 80}}"}, "image.port"),
        ({"sidecars": "{a: {image: x, port: 81}, b: {image: x, port: 81}}"}, "sidecars.b.port"),
        ({"http": http("target_container: web, target_port: 81"), "sidecars": "{a: {image: x, port: 81}}"},
         "http.target_port"),
        ({"nlb": "{port: 53/udp, target_port: 81}", "sidecars": "{a: {image: x, port: 81}}"}, "nlb.port"),
        ({"http": http("target_port: 81"), "sidecars": "{a: {image: x, port: 81/udp}}"}, "http.target_port"),
    ],
)  # fmt: skip
def test_ports_claimed_twice(manifests: Any, blocks: dict[str, str], path: str) -> None:
    assert ("CL123", path) in manifests.bad(**blocks)


def test_a_target_port_goes_to_the_container_that_has_it(manifests: Any) -> None:
    assert manifests.good(http=http("target_port: 81"), sidecars="{a: {image: x, port: 81}}").http.target_port == 81
    assert manifests.good(nlb="{port: 443/tls, target_port: 81}", sidecars="{a: {image: x, port: 81}}").nlb is not None


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"http": http("healthcheck: {port: 81}"), "sidecars": "{a: {image: x, port: 81/udp}}"}, "http.healthcheck"),
        ({"nlb": "{port: 53/udp}"}, "nlb"),
    ],
)
def test_health_checks_on_udp(manifests: Any, blocks: dict[str, str], path: str) -> None:
    assert ("CL128", path) in manifests.bad(**blocks)


def test_a_udp_listener_with_a_tcp_health_check(manifests: Any) -> None:
    assert manifests.good(nlb="{port: 53/udp, healthcheck: {port: 80}}").nlb.port.protocol == "udp"
