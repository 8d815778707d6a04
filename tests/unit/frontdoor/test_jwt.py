"""Tokens that a rule validates: what `route` says of them, and what a load balancer would refuse of a rule."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.ecs.service import (
    Forward,
    JwtClaim,
    JwtValidation,
    ListenerRule,
    PathPattern,
    Service,
    TargetGroup,
    WeightedTargetGroup,
)
from emulator.errors import FindingsError
from emulator.frontdoor.haproxy.configuration import front_configuration
from emulator.frontdoor.options import FrontOptions
from emulator.frontdoor.routing.explain import explain
from tests.frontdoor_table import service_with

ENDPOINT = "https://issuer.test/jwks"
CLAIMS = [
    JwtClaim(name="role", format="single-string", values=["admin", "owner"]),
    JwtClaim(name="https://app.test/teams", format="string-array", values=["ops"]),
    JwtClaim(name="scope", format="space-separated-values", values=["read:x"]),
]
GOOD = {"iss": "me", "role": "owner", "https://app.test/teams": ["dev", "ops"], "scope": "write read:x"}


def service(jwt: JwtValidation) -> Service:
    forward = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
    rule = ListenerRule(name="rule", conditions=[PathPattern(values=["/*"])], action=forward, jwt=jwt, root=True)
    return service_with([rule], [TargetGroup(name="default", container_name="web", container_port=80)])


def token(claims: dict[str, Any], algorithm: str = "RS256") -> str:
    parts = [{"alg": algorithm, "kid": "one"}, {"exp": 4100000000, **claims}]
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "x"]
    )


def explained(*headers: tuple[str, str]) -> tuple[int | None, str]:
    jwt = JwtValidation(jwks_endpoint=ENDPOINT, issuer="me", claims=CLAIMS)
    found = explain([service(jwt)], "GET", "/", headers)
    return found.status, found.reason


def test_a_token_with_every_claim_is_passed_on_if_its_signature_is_good() -> None:
    status, reason = explained(("Authorization", f"Bearer {token(GOOD)}"))
    assert status is None
    assert reason.endswith("forwards, if the token's signature is good, which is not checked here")


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "has no token"),
        ("Basic abc", "has no token"),
        ("Bearer abc", "no JSON Web Token"),
        (f"Bearer {token(GOOD, 'none')}", "only RS256"),
        (f"Bearer {token({**GOOD, 'iss': 'other'})}", "issuer is 'other'"),
        (f"Bearer {token({**GOOD, 'exp': 1})}", "has expired"),
        (f"Bearer {token({**GOOD, 'exp': None})}", "has expired"),
        (f"Bearer {token({**GOOD, 'nbf': 9999999999})}", "not valid yet: nbf"),
        (f"Bearer {token({**GOOD, 'role': 'guest'})}", "claim role is 'guest'"),
        (f"Bearer {token({**GOOD, 'https://app.test/teams': 'ops'})}", "claim https://app.test/teams"),
        (f"Bearer {token({**GOOD, 'scope': 'read:xy'})}", "claim scope"),
    ],
)
def test_what_is_refused_is_said_with_its_reason(header: str, why: str) -> None:
    status, reason = explained(*([("Authorization", header)] if header else []))
    assert status == 401
    assert why in reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jwks_endpoint": "http://issuer.test"}, "no https URL"),
        ({"issuer": ""}, "has an Issuer"),
        ({"claims": [JwtClaim(name="exp", format="single-string", values=["1"])]}, "checked anyway"),
        ({"claims": [JwtClaim(name="a", format="single-string", values=[])]}, "no values of claim a"),
        ({"claims": CLAIMS * 4}, "has 12 claims"),
    ],
)
def test_what_a_load_balancer_refuses_of_a_rule(change: dict[str, Any], message: str) -> None:
    jwt = JwtValidation(jwks_endpoint=ENDPOINT, issuer="me").model_copy(update=change)
    with pytest.raises(FindingsError) as caught:
        explain([service(jwt)], "GET", "/")
    assert [message in finding.message for finding in caught.value.findings] == [True]


def test_keys_are_files_of_the_front_and_without_any_nothing_is_passed_on() -> None:
    jwt = JwtValidation(jwks_endpoint=ENDPOINT, issuer="me")
    with_keys = front_configuration([service(jwt)], [], FrontOptions(jwks={ENDPOINT: {"one": "PEM", "two": "PEM2"}}))
    assert sorted(content for path, content in with_keys.files.items() if path.startswith("jwt/")) == [b"PEM", b"PEM2"]
    text = front_configuration([service(jwt)], [], FrontOptions()).files["haproxy.cfg"].decode()
    assert "http_auth_bearer" not in text
    assert "return status 500 content-type text/html" in text
