"""Tokens that a listener rule validates, by the load balancer itself and signed by real keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.docker.ecs.conftest import IMAGE
from tests.docker.frontdoor.jwks import jwk, token
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

CLAIMS = [
    {"Name": "role", "Format": "single-string", "Values": ["admin", "owner"]},
    {"Name": "https://app.test/teams", "Format": "string-array", "Values": ["o.ps", "it's"]},
    {"Name": "scope", "Format": "space-separated-values", "Values": ["read:x"]},
]
GOOD = {"iss": "https://issuer.test/", "role": "owner", "https://app.test/teams": ["dev", "it's"], "scope": "a read:x"}
PAST, FUTURE = 1600000000, 4100000000
ENDPOINT = "https://issuer.test/jwks"
SCRIPT = "mkdir /www; echo here > /www/index.html; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait"


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """A service whose requests need a token."""
    found = make_shared_project("")
    found.write("copilot/.workspace", f"application: {found.app}\n")
    found.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    found.write("jwks.json", json.dumps({"keys": [jwk(_key(kid), kid) for kid in ("one", "two")]}))
    found.write("copilot-local.toml", f'[jwt]\nkeys = {{ "{ENDPOINT}" = "jwks.json" }}\n')
    found.write(
        "copilot/web/manifest.yml",
        f"name: web\ntype: Load Balanced Web Service\ncpu: 256\nmemory: 512\nimage: {{location: {IMAGE}, port: 80}}\n"
        f"command: {json.dumps(['sh', '-c', SCRIPT])}\nhttp: {{path: /}}\n",
    )
    config = {"JwksEndpoint": ENDPOINT, "Issuer": GOOD["iss"], "AdditionalClaims": CLAIMS}
    action = {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": config}
    patch = {"op": "add", "path": "/Resources/HTTPSListenerRule/Properties/Actions/0", "value": action}
    found.write("copilot/web/overrides/cfn.patches.yml", json.dumps([patch]))
    found.run("up", "-d", "--wait", "--port", str(found.port)).ok()
    return found


@cache
def _key(kid: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def made(claims: dict[str, Any], key: str = "one", **header: Any) -> str:
    return token(_key(key), {"exp": FUTURE, **GOOD, **claims}, **{"kid": key, **header})


def tampered() -> str:
    head, _, signature = made({}).split(".")
    return ".".join([head, made({"role": "admin"}).split(".")[1], signature])


TOKENS: dict[str, tuple[Callable[[], str], int]] = {
    "good": (lambda: made({}), 200),
    "the second key": (lambda: made({}, "two"), 200),
    "another value of a claim": (lambda: made({"role": "admin", "https://app.test/teams": ["o.ps"]}), 200),
    "expired": (lambda: made({"exp": PAST}), 401),
    "without an end": (lambda: made({"exp": None}), 401),
    "not valid yet": (lambda: made({"nbf": FUTURE}), 401),
    "issued in the future": (lambda: made({"iat": FUTURE}), 401),
    "valid since now": (lambda: made({"nbf": PAST, "iat": PAST}), 200),
    "another issuer": (lambda: made({"iss": "https://other.test/"}), 401),
    "tampered with": (tampered, 401),
    "another key of the same id": (lambda: made({}, "stranger", kid="one"), 401),
    "an unknown key": (lambda: made({}, "stranger"), 401),
    "no key id": (lambda: made({}, kid=None), 401),
    "no algorithm": (lambda: made({}, alg="none"), 401),
    "another algorithm": (lambda: made({}, alg="HS256"), 401),
    "another role": (lambda: made({"role": "guest"}), 401),
    "a role that begins so": (lambda: made({"role": "owners"}), 401),
    "another team": (lambda: made({"https://app.test/teams": ["ops", "oxps"]}), 401),
    "another scope": (lambda: made({"scope": "read:xy"}), 401),
    "no token at all": (lambda: "nonsense", 401),
}


@pytest.mark.parametrize("name", list(TOKENS))
def test_a_token_is_taken_or_refused(project: Project, name: str) -> None:
    text, status = TOKENS[name]
    answer = project.get("/", Authorization=f"Bearer {text()}")
    assert answer.status_code == status, answer.text
    assert (answer.text == "here\n") == (status == 200)


def test_without_a_token_the_answer_is_401(project: Project) -> None:
    assert project.get("/").status_code == 401
    assert project.get("/", Authorization="Basic eDp5").status_code == 401


def test_route_says_the_same(project: Project) -> None:
    refused = project.run("route", "GET", "/", "-H", f"Authorization: Bearer {TOKENS['another issuer'][0]()}")
    assert "issuer is 'https://other.test/'" in refused.out + refused.err
    taken = project.run("route", "GET", "/", "-H", f"Authorization: Bearer {TOKENS['good'][0]()}").ok()
    assert "if the token's signature is good" in taken.out
