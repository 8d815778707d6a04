"""Names and generated words: the same each time, and what AWS takes."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest

from emulator.aws.stacks.names import database_identifier, physical_name
from emulator.aws.stacks.passwords import derived_word, generated_secret
from emulator.aws.stacks.problems import Problem

SEED = bytes(range(16))


def test_a_name_is_of_stack_and_logical_id_and_the_same_each_time() -> None:
    name = physical_name("demo-test-api", "Table")
    assert name.startswith("demo-test-api-Table-")
    assert name == physical_name("demo-test-api", "Table")
    assert name != physical_name("demo-test-worker", "Table")


def test_a_long_name_is_shortened_and_stays_apart_from_others() -> None:
    names = {physical_name("s" * 60, f"Long{n}", most=63, lower=True) for n in range(20)}
    assert len(names) == 20
    assert {len(name) for name in names} == {63}
    assert all(name == name.lower() for name in names)


def test_a_suffix_counts() -> None:
    name = physical_name("s" * 90, "Queue", most=80, suffix=".fifo")
    assert name.endswith(".fifo")
    assert len(name) == 80


def test_a_databases_identifier_is_in_lower_case() -> None:
    assert database_identifier("demo", "DB", "My-DB") == "my-db"
    assert database_identifier("demo", "DB").startswith("demo-db-")


@pytest.mark.parametrize(
    ("rules", "letters"),
    [
        ({}, string.ascii_letters + string.digits + string.punctuation),
        ({"ExcludePunctuation": True}, string.ascii_letters + string.digits),
        ({"ExcludePunctuation": "true", "ExcludeNumbers": True, "ExcludeUppercase": True}, string.ascii_lowercase),
        ({"ExcludeCharacters": 'abc"@/\\'}, "".join(sorted(set(string.printable.strip()) - set('abc"@/\\')))),
        ({"IncludeSpace": True}, string.ascii_letters + string.digits + string.punctuation + " "),
    ],
    ids=str,
)
def test_a_word_has_the_letters_that_the_rules_allow(rules: dict[str, Any], letters: str) -> None:
    word = derived_word(SEED, "stack", "Secret", {"PasswordLength": 400, **rules})
    assert len(word) == 400
    assert set(word) <= set(letters)


@pytest.mark.parametrize("number", range(50))
def test_a_short_word_has_one_of_each_kind(number: int) -> None:
    word = derived_word(SEED, "stack", f"Secret{number}", {"PasswordLength": 4})
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    assert [sum(letter in kind for letter in word) for kind in kinds] == [1, 1, 1, 1]


def test_a_word_is_the_same_for_the_same_seed_and_resource_alone() -> None:
    word = derived_word(SEED, "stack", "Secret", {})
    assert len(word) == 32
    assert word == derived_word(SEED, "stack", "Secret", {})
    others = [derived_word(b"x", "stack", "Secret", {}), derived_word(SEED, "stack", "Other", {})]
    assert word not in others


def test_a_template_gets_the_word_in_its_key() -> None:
    rules: dict[str, Any] = {"SecretStringTemplate": '{"username": "u"}', "GenerateStringKey": "password"}
    fields = json.loads(generated_secret(SEED, "stack", "Secret", rules))
    assert fields == {"username": "u", "password": derived_word(SEED, "stack", "Secret", {})}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"PasswordLength": 5000}, "is no number from 1 to 4096"),
        ({"PasswordLength": "many"}, "is no number from 1 to 4096"),
        ({"PasswordLength": 3}, "less than the 4 kinds"),
        ({"ExcludeCharacters": string.digits}, "left out altogether"),
        ({"ExcludeCharacters": string.printable, "RequireEachIncludedType": False}, "no letters are left"),
        ({"SecretStringTemplate": "{}"}, "has one of"),
        ({"SecretStringTemplate": "[]", "GenerateStringKey": "k"}, "is no JSON object"),
    ],
    ids=str,
)
def test_rules_that_cannot_be_kept_are_an_error(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem, match=message):
        generated_secret(SEED, "stack", "Secret", rules)
