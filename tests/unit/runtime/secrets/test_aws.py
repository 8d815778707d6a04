"""Secrets from AWS, asked through botocore of moto, which answers as AWS does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.errors import CopilotLocalError, InputError, SecretsError, Unsupported
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.secrets.sources import SecretChoice, SecretValues
from tests.unit.runtime.secrets.conftest import Want

HERE = "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: "
ASM = f"{PREFIX}execution resource retrieval failed: unable to retrieve secret from asm: "
SSM = f"{PREFIX}execution resource retrieval failed: unable to retrieve secrets from ssm: "


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An AWS account in memory: makes clients. Nothing of this machine's own configuration is seen."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    from moto import mock_aws  # which takes long to import, and only these tests need

    with mock_aws():
        yield session(HERE).client


def session(region: str) -> Any:
    import boto3

    return boto3.session.Session("testing", "testing", region_name=region)


def aws(**variables: str) -> SecretValues:
    return SecretValues({**KEYS, **variables}, choice=SecretChoice("aws"))


def failure(values: SecretValues, *wanted: Any) -> CopilotLocalError:
    with pytest.raises(SecretsError) as caught:
        values.find(list(wanted))
    return caught.value


def test_parameters_are_decrypted_and_asked_for_ten_at_a_time(
    account: Any, want: Want, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm = account("ssm")
    for number in range(12):
        ssm.put_parameter(Name=f"/app/{number}", Value=f"value {number}", Type="SecureString")
    ssm.put_parameter(Name="LIST", Value="a,b", Type="StringList")
    sizes: list[int] = []
    send = __import__("botocore.client").client.BaseClient._make_api_call

    def counted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        sizes.append(len(arguments["Names"]))
        return send(client, operation, arguments)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", counted)
    wanted = [want(f"/app/{number}", f"V{number}") for number in range(12)]
    plain, twice = want("LIST"), want("/app/0", "AGAIN")
    found = aws().find([*wanted, plain, twice])
    assert [found[one] for one in wanted] == [f"value {number}" for number in range(12)]
    assert (found[plain], found[twice]) == ("a,b", "value 0")
    assert sorted(sizes) == [3, 10]


def test_a_parameters_arn_says_in_which_region_it_is(account: Any, want: Want) -> None:
    there = session("us-east-2").client("ssm")
    there.put_parameter(Name="/app/token", Value="there", Type="String")
    wanted = want("arn:aws:ssm:us-east-2:123456789012:parameter/app/token")
    assert aws().find([wanted]) == {wanted: "there"}


def test_parameters_that_are_not_there_are_told_together(account: Any, want: Want) -> None:
    account("ssm").put_parameter(Name="/app/there", Value="x", Type="String")
    error = failure(aws(), want("/app/b", "B"), want("/app/there", "C"), want("/app/a", "A", line=4))
    assert error.message == (
        f"{SSM}fetching secret data from SSM Parameter Store in {HERE}: invalid parameters: /app/a,/app/b"
    )
    assert getattr(error, "output", None) == [
        "B of hello/hello: /app/b",
        "copilot/hello/manifest.yml:4: A of hello/hello: /app/a",
    ]


def test_secrets_are_taken_by_part_stage_and_version(account: Any, want: Want) -> None:
    manager = account("secretsmanager")
    first = manager.create_secret(Name="prod/db", SecretString=json.dumps({"password": "old", "port": 1000000}))
    manager.put_secret_value(SecretId="prod/db", SecretString=json.dumps({"password": "new", "on": True}))
    arn = first["ARN"]
    wanted = {
        want(arn): '{"password": "new", "on": true}',
        want(f"{arn}:password::"): "new",
        want(f"{arn}:on::"): "true",
        want(f"{arn}:password:AWSPREVIOUS:"): "old",
        want(f"{arn}:port::{first['VersionId']}"): "1e+06",
        want("arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db:password::"): "new",
    }
    assert aws().find(list(wanted)) == wanted


def test_a_secret_that_is_not_there_is_told_in_awss_words(account: Any, want: Want) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nothing-AbCdEf"
    error = failure(aws(), want(f"{arn}:password::", line=9))
    assert error.message == (
        f"{ASM}failed to fetch secret {arn} from secrets manager: "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    )
    assert str(error.position) == "copilot/hello/manifest.yml:9:3"


def test_a_part_that_is_not_there_is_told_as_ecs_does(account: Any, want: Want) -> None:
    arn = account("secretsmanager").create_secret(Name="db", SecretString='{"user": "secret-content"}')["ARN"]
    error = failure(aws(), want(f"{arn}:password::"))
    assert error.message == f"{ASM}retrieved secret from Secrets Manager did not contain json key password"


def test_binary_secrets_are_refused_as_on_ecs(account: Any, want: Want) -> None:
    arn = account("secretsmanager").create_secret(Name="db", SecretBinary=b"x")["ARN"]
    assert "binary data" in failure(aws(), want(arn)).message


def test_a_registry_login_is_read_by_name(account: Any, want: Want) -> None:
    login = json.dumps({"username": "reader", "password": "open-sesame"})
    account("secretsmanager").create_secret(Name="docker-hub", SecretString=login)
    wanted = want("docker-hub", login=True)
    assert RegistryLogins([wanted], aws()).get(wanted).password == "open-sesame"
    error = failure(aws(), want("other-hub", login=True))
    assert "unable to get registry auth from asm: asm fetching secret from the service for other-hub: " in error.message


def test_what_has_a_value_here_is_not_asked_for(account: Any, want: Want) -> None:
    wanted = want("/app/token")
    assert aws(TOKEN="here").find([wanted]) == {wanted: "here"}


def test_aws_is_asked_once_while_a_command_runs(account: Any, want: Want) -> None:
    account("ssm").put_parameter(Name="/app/token", Value="first", Type="String")
    choice, wanted = SecretChoice("aws"), want("/app/token")
    for _ in range(2):
        assert SecretValues(KEYS, choice=choice).find([wanted]) == {wanted: "first"}
        account("ssm").put_parameter(Name="/app/token", Value="second", Type="String", Overwrite=True)
    assert "first" not in repr(choice)


def test_without_credentials_it_says_how_to_get_some(
    want: Want, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in (*KEYS, "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no credentials to ask it with") as caught:
        SecretValues({}, choice=SecretChoice("aws")).find([want("/app/token")])
    assert "AWS_PROFILE" in caught.value.hint


def test_an_unknown_profile_is_named(account: Any, want: Want, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"The config profile \(nobody\) could not be found"):
        SecretValues({"AWS_PROFILE": "nobody"}, choice=SecretChoice("aws")).find([want("/app/token")])


def test_an_endpoint_that_does_not_answer_is_named(want: Want) -> None:
    error = failure(aws(AWS_ENDPOINT_URL="http://127.0.0.1:1"), want("/app/token"))
    assert "http://127.0.0.1:1" in error.message


def test_without_botocore_it_is_refused(want: Want, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(Unsupported, match="botocore, which asks it, is not installed") as caught:
        aws().find([want("/app/token")])
    assert "secrets.env" in caught.value.hint
