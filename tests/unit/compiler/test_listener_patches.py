"""`overrides/cfn.patches.yml` where it changes listener rules: the load balancer of this machine has them too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.compiler import Surroundings
from emulator.compiler.addons import SourceText
from emulator.compiler.listener.patches import not_applied
from emulator.compiler.patches import read_patches
from emulator.ecs.service import (
    HostHeader,
    HttpHeader,
    JwtClaim,
    JwtValidation,
    PathPattern,
    Rewrite,
    Service,
    SourceIp,
    Transform,
)
from emulator.errors import InputError, Position
from emulator.frontdoor.routing.explain import explain

Compile = Callable[..., Service]
Patched = Callable[..., Service]
WEB = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 80}
http:
  path: /shop
  alias: shop.example.com
  additional_rules:
    - path: /more
"""
RULE = "/Resources/HTTPListenerRule/Properties"
SECURE = "/Resources/HTTPSListenerRule/Properties"
URL = "[{Type: url-rewrite, UrlRewriteConfig: {Rewrites: [{Regex: ^/shop, Replace: /x}]}}]"
TRANSFORM = Transform(type="url-rewrite", rewrites=[Rewrite(regex="^/shop", replace="/x")])


@pytest.fixture
def patched(compile: Compile) -> Patched:
    def run(text: str, *, https: bool = False, here: bool = True, manifest: str = WEB) -> Service:
        patches = read_patches(SourceText("cfn.patches.yml", text))
        around = Surroundings(patches=patches, here=here, https=https, certificates=("arn",) if https else ())
        return compile(manifest, surroundings=around)

    return run


def patch(op: str, path: str, value: str = "") -> str:
    return f"- op: {op}\n  path: {path}\n" + (f"  value: {value}\n" if value else "")


def test_conditions_transforms_and_priority_are_applied(patched: Patched) -> None:
    service = patched(
        patch("add", f"{RULE}/Conditions/0/PathPatternConfig/RegexValues", '["^/dp/"]')
        + patch("remove", f"{RULE}/Conditions/0/PathPatternConfig/Values/1")
        + patch("add", f"{RULE}/Transforms", URL)
        + patch("replace", f"{RULE}/Priority", "7")
    )
    main, other = service.listener_rules
    assert main.conditions == [PathPattern(values=["/shop"], regex_values=["^/dp/"])]
    assert (main.transforms, main.priority) == ([TRANSFORM], 7)
    assert (other.transforms, other.patches, service.template_patches) == ([], {}, [])
    assert main.position_of("Transforms", 0) == Position("cfn.patches.yml", 6, 3)


def test_conditions_of_every_kind_are_read(patched: Patched) -> None:
    rows = (
        "{Field: source-ip, SourceIpConfig: {Values: [10.0.0.0/8]}}",
        "{Field: http-header, HttpHeaderConfig: {HttpHeaderName: X-Env, RegexValues: [!Sub '^${EnvName}$']}}",
        "{Field: host-header, Values: [a.example.com]}",
        "{Field: http-request-method, HttpRequestMethodConfig: {Values: [GET]}}",
        "{Field: query-string, QueryStringConfig: {Values: [{Value: 1}]}}",
    )
    service = patched("".join(patch("add", f"{RULE}/Conditions/-", row) for row in rows))
    conditions = service.listener_rules[0].conditions[1:]
    assert conditions[:3] == [
        SourceIp(values=["10.0.0.0/8"]),
        HttpHeader(name="X-Env", regex_values=["^test$"]),
        HostHeader(values=["a.example.com"]),
    ]
    assert [condition.values for condition in conditions[3:]] == [["GET"], [("", "1")]]


def test_without_https_the_rule_on_http_stands_for_the_other(patched: Patched) -> None:
    service = patched(patch("add", "/Resources/HTTPSListenerRule1/Properties/Transforms", URL))
    assert [rule.transforms for rule in service.listener_rules] == [[], [TRANSFORM]]


def test_with_https_each_rule_has_its_own_patches(patched: Patched) -> None:
    text = patch("add", f"{SECURE}/Transforms", URL)
    service = patched(text, https=True)
    assert {rule.name: rule.transforms for rule in service.listener_rules}["https"] == [TRANSFORM]
    assert {rule.name: rule.transforms for rule in service.listener_rules}["http"] == []
    text = patch("remove", "/Resources/HTTPListenerRuleWithDomain/Properties/Conditions/0")
    service = patched(text, https=True)
    kinds = {rule.name: [condition.field for condition in rule.conditions] for rule in service.listener_rules}
    assert (kinds["http"], kinds["https"]) == (["path-pattern"], ["host-header", "path-pattern"])


def test_the_own_name_of_the_load_balancer_stays(patched: Patched) -> None:
    """A deployment's host conditions do not have it, so that indexes do not count it."""
    text = patch("replace", f"{SECURE}/Conditions/0/HostHeaderConfig/Values/0", "new.example.com")
    service = patched(text, https=True)
    host = next(rule for rule in service.listener_rules if rule.name == "https").conditions[0]
    assert host == HostHeader(values=["new.example.com"], load_balancer_name=True)


@pytest.mark.parametrize(
    "text",
    [
        patch("add", f"{RULE}/Actions/0/Order", "2"),
        patch("add", f"{RULE}/Conditions/-", "{Field: host-header, HostHeaderConfig: {Values: [!Ref Other]}}"),
        patch("add", f"{RULE}/Conditions/0/PathPatternConfig/Values/-", "{Fn::Select: [0, [a, b]]}"),
        patch("replace", f"{RULE}/Priority", "!Ref Number"),
        patch("remove", "/Resources/HTTPListenerRule/DependsOn"),
        patch("add", "/Resources/HTTPListenerRuleWithDomain/Properties/Transforms", URL),
        patch("add", "/Resources/HTTPSListenerRule/Properties/Conditions/4/Field", "x"),
        patch("add", "/Resources/HTTPListenerRule9/Properties/Transforms", URL),
        patch("replace", "/Resources/TargetGroup/Properties/HealthCheckPath", "/x"),
    ],
)
def test_what_only_a_deployment_has_is_said(patched: Patched, text: str) -> None:
    service = patched(text)
    (finding,) = not_applied(service)
    assert (finding.code, str(finding.position)) == ("CL716", "cfn.patches.yml:1:3")
    assert "changes the deployed load balancer only" in finding.message
    assert service.listener_rules == patched("").listener_rules


def test_patches_of_other_resources_are_not_about_the_load_balancer(patched: Patched) -> None:
    assert not list(not_applied(patched(patch("add", "/Resources/TaskRole/Properties/Path", "/x/"))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (patch("add", f"{RULE}/Conditions/3/Field", "x"), "has 1 item, so there is no index '3'"),
        (patch("add", f"{RULE}/Transforms", "[{Type: rewrite}]"), "Transforms.0.Type"),
        (
            patch("add", f"{RULE}/Transforms", "[{Type: url-rewrite}]"),
            "url-rewrite has its rewrites in UrlRewriteConfig",
        ),
        (patch("add", f"{RULE}/Conditions/0/PathPatternConfig/RegexValue", "[a]"), "RegexValue"),
        (patch("add", f"{RULE}/Conditions/-", "{Field: source-ip}"), "a condition on source-ip has no values"),
    ],
)
def test_what_is_no_listener_rule_is_refused(patched: Patched, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        patched(text)
    assert message in str(caught.value)
    assert str(caught.value.position) == "cfn.patches.yml:1:3"


JWT = "{Type: jwt-validation, Order: 1, JwtValidationConfig: {JwksEndpoint: 'https://issuer.test/jwks', Issuer: me"
CLAIM = ", AdditionalClaims: [{Name: scope, Format: space-separated-values, Values: [read]}]"


def test_a_token_is_validated_where_a_patch_adds_that(patched: Patched) -> None:
    service = patched(patch("add", f"{SECURE}/Actions/0", f"{JWT}{CLAIM}}}}}"))
    claims = [JwtClaim(name="scope", format="space-separated-values", values=["read"])]
    main, other = service.listener_rules
    assert main.jwt == JwtValidation(jwks_endpoint="https://issuer.test/jwks", issuer="me", claims=claims)
    assert (other.jwt, service.template_patches) == (None, [])
    assert main.position_of("Actions") is not None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (RULE, f"{JWT}}}}}", "on HTTPS listeners alone"),
        (SECURE, "{Type: jwt-validation, JwtValidationConfig: {Issuer: me}}", "makes no listener rule"),
        (SECURE, f"{JWT}, Newer: 1}}}}", "makes no listener rule"),
    ],
)
def test_a_validation_that_is_none_is_refused(patched: Patched, path: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        patched(patch("add", f"{path}/Actions/0", value))
    assert caught.value.position is not None


def test_another_action_is_the_deployments_alone(patched: Patched) -> None:
    service = patched(patch("add", f"{SECURE}/Actions/0", "{Type: authenticate-oidc, Order: 1}"))
    assert [finding.code for finding in not_applied(service)] == ["CL716"]


def test_a_deployment_keeps_the_patches_for_its_template(patched: Patched) -> None:
    service = patched(patch("add", f"{RULE}/Transforms", URL), here=False)
    assert service.listener_rules[0].transforms == []
    assert len(service.template_patches) == 1


def test_a_rewritten_rule_gets_no_advice_about_its_prefix(patched: Patched) -> None:
    result = explain([patched(patch("add", f"{RULE}/Transforms", URL))], "GET", "/shop/cart")
    assert result.container_path == "/x/cart"
    assert [finding.code for finding in result.warnings if finding.path == "http"] == []
