"""Which calls are counted, for which service, and what AWS would check of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.agent import aws_relay
from emulator.aws.asgi import Application, Receive, Scope, Send, body_of, respond
from emulator.aws.permissions import calls as module
from emulator.aws.permissions.calls import Calls
from emulator.aws.permissions.described import Call, checks
from emulator.aws.ports import CALLER, CALLS
from tests.unit.aws.client import ask

ACCOUNT = "000000000000"
URL = f"http://127.0.0.1:4566/{ACCOUNT}/orders"
ORDERS = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"


def described(call: Call, region: str, account: str) -> list[tuple[str, str]]:
    return [(f"{region}:{account}", call.body.decode() or call.path)]


def answering(status: int) -> Application:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await body_of(receive, 1 << 20)
        await respond(send, status, "text/plain", b"answer")

    return application


def counted(calls: Calls) -> list[tuple[str, str, int, int]]:
    found: Any = calls.as_json()["calls"]
    return [(one["service"], one["resource"], one["calls"], one["refused"]) for one in found]


def test_the_relay_and_the_endpoint_know_the_same_path() -> None:
    assert aws_relay.CALLER == CALLER


def test_calls_of_an_introduced_connection_are_counted() -> None:
    calls = Calls(described, ACCOUNT, "us-east-1")
    application = calls.around(answering(200))
    ask(application, "/before")
    assert counted(calls) == []
    assert ask(application, f"{CALLER}api%20one", method="GET").status == 200
    for _ in range(2):
        assert ask(application, "/after").body == b"answer"
    ask(calls.around(answering(403)), "/after")
    assert counted(calls) == [("api one", "/after", 3, 1)]
    assert json.loads(ask(application, CALLS, method="GET").body) == calls.as_json()


def test_calls_to_names_of_aws_are_counted_by_their_address() -> None:
    calls = Calls(described, ACCOUNT, "us-east-1")
    application = calls.around(answering(200))
    relayed, task = ("10.0.0.2", 1000), ("10.0.0.2", 2000)
    ask(application, f"{CALLER}api", method="GET", query=b"address", client=relayed)
    ask(application, "/other", headers={"host": "local-aws.internal"}, client=task)  # a log router's
    ask(application, "/queue", headers={"host": "sqs.us-east-1.amazonaws.com"}, client=task)
    ask(application, "/key", headers={"host": "files.s3.us-east-1.amazonaws.com"}, client=task)
    ask(application, "/files/key", headers={"host": "s3.us-east-1.amazonaws.com"}, client=task)
    ask(application, "/queue", headers={"host": "sqs.us-east-1.amazonaws.com"}, client=("10.0.0.3", 2000))
    assert counted(calls) == [("api", "/queue", 1, 0), ("api", "/files/key", 2, 0)]


def test_the_region_is_that_of_the_signature() -> None:
    calls = Calls(described, ACCOUNT, "us-east-1")
    application = calls.around(answering(200))
    ask(application, f"{CALLER}api", method="GET")
    ask(application, headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/sqs/aws4_request"})
    ask(application)
    found: Any = calls.as_json()["calls"]
    assert [one["action"] for one in found] == [f"eu-west-1:{ACCOUNT}", f"us-east-1:{ACCOUNT}"]


def test_the_content_of_an_object_is_not_looked_into() -> None:
    calls = Calls(described, ACCOUNT, "us-east-1")
    application = calls.around(answering(200))
    ask(application, f"{CALLER}api", method="GET")
    ask(application, "/bucket/key", b"content", {"Content-Type": "application/json"}, method="PUT")
    ask(application, "/queue", b"{}", {"Content-Type": "application/x-amz-json-1.0"})
    assert [one[1] for one in counted(calls)] == ["/bucket/key", "{}"]


def test_too_many_different_ones_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    calls = Calls(described, ACCOUNT, "us-east-1")
    application = calls.around(answering(200))
    ask(application, f"{CALLER}api", method="GET")
    for path in ("/1", "/2", "/2", "/1"):
        ask(application, path)
    assert (counted(calls), calls.as_json()["more"]) == ([("api", "/1", 2, 0)], 2)


def test_a_call_that_cannot_be_described_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: Call, region: str, account: str) -> list[tuple[str, str]]:
        raise ValueError(f"{call} {region} {account}")

    application = Calls(broken, ACCOUNT, "us-east-1").around(answering(200))
    ask(application, f"{CALLER}api", method="GET")
    assert ask(application, "/x").status == 200
    assert "could not be described" in caplog.text


def target(name: str, **fields: Any) -> Call:
    headers = {"x-amz-target": name, "content-type": "application/x-amz-json-1.0"}
    return Call("POST", "/", "", headers, json.dumps(fields).encode())


def form(service: str, body: str) -> Call:
    authorization = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "authorization": authorization}
    return Call("POST", "/", "", headers, body.encode())


def s3(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Call:
    authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(method, path, query, {"authorization": authorization, **given}, body)


DELETED = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/things"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (target("AmazonSQS.SendMessage", QueueUrl=URL), [("sqs:SendMessage", ORDERS)]),
        (target("AmazonSQS.DeleteMessageBatch", QueueUrl=URL), [("sqs:DeleteMessage", ORDERS)]),
        (
            form("sns", f"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A{ACCOUNT}%3Anews"),
            [("sns:Publish", f"arn:aws:sns:us-east-1:{ACCOUNT}:news")],
        ),
        (
            form("sns", f"Action=PublishBatch&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A{ACCOUNT}%3Anews"),
            [("sns:Publish", f"arn:aws:sns:us-east-1:{ACCOUNT}:news")],
        ),
        (form("sts", "Action=GetCallerIdentity"), []),
        (target("DynamoDB_20120810.GetItem", TableName="things"), [("dynamodb:GetItem", TABLE)]),
        (
            target("DynamoDB_20120810.Query", TableName="things", IndexName="by"),
            [("dynamodb:Query", f"{TABLE}/index/by")],
        ),
        (
            target("DynamoDB_20120810.TransactWriteItems", TransactItems=[{"Put": {"TableName": "things"}}]),
            [("dynamodb:PutItem", TABLE)],
        ),
        (target("AmazonSSM.GetParameter", Name="/a/b:3"), [("ssm:GetParameter", f"{PARAMETER}/a/b")]),
        (
            target("AmazonSSM.GetParameters", Names=["/a/b", "c"]),
            [("ssm:GetParameters", f"{PARAMETER}/a/b"), ("ssm:GetParameters", f"{PARAMETER}/c")],
        ),
        (target("AmazonSSM.GetParametersByPath", Path="/a"), [("ssm:GetParametersByPath", f"{PARAMETER}/a")]),
        (s3("GET", "/files/a/b.txt"), [("s3:GetObject", "arn:aws:s3:::files/a/b.txt")]),
        (s3("HEAD", "/files/a"), [("s3:GetObject", "arn:aws:s3:::files/a")]),
        (s3("PUT", "/files/a"), [("s3:PutObject", "arn:aws:s3:::files/a")]),
        (s3("GET", "/files", "list-type=2"), [("s3:ListBucket", "arn:aws:s3:::files")]),
        (s3("GET", "/"), [("s3:ListAllMyBuckets", "*")]),
        (
            s3("PUT", "/files/b", x_amz_copy_source="/other/a"),
            [("s3:PutObject", "arn:aws:s3:::files/b"), ("s3:GetObject", "arn:aws:s3:::other/a")],
        ),
        (
            s3("POST", "/files", "delete", DELETED),
            [("s3:DeleteObject", "arn:aws:s3:::files/a"), ("s3:DeleteObject", "arn:aws:s3:::files/b")],
        ),
    ],
)
def test_what_aws_checks_of_a_request(call: Call, expected: list[tuple[str, str]]) -> None:
    assert checks(call, "us-east-1", ACCOUNT) == expected
