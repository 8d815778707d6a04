"""A container's variables for a program of this machine: addresses that it reaches, and what is said of the others."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from emulator.errors import InputError
from emulator.runtime.reports.variables_here import Places, variables_here, written

PLACES = Places(
    outlets={
        ("127.0.0.1", 6379): 6380,
        ("worker.test.app.local", 8000): 8000,
        ("store.test.app.local", 80): 10080,
        ("db.test.app.local", 5432): 5433,
        ("words", 6379): 6379,
        ("cache", 6379): 6390,
    },
    balancers={
        ("public-load-balancer.internal", 80): 8080,
        ("public-load-balancer.internal", 443): 8443,
        ("internal-load-balancer.internal", 80): 8081,
    },
)
NAMESPACE = {"COPILOT_SERVICE_DISCOVERY_ENDPOINT": "test.app.local"}


def here(value: str) -> str:
    return variables_here({"IT": value}, {}, PLACES).values["IT"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://worker.test.app.local:8000/x?y", "http://127.0.0.1:8000/x?y"),
        ("worker.test.app.local", "127.0.0.1"),
        ("http://store.test.app.local:80/", "http://127.0.0.1:10080/"),
        ("a.test:1,store.test.app.local:80", "a.test:1,127.0.0.1:10080"),
        ("redis://localhost:6379/0", "redis://localhost:6380/0"),
        ("127.0.0.1:6379", "127.0.0.1:6380"),
        ("127.0.0.1:63790", "127.0.0.1:63790"),
        ("not-localhost:6379", "not-localhost:6379"),
        ("postgres://me:pw@db.test.app.local:5432/it", "postgres://me:pw@127.0.0.1:5433/it"),
        ("public-load-balancer.internal", "127.0.0.1:8080"),
        ("http://public-load-balancer.internal:80/x", "http://127.0.0.1:8080/x"),
        ("https://public-load-balancer.internal/x", "https://127.0.0.1:8443/x"),
        ("http://internal-load-balancer.internal", "http://127.0.0.1:8081"),
        ("http://host.docker.internal:5000", "http://127.0.0.1:5000"),
        ("http://127.0.0.1:4566/0/queue", "http://127.0.0.1:4566/0/queue"),
        ('{"a": 1}', '{"a": 1}'),
        ("{not json", "{not json"),
    ],
)
def test_addresses_that_are_published_are_put_in_place(value: str, expected: str) -> None:
    assert here(value) == expected


@pytest.mark.parametrize("port", [5432, "5432"])
def test_a_database_s_secret_has_host_and_port_apart(port: int | str) -> None:
    secret = {"username": "me", "host": "db.test.app.local", "port": port}
    assert json.loads(here(json.dumps(secret))) == {**secret, "host": "127.0.0.1", "port": type(port)(5433)}


def test_what_only_tasks_reach_is_said() -> None:
    given = {**NAMESPACE, "OTHER": "http://other.test.app.local:1", "STORE": "store.test.app.local", "FINE": "x"}
    found = variables_here(given, {}, PLACES)
    assert found.values == given
    assert found.unreachable == {
        "COPILOT_SERVICE_DISCOVERY_ENDPOINT": "test.app.local",
        "OTHER": "test.app.local",
        "STORE": "store.test.app.local",
    }


def test_what_leads_to_metadata_and_credentials_is_left_out_for_keys_of_the_endpoint() -> None:
    given = {
        "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    }
    found = variables_here(given, {}, PLACES)
    assert found.values == {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    }
    assert set(found.left_out) == given.keys() - found.values.keys()


def test_keys_of_its_own_and_those_of_real_aws_stay_as_they_are() -> None:
    given = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_ENDPOINT_URL": "u", "AWS_ACCESS_KEY_ID": "mine"}
    assert variables_here(given, {}, PLACES).values["AWS_ACCESS_KEY_ID"] == "mine"
    real = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_ENDPOINT_URL_SQS": "u"}
    assert variables_here(real, {}, PLACES).values == {"AWS_ENDPOINT_URL_SQS": "u"}


def test_what_the_image_sets_is_not_the_program_s() -> None:
    image = {"PATH": "/bin", "MODE": "image"}
    assert variables_here({"PATH": "/bin", "MODE": "own"}, image, PLACES).values == {"MODE": "own"}


VALUES = {"PLAIN": "a=b:c/1", "SPACE": "two words", "QUOTE": 'it\'s $HOME `x` "y" \\n', "EMPTY": ""}


def test_a_shell_reads_every_value_as_it_is() -> None:
    values = {**VALUES, "LINES": "one\ntwo\n"}
    script = written(values, "shell") + "".join(f'printf "%s\\0" "${name}";' for name in values)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20, check=True, env={})
    assert done.stdout.split("\0")[:-1] == list(values.values())


def test_dotenv_quotes_what_needs_it() -> None:
    text = written({**VALUES, "LINES": "one\ntwo"}, "dotenv")
    assert text.splitlines() == [
        "EMPTY=",
        'LINES="one\\ntwo"',
        "PLAIN=a=b:c/1",
        'QUOTE="it\'s \\$HOME `x` \\"y\\" \\\\n"',
        "SPACE='two words'",
    ]
    assert shlex.split(text.splitlines()[4]) == ["SPACE=two words"]


def test_raw_lines_and_json() -> None:
    assert written({"B": "it's", "A": "1"}, "env") == "A=1\nB=it's\n"
    assert json.loads(written(VALUES, "json")) == VALUES


@pytest.mark.parametrize(("format", "values"), [("env", {"A": "1\n2"}), ("shell", {"a.b": "1"})])
def test_what_a_format_cannot_say_is_refused(format: str, values: dict[str, str]) -> None:
    with pytest.raises(InputError) as refused:
        written(values, format)
    assert "--format" in (refused.value.hint or "")


def test_a_name_without_a_dot_is_a_host_where_it_stands_for_one() -> None:
    given = {
        "URL": "redis://:pw@words/0",
        "WITH_PORT": "words:6379,cache:6379",
        "WORDS_HOST": "words",
        "MODE": "words",
        "PATH_OF_IT": "/words/cache",
        "CACHE_URL": "redis://cache/0",
        "CACHE_ENDPOINT": "cache",
    }
    found = variables_here(given, {}, PLACES)
    assert found.values == {
        **given,
        "URL": "redis://:pw@127.0.0.1/0",
        "WITH_PORT": "127.0.0.1:6379,127.0.0.1:6390",
        "WORDS_HOST": "127.0.0.1",
    }
    assert found.unreachable == {"CACHE_URL": "cache", "CACHE_ENDPOINT": "cache"}


def test_host_and_port_in_two_variables() -> None:
    given = {"DB_HOST": "db.test.app.local", "DB_PORT": "5432", "cache_host": "cache", "cache_port": "6379"}
    found = variables_here(given, {}, PLACES)
    assert found.values == {"DB_HOST": "127.0.0.1", "DB_PORT": "5433", "cache_host": "127.0.0.1", "cache_port": "6390"}
    assert found.unreachable == {}
