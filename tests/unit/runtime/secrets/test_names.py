"""What `valueFrom` and `credentialsParameter` name."""

from __future__ import annotations

import pytest

from emulator.errors import InputError
from emulator.runtime.secrets.names import SecretName, parse_secret

HERE = "eu-west-1"
SECRET = "arn:aws:secretsmanager:us-east-2:123456789012:secret:"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GH_TOKEN", SecretName("ssm", HERE, "GH_TOKEN", "GH_TOKEN")),
        ("/app/token", SecretName("ssm", HERE, "/app/token", "/app/token")),
        (
            "arn:aws:ssm:us-east-2:123456789012:parameter/app/token",
            SecretName("ssm", "us-east-2", "arn:aws:ssm:us-east-2:123456789012:parameter/app/token", "/app/token"),
        ),
        ("arn:aws:ssm:us-east-2:000000000000:parameter/token", SecretName("ssm", "us-east-2", "token", "token")),
        (
            f"{SECRET}db-AbCdEf:password::",
            SecretName("secretsmanager", "us-east-2", f"{SECRET}db-AbCdEf", "db-AbCdEf", "password"),
        ),
        (
            f"{SECRET}db-AbCdEf:password:AWSPREVIOUS:v1",
            SecretName(
                "secretsmanager", "us-east-2", f"{SECRET}db-AbCdEf", "db-AbCdEf", "password", "AWSPREVIOUS", "v1"
            ),
        ),
        (
            "arn:aws:secretsmanager:us-east-2:000000000000:secret:prod/db:password::",
            SecretName("secretsmanager", "us-east-2", "prod/db", "prod/db", "password"),
        ),
    ],
)
def test_names_and_arns_are_told_apart(text: str, expected: SecretName) -> None:
    assert parse_secret(text, HERE) == expected


def test_a_plain_name_of_a_registry_login_is_a_secrets() -> None:
    assert parse_secret("docker-hub", HERE, login=True) == SecretName(
        "secretsmanager", HERE, "docker-hub", "docker-hub"
    )


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("arn:aws:s3:::bucket/key", False),
        ("arn:aws:ssm:us-east-2:123456789012:document/x", False),
        (f"{SECRET}db:password", False),
        (f"{SECRET}db:password:a:b:c", False),
        (SECRET, False),
        ("arn:aws", False),
        ("arn:aws:ssm:us-east-2:123456789012:parameter/token", True),
    ],
)
def test_an_arn_of_something_else_is_refused(text: str, login: bool) -> None:
    with pytest.raises(InputError, match="is not the ARN of"):
        parse_secret(text, HERE, login=login)


@pytest.mark.parametrize(
    ("text", "aliases", "variable"),
    [
        (f"{SECRET}prod/hub-AbCdE1", (f"{SECRET}prod/hub-AbCdE1", "prod/hub-AbCdE1", "prod/hub"), "PROD_HUB"),
        (f"{SECRET}docker-access", (f"{SECRET}docker-access", "docker-access"), "DOCKER_ACCESS"),
        ("docker.hub", ("docker.hub",), "DOCKER_HUB"),
    ],
)
def test_a_secret_goes_by_its_arn_and_its_name_with_and_without_what_aws_appends(
    text: str, aliases: tuple[str, ...], variable: str
) -> None:
    name = parse_secret(text, HERE, login=True)
    assert (name.aliases, name.variable) == (aliases, variable)
