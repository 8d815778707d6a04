"""ARNs of the account that is deployed to find what is given here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.asgi import Application, Receive, Scope, Send, body_of, respond
from emulator.aws.other_accounts import with_other_accounts
from tests.unit.aws.client import ask

OWN = "000000000000"


def heard(target: str, body: dict[str, Any] | bytes) -> Any:
    """What the application behind it is asked."""
    asked: list[bytes] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        asked.append((await body_of(receive, 1 << 20))[0] or b"")
        await respond(send, 200, "text/plain", b"")

    layer: Application = with_other_accounts(application, OWN)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert ask(layer, body=content, headers={"X-Amz-Target": target}).status == 200
    return json.loads(asked[0]) if not isinstance(body, bytes) else asked[0]


SECRET = "arn:aws:secretsmanager:us-east-1:{}:secret:shop/db-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:{}:parameter/"


@pytest.mark.parametrize(
    ("target", "asked", "expected"),
    [
        ("secretsmanager.GetSecretValue", {"SecretId": SECRET.format("1" * 12)}, {"SecretId": "shop/db"}),
        ("secretsmanager.GetSecretValue", {"SecretId": SECRET.format(OWN)}, {"SecretId": SECRET.format(OWN)}),
        (
            "secretsmanager.BatchGetSecretValue",
            {"SecretIdList": [SECRET.format("1" * 12)]},
            {"SecretIdList": ["shop/db"]},
        ),
        ("AmazonSSM.GetParameter", {"Name": PARAMETER.format("1" * 12) + "a/b"}, {"Name": "/a/b"}),
        ("AmazonSSM.GetParameter", {"Name": PARAMETER.format("1" * 12) + "a"}, {"Name": "a"}),
        ("AmazonSSM.GetParameters", {"Names": ["/a", PARAMETER.format("1" * 12) + "a"]}, {"Names": ["/a", "a"]}),
        ("AmazonSQS.SendMessage", {"SecretId": SECRET.format("1" * 12)}, {"SecretId": SECRET.format("1" * 12)}),
    ],
)
def test_an_arn_of_another_account_becomes_the_name(target: str, asked: Any, expected: Any) -> None:
    assert heard(target, asked) == expected


@pytest.mark.parametrize("body", [b"arn: no json", b'["arn:"]', b""])
def test_what_is_no_request_stays(body: bytes) -> None:
    assert heard("secretsmanager.GetSecretValue", body) == body
