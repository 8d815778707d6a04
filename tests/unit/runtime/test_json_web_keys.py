"""Public keys of a JSON Web Key Set as PEM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.ecs.service import JwtValidation
from emulator.errors import InputError
from emulator.runtime.listeners.json_web_keys import keys_of, read_keys
from tests.docker.frontdoor.jwks import jwk
from tests.unit.runtime.world import make_service

ENDPOINT = "https://issuer.test/jwks"


@pytest.mark.parametrize("bits", [1024, 2048, 2056])
def test_a_key_is_what_cryptography_makes_of_it(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    expected = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    other = {"kty": "EC", "kid": "other"}
    assert read_keys(json.dumps({"keys": [jwk(key, "one"), other]})) == {"one": expected}


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "EC"}]}', '{"keys": [{"kty": "RSA"}]}', '{"keys": 5}'],
)
def test_what_is_no_key_set_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"it (is no|has)|Expecting"):
        read_keys(content)


def service(endpoint: str = ENDPOINT) -> Any:
    found = make_service(target=("hello", 80))
    found.listener_rules[0].jwt = JwtValidation(jwks_endpoint=endpoint, issuer="me")
    return found


def test_a_file_of_the_workspace_stands_for_the_endpoint(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [jwk(rsa.generate_private_key(65537, 1024), "one")]}))
    [(endpoint, keys)] = keys_of([service()], {ENDPOINT: "jwks.json"}, tmp_path).items()
    assert (endpoint, list(keys)) == (ENDPOINT, ["one"])


@pytest.mark.parametrize("file", ["missing.json", "../outside.json", "/etc/hostname"])
def test_a_file_that_cannot_be_had_says_what_to_do(tmp_path: Path, file: str) -> None:
    with pytest.raises(InputError, match="cannot be had") as caught:
        keys_of([service()], {ENDPOINT: file}, tmp_path)
    assert "[jwt] keys" in caught.value.hint


def test_an_endpoint_that_does_not_answer_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be had"):
        keys_of([service("https://127.0.0.1:1/jwks")], {}, tmp_path)
