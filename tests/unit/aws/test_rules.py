"""Names and settings that AWS refuses, at the local endpoint."""

from __future__ import annotations

import json

import pytest

from emulator.aws.asgi import Receive, Scope, Send, body_of, respond
from emulator.aws.checked import MOST_BYTES, with_rules
from emulator.aws.rules import refused_bucket, refused_call
from tests.unit.aws.client import Answer, ask

LOGS, FIREHOSE, KINESIS = "Logs_20140328", "Firehose_20150804", "Kinesis_20131202"


def refused(target: str, **content: object) -> str:
    """The error's code and message; empty where the call is taken."""
    refusal = refused_call(target, json.dumps(content).encode())
    return f"{refusal.code}: {refusal.message}" if refusal is not None else ""


@pytest.mark.parametrize("name", ["/aws/$(ecs_cluster)", "a b", "", "é", "x" * 513, "a:b", "${x}"])
def test_log_group_names(name: str) -> None:
    for action in ("CreateLogGroup", "PutLogEvents", "DescribeLogStreams"):
        said = refused(f"{LOGS}.{action}", logGroupName=name)
        assert said.startswith("InvalidParameterException: 1 validation error")
        assert "at 'logGroupName' failed to satisfy constraint" in said


@pytest.mark.parametrize("name", ["/copilot/app-test-web", "a.b-c_d/e#1", "x" * 512])
def test_good_log_group_names(name: str) -> None:
    assert refused(f"{LOGS}.CreateLogGroup", logGroupName=name) == ""


def test_a_reserved_log_group() -> None:
    assert "reserved for AWS" in refused(f"{LOGS}.CreateLogGroup", logGroupName="aws/x")
    assert refused(f"{LOGS}.CreateLogGroup", logGroupName="/aws/x") == ""


@pytest.mark.parametrize(("name", "taken"), [("a b/$(x)", True), ("a:b", False), ("a*", False), ("", False)])
def test_log_stream_names(name: str, taken: bool) -> None:
    assert (refused(f"{LOGS}.CreateLogStream", logGroupName="g", logStreamName=name) == "") is taken


@pytest.mark.parametrize(("days", "taken"), [(30, True), (3653, True), (31, False), (0, False), (None, False)])
def test_retention(days: int | None, taken: bool) -> None:
    assert (refused(f"{LOGS}.PutRetentionPolicy", logGroupName="g", retentionInDays=days) == "") is taken


def test_a_batch_without_events_is_refused() -> None:
    assert "'logEvents'" in refused(f"{LOGS}.PutLogEvents", logGroupName="g", logStreamName="s", logEvents=[])


@pytest.mark.parametrize(
    ("target", "member", "longest"),
    [(f"{FIREHOSE}.PutRecordBatch", "DeliveryStreamName", 64), (f"{KINESIS}.PutRecords", "StreamName", 128)],
)
def test_stream_names(target: str, member: str, longest: int) -> None:
    for name in ("a.B_c-1", "x" * longest):
        assert refused(target, **{member: name}) == ""
    for name in ("a b", "a/b", "", "x" * (longest + 1)):
        assert refused(target, **{member: name}).startswith("ValidationException: ")


@pytest.mark.parametrize("name", ["logs", "my.logs-1", "a" * 63, "1.2.3.4.5"])
def test_good_bucket_names(name: str) -> None:
    assert refused_bucket(f"/{name}/some key") is None


@pytest.mark.parametrize(
    "name",
    ["My_Bucket_X", "ab", "a" * 64, "a..b", "-ab", "ab-", "192.168.0.1", "xn--ab", "sthree-x", "x-s3alias", "x--ol-s3"],
)
def test_bad_bucket_names(name: str) -> None:
    refusal = refused_bucket(f"/{name}/key")
    assert refusal is not None
    assert refusal.code == "InvalidBucketName"


def test_a_key_that_is_too_long() -> None:
    refusal = refused_bucket(f"/logs/{'é' * 513}")
    assert refusal is not None
    assert refusal.code == "KeyTooLongError"
    assert refused_bucket("/") is None


@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON"])
def test_what_is_no_object_is_left_to_the_service(body: bytes) -> None:
    assert refused_call(f"{LOGS}.CreateLogGroup", body) is None
    assert refused_call("Other_1.Action", b'{"logGroupName": "a b"}') is None


class Server:
    """The application behind the rules; `seen` are the bodies that it was asked with."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.application = with_rules(self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, _ = await body_of(receive, 2 * MOST_BYTES)
        self.seen.append(body or b"")
        await respond(send, 200, "text/plain", b"taken")

    def ask(self, path: str, body: bytes, **headers: str) -> Answer:
        return ask(self.application, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_call_that_aws_refuses_does_not_reach_the_service() -> None:
    server = Server()
    answer = server.ask("/", b'{"logGroupName": "a b"}', X_AMZ_TARGET=f"{LOGS}.CreateLogGroup")
    assert (answer.status, server.seen) == (400, [])
    assert json.loads(answer.body)["__type"] == "InvalidParameterException"
    key = "AWS4-HMAC-SHA256 Credential=AKID/20261128/us-east-1/s3/aws4_request, SignedHeaders=host"
    assert b"<Code>InvalidBucketName</Code>" in server.ask("/My_Bucket/x", b"", AUTHORIZATION=key).body
    assert server.seen == []


def test_another_call_reaches_it_whole() -> None:
    server = Server()
    body = b'{"logGroupName": "a"}'
    assert server.ask("/", body, X_AMZ_TARGET=f"{LOGS}.CreateLogGroup").body == b"taken"
    assert server.ask("/Not_A/Bucket", b"x").body == b"taken"
    assert server.seen == [body, b"x"]


def test_a_body_beyond_what_is_looked_into_goes_on_whole() -> None:
    server = Server()
    body = b'{"logGroupName": "a b", "x": "' + b"x" * MOST_BYTES + b'"}'
    assert server.ask("/", body, X_AMZ_TARGET=f"{LOGS}.CreateLogGroup").status == 200
