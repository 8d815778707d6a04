from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.runtime.redact import SHORTEST, Redactor, sounds_secret


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
