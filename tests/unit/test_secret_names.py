"""What a secret may be named by: the forms of ECS, SSM and Secrets Manager."""

from __future__ import annotations

import pytest

from emulator.secret_names import managed_problem, reference_problem, variable_problem

SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:"
PARAMETER = "arn:aws:ssm:us-west-2:123456789012:parameter/"


@pytest.mark.parametrize(
    "text",
    [
        "NAME",
        "/copilot/app/test/secrets/DB_PASSWORD",
        "name.with-all_of/it",
        "/a/b:3",
        f"{PARAMETER}a/b",
        f"{SECRET}db/password-AbCdEf",
        f"{SECRET}db-AbCdEf:key::",
        f"{SECRET}db-AbCdEf:::version",
        f"{SECRET}rds!cluster-1234-AbCdEf",
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a",
    ],
)
def test_what_ecs_takes(text: str) -> None:
    assert reference_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/a/JWT KEY", "not the name of a parameter"),
        ("$MY_SECRET", "not the name of a parameter"),
        ("/a/b!", "not the name of a parameter"),
        ("ä", "not the name of a parameter"),
        ("/a\n", "not the name of a parameter"),
        ("/" + "a" * 2048, "more than 2048 characters"),
        ("arn:aws:ssm:us-west-2", "4 of six parts"),
        (f"{PARAMETER}a b", "not the name of a parameter"),
        ("arn:aws:ssm:us-west-2:123456789012:document/x", "not the ARN of a parameter"),
        (f"{SECRET}a b", "not the name of a secret"),
        (f"{SECRET}name:key", "1 of the three colons"),
        (f"{SECRET}name:key:stage:version:more", "4 of the three colons"),
        ("arn:aws:secretsmanager:us-west-2:123456789012:x", "not the ARN of a secret"),
        ("arn:aws:s3:::bucket/key", "an ARN of s3 is not a secret"),
    ],
)
def test_what_ecs_refuses(text: str, problem: str) -> None:
    assert problem in reference_problem(text)


def test_names_of_managed_secrets() -> None:
    assert managed_problem("db/password") == managed_problem("db:key::") == ""
    assert "three colons" in managed_problem("db:key")
    assert "not the name of a secret" in managed_problem("my secret")
    assert "more than 512" in managed_problem("a" * 513)


def test_names_of_variables() -> None:
    assert variable_problem("ConnectionStrings__Main") == variable_problem("Logging:Level") == ""
    assert variable_problem("JWT KEY")
    assert variable_problem("KEY!")
    assert variable_problem("")
