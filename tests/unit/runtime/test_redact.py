from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.ecs.service import Build, LogGroup, Service
from emulator.ecs.task_definition import ContainerDefinition, KeyValuePair, LogConfiguration, TaskDefinition
from emulator.runtime.reports.redact import SHORTEST, Redactor, secrets_of, sounds_secret, variables


def test_a_value_becomes_its_name_wherever_it_stands() -> None:
    value = 'p@ss "wörd"/1'
    redact = Redactor([("DB_PASSWORD", value)])
    for form in (value, json.dumps(value), quote(value, safe=""), base64.b64encode(value.encode()).decode()):
        text = redact(f"before {form} after")
        assert "<DB_PASSWORD>" in text
        assert form not in text
        assert text.startswith("before ")
        assert text.endswith(" after")


def test_each_line_of_a_key_is_taken_out() -> None:
    redact = Redactor([("KEY", "-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----")])
    assert redact("log: MIIEvQ") == "log: <KEY>"


def test_of_two_values_that_begin_alike_the_longer_is_meant() -> None:
    redact = Redactor([("SHORT", "open"), ("LONG", "open-sesame")])
    assert redact("open-sesame, open") == "<LONG>, <SHORT>"


def test_what_is_too_short_to_be_found_is_named() -> None:
    redact = Redactor([("PIN", "7"), ("EMPTY", "")])
    assert redact("7 of 7") == "7 of 7"
    assert redact.unsafe == {"PIN"}


@given(st.text(min_size=SHORTEST).filter(lambda value: len(value.strip()) >= SHORTEST and "<" not in value), st.text())
def test_no_text_holds_the_value_afterwards(value: str, text: str) -> None:
    assert value not in Redactor([("1", value)])(f"{text}{value}{text}").replace("<1>", "\x00")


@pytest.mark.parametrize("name", ["DB_PASSWORD", "api_key", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "apiKey"])
def test_some_names_sound_like_secrets(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize("name", ["LOG_LEVEL", "COPILOT_SERVICE_NAME", "KEYBOARD", "PATH"])
def test_most_names_do_not(name: str) -> None:
    assert not sounds_secret(name)


VALUE = "s3cr3t/p@ss word+1"


@pytest.mark.parametrize(
    "form",
    [
        *(base64.b64encode(f"{before}{VALUE}:x".encode()).decode() for before in ("", "u", "me", "you", "user:")),
        base64.urlsafe_b64encode(f"user:{VALUE}".encode()).decode(),
        VALUE.encode().hex(),
        quote(VALUE, safe=""),
        quote(VALUE, safe="").lower(),
        quote(quote(VALUE, safe=""), safe=""),
        quote(VALUE),
        json.dumps(json.dumps({"a": VALUE})),
    ],
)
def test_it_is_found_within_what_is_encoded(form: str) -> None:
    redacted = Redactor([("DB_PASSWORD", VALUE)])(f"x {form} y")
    assert "<DB_PASSWORD>" in redacted
    assert VALUE not in redacted
    assert form not in redacted


def test_parts_of_a_secret_are_secrets() -> None:
    redact = Redactor([("DB", '{"username": "administrator", "password": "open-sesame"}'), ("U", "pg://u:hush-1@h/x")])
    assert redact("as administrator with open-sesame, hush-1") == "as <DB> with <DB>, <U>"


def test_a_service_holds_secrets_in_the_clear() -> None:
    service = Service(
        app="a",
        environment="t",
        name="web",
        type="Backend Service",
        main_container="web",
        log_group=LogGroup(name="g"),
        builds={
            "web": Build(context=".", dockerfile="Dockerfile", args={"NPM_TOKEN": "abc", "V": "1.2", "X": "Zq8-long"})
        },
        task_definition=TaskDefinition(
            family="f",
            container_definitions=[
                ContainerDefinition(
                    name="web",
                    image="x",
                    environment=[
                        KeyValuePair(name="API_TOKEN", value="clear-99"),
                        KeyValuePair(name="DATABASE", value="postgres://u:hush-2@db/x"),
                        KeyValuePair(name="LEVEL", value="information"),
                    ],
                    docker_labels={"auth.token": "label-7"},
                    log_configuration=LogConfiguration(
                        log_driver="awsfirelens",
                        options={
                            "Name": "http",
                            "http_Passwd": "opt-1",
                            "Header": "X-Api-Key opt-2",
                            "apikey": "opt-3",
                        },
                    ),
                )
            ],
        ),
    )
    assert {value for _, value in secrets_of(service)} == {
        *("abc", "Zq8-long", "clear-99", "hush-2", "label-7", "opt-1", "opt-2", "opt-3"),
    }


def test_values_of_a_file_of_variables_are_secrets_unless_they_are_short_and_plain() -> None:
    assert dict(variables({"PORT": "3000", "STRIPE": "live-value", "DB_PASSWORD": "abc"})) == {
        "STRIPE": "live-value",
        "DB_PASSWORD": "abc",
    }
