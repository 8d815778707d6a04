"""Secrets and the local AWS endpoint: what goes there, under which name, and what comes from there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.ecs.addons.model import Addons
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.events import Event
from emulator.model import make
from emulator.runtime.secrets.endpoint_secrets import EndpointSecrets, made_by_addons
from emulator.runtime.secrets.sources import SecretChoice, SecretValues
from emulator.runtime.state.desired import Private
from emulator.settings import LocalOptions
from tests.unit.runtime.secrets.conftest import Want
from tests.unit.runtime.world import make_service

DB = "arn:aws:secretsmanager:us-east-2:123456789012:secret:shop/db-AbCdEf"
OPTIONS = LocalOptions(region="eu-west-1")


def given(values: SecretValues, *wanted: Any, options: LocalOptions = OPTIONS) -> EndpointSecrets:
    endpoint = EndpointSecrets()
    endpoint.take(values.find(wanted), values, options)
    return endpoint


def test_a_plain_name_is_a_parameter_and_an_arn_a_secret(want: Want) -> None:
    values = SecretValues({"A": "a"}, {"B": "b"})
    found = given(values, want("/shop/a:3", "A"), want(DB, "B"))
    assert found.parameters == {"/shop/a": "a"}
    assert found.secrets == {"shop/db": "b"}


def test_parts_of_a_secret_make_the_whole_one(want: Want) -> None:
    values = SecretValues({}, {"USER": "me", "WORD": "secret-word"})
    found = given(values, want(f"{DB}:username::", "USER"), want(f"{DB}:password::", "WORD"))
    assert json.loads(found.secrets["shop/db"]) == {"username": "me", "password": "secret-word"}


def test_the_whole_one_is_taken_where_it_is_given(want: Want) -> None:
    whole = '{"password": "p", "port": 5432}'
    assert given(SecretValues({}, {"shop/db": whole}), want(f"{DB}:password::", "WORD")).secrets == {"shop/db": whole}


def test_lines_of_the_file_that_no_manifest_names_are_there_for_code() -> None:
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter"
    lines = {"/a/b": "1", f"{arn}/c": "2", "PLAIN": "4", "/aws/service/x": "5", "arn:aws:ssm:cut": "6"}
    assert given(SecretValues({}, lines)).parameters == {"/a/b": "1", "c": "2"}


def test_a_registrys_login_is_not_for_tasks(want: Want) -> None:
    login = '{"username": "me", "password": "secret-word"}'
    values = SecretValues({"TOKEN": login}, {DB: login, "/docker/hub": login})
    found = EndpointSecrets()
    wanted = want(DB, login=True)
    found.take({wanted: login}, values, OPTIONS)
    assert (found.parameters, found.secrets) == ({}, {})


def test_what_was_typed_is_not_kept(want: Want) -> None:
    values = SecretValues({}, choice=SecretChoice("ask", lambda _: "typed"))
    found = given(values, want("/shop/a"))
    assert (found.parameters, found.secrets) == ({}, {})


def test_without_an_endpoint_nothing_is_noted(want: Want) -> None:
    found = given(SecretValues({"TOKEN": "t"}), want("/shop/a"), options=LocalOptions(aws="none"))
    assert found.parameters == {}


@pytest.mark.parametrize("name", ["awsshop-test-token", "/awsshop/token", "SSM-token"])
def test_a_name_that_aws_keeps_to_itself_is_said_with_its_line(want: Want, name: str) -> None:
    found = given(SecretValues({"TOKEN": "secret-word"}), want(name, line=7))
    assert found.parameters == {}
    events: list[Event] = []
    found.warn(events.append)
    [event] = events
    assert f"{name} begins with aws or ssm" in event.message
    assert "manifest.yml:7" in event.message
    assert "secret-word" not in str(event)


def test_a_secret_by_way_of_systems_manager_is_a_secret(want: Want) -> None:
    found = given(SecretValues({"TOKEN": "t"}), want("/aws/reference/secretsmanager/shop/db"))
    assert (found.secrets, found.reserved) == ({"shop/db": "t"}, [])


def test_values_are_not_shown() -> None:
    assert "word" not in repr(EndpointSecrets({"a": "word"}, {"b": "word"}))


SECTIONS: Any = {
    "Parameters": {name: {"Type": "String"} for name in ("App", "Env", "Name")},
    "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}},
    "Resources": {
        "Word": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": {"Fn::Sub": "/copilot/${App}/${Env}/word"}, "Value": "v"},
        },
        "Login": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "shop/db"}},
        "Only": {"Type": "AWS::SSM::Parameter", "Condition": "IsProd", "Properties": {"Name": "/only/prod"}},
        "Bad": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": {"Ref": "Nothing"}}},
    },
}


class TestFromAddons:
    def service(self) -> Service:
        return make_service().model_copy(update={"addons": make(Addons, sections=SECTIONS)})

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("/copilot/demo/test/word", True),
            ("/copilot/demo/test/word:1", True),
            (DB, True),
            (f"{DB}:password::", True),
            ("/only/prod", False),
            ("/else", False),
        ],
    )
    def test_are_known_by_name_before_they_are_made(self, want: Want, name: str, expected: bool) -> None:
        assert made_by_addons([self.service()], OPTIONS)(want(name)) is expected

    def test_are_not_there_without_an_endpoint(self, want: Want) -> None:
        assert not made_by_addons([self.service()], LocalOptions(aws="none"))(want(DB))

    def test_are_left_to_it_where_the_user_gives_none(self, want: Want) -> None:
        first, second, third = want(DB, "A"), want(f"{DB}:password::", "B"), want("/else", "C")
        endpoint = EndpointSecrets()
        rest = endpoint.leave([first, second, third], SecretValues({"A": "mine"}), [self.service()], OPTIONS)
        assert (rest, endpoint.wanted) == ([first, third], [second])
        assert endpoint.request()["lookups"] == [("secretsmanager", "shop/db")]
        private = endpoint.received(Private(), ['{"password": "made"}'])
        assert private.of("hello", "hello") == {"B": "made"}

    @pytest.mark.parametrize(
        ("content", "says"), [(None, "the addons made no"), ('{"user": "x"}', "did not contain json key password")]
    )
    def test_one_that_is_not_there_is_an_error_with_its_line(self, want: Want, content: str | None, says: str) -> None:
        endpoint = EndpointSecrets(wanted=[want(f"{DB}:password::", line=4)])
        with pytest.raises(InputError, match=says) as caught:
            endpoint.received(Private(), [content])
        assert caught.value.position is not None
        assert caught.value.position.line == 4
