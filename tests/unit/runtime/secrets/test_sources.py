"""Where values of secrets come from on this machine, and what is said of those that have none."""

from __future__ import annotations

import pytest

from emulator.errors import SecretsError, UsageError
from emulator.runtime.secrets.sources import SecretChoice, SecretValues
from emulator.runtime.secrets.wanted import Wanted
from emulator.settings import SecretSettings
from tests.unit.runtime.secrets.conftest import Want

DB = "arn:aws:secretsmanager:us-east-2:123456789012:secret:db-AbCdEf"
PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: "


def value(values: SecretValues, wanted: Wanted) -> str:
    return values.find([wanted])[wanted]


def test_the_shell_and_env_files_win_over_secrets_env(want: Want) -> None:
    values = SecretValues({"TOKEN": "shell"}, {"TOKEN": "file", "/prod/token": "named"})
    assert value(values, want("/prod/token")) == "shell"


@pytest.mark.parametrize(
    ("file", "value_from", "expected"),
    [
        ({"TOKEN": "variable"}, "/prod/token", "variable"),
        ({"TOKEN": "variable", "/prod/token": "named"}, "/prod/token", "named"),
        ({DB: "whole"}, DB, "whole"),
        ({"db": "whole"}, DB, "whole"),
        ({"db": '{"password": "p", "port": 1000000}'}, f"{DB}:password::", "p"),
        ({"db": '{"password": "p", "port": 1000000}'}, f"{DB}:port::", "1e+06"),
        ({f"{DB}:password::": "part"}, f"{DB}:password::", "part"),
        ({"TOKEN": '{"password": "p"}'}, f"{DB}:password::", '{"password": "p"}'),
        ({"TOKEN": ""}, "/prod/token", ""),
    ],
)
def test_secrets_env_knows_variables_and_secrets_by_name(
    want: Want, file: dict[str, str], value_from: str, expected: str
) -> None:
    assert value(SecretValues({}, file), want(value_from)) == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"user": "secret-content"}', "retrieved secret from Secrets Manager did not contain json key password"),
        ("secret-content", f"the secret {DB}:password:: is not JSON, of which password could be taken"),
    ],
)
def test_a_secret_without_the_part_that_is_wanted_is_told_as_ecs_does(want: Want, content: str, why: str) -> None:
    with pytest.raises(SecretsError) as caught:
        value(SecretValues({}, {"db": content}), want(f"{DB}:password::", line=7))
    said = f"execution resource retrieval failed: unable to retrieve secret from asm: {why}"
    assert caught.value.message == PREFIX + said
    assert caught.value.output == [f"copilot/hello/manifest.yml:7: TOKEN of hello/hello: {DB}:password::"]
    assert "secret-content" not in f"{caught.value} {caught.value.hint} {caught.value.output}"


def test_the_user_is_asked_once_for_what_has_no_value(want: Want) -> None:
    asked: list[Wanted] = []

    def ask(wanted: Wanted) -> str:
        asked.append(wanted)
        return f"answer {len(asked)}"

    choice = SecretChoice("ask", ask)
    first, same, known = want("/a", "A"), want("/a", "B"), want("/c", "C")
    for _ in range(2):  # `up --watch` reads everything again
        found = SecretValues({"C": "c"}, choice=choice).find([first, same, known])
        assert found == {first: "answer 1", same: "answer 1", known: "c"}
    assert asked == [first]


def test_without_a_terminal_it_says_so(want: Want) -> None:
    with pytest.raises(SecretsError) as caught:
        value(SecretValues({}, settings=SecretSettings(source="ask")), want("/a"))
    assert caught.value.hint.startswith("asking takes a terminal")


def test_the_user_is_not_asked_unless_wanted(want: Want) -> None:
    with pytest.raises(SecretsError):
        value(SecretValues({}, choice=SecretChoice(None, lambda _: "answer")), want("/a"))


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(UsageError, match="does not know 'vault'"):
        SecretValues({}, choice=SecretChoice("vault"))


def test_all_missing_ones_are_told_with_their_lines_and_what_to_do(want: Want) -> None:
    first, second = want("/a", "A", line=7), want(f"{DB}:password::", "B", line=8)
    login = want("docker-hub", login=True, line=3)
    with pytest.raises(SecretsError) as caught:
        SecretValues({}).find([first, second, login])
    error = caught.value
    assert error.message == f"{PREFIX}3 secrets have no value here"
    assert str(error.position) == "copilot/hello/manifest.yml:7:3"
    assert error.output == [
        "copilot/hello/manifest.yml:7: A of hello/hello: /a",
        f"copilot/hello/manifest.yml:8: B of hello/hello: {DB}:password::",
        "copilot/hello/manifest.yml:3: the registry login of hello/hello: docker-hub",
    ]
    assert ".copilot-local/secrets.env" in error.hint
    assert "DOCKER_HUB" in error.hint


def test_a_reference_to_a_deployment_takes_the_value_of_its_variable(want: Want) -> None:
    wanted = want({"kind": "import", "name": "SharedToken"})
    assert value(SecretValues({"TOKEN": "t"}), wanted) == "t"
    with pytest.raises(SecretsError) as caught:
        value(SecretValues({}), wanted)
    assert caught.value.output == ["TOKEN of hello/hello: the CloudFormation export SharedToken"]
