"""Logins of private registries."""

from __future__ import annotations

import pytest

from emulator.engine.interface import RegistryAuth
from emulator.errors import SecretsError
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.secrets.sources import SecretValues
from tests.unit.runtime.secrets.conftest import Want

ARN = "arn:aws:secretsmanager:us-east-2:123456789012:secret:prod/hub-AbCdE1"
LOGIN = '{"username": "reader", "password": "open-sesame"}'


@pytest.mark.parametrize(
    ("variables", "file"), [({"PROD_HUB": LOGIN}, {}), ({}, {ARN: LOGIN}), ({}, {"prod/hub": LOGIN})]
)
def test_a_login_comes_from_where_secrets_come_from(
    want: Want, variables: dict[str, str], file: dict[str, str]
) -> None:
    wanted = want(ARN, login=True)
    logins = RegistryLogins([wanted], SecretValues(variables, file))
    assert logins.secret("hello", "hello") == wanted
    assert logins.secret("hello", "other") is None
    found = logins.get(wanted)
    assert found == RegistryAuth("reader", "open-sesame")
    assert "open-sesame" not in repr(found)


@pytest.mark.parametrize(
    "text", ["open-sesame", "[]", "{", '{"username": "reader"}', '{"username": 1, "password": "x"}']
)
def test_what_holds_no_login_is_refused_and_not_shown(want: Want, text: str) -> None:
    wanted = want(ARN, login=True, line=12)
    logins = RegistryLogins([wanted], SecretValues({"PROD_HUB": text}))
    with pytest.raises(SecretsError) as caught:
        logins.get(wanted)
    assert "unable to get registry auth from asm" in caught.value.message
    assert str(caught.value.position) == "copilot/hello/manifest.yml:12:3"
    assert "open-sesame" not in f"{caught.value} {caught.value.hint} {caught.value.output}"


def test_a_login_that_is_not_needed_is_not_looked_up(want: Want) -> None:
    RegistryLogins([want(ARN, login=True)], SecretValues({})).require([])
