"""AssumeRole: the signature is what botocore makes of the same request, the answers what STS gives."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from emulator.runtime.secrets.sts import AssumeRoleError, assume_role, check_roles, signed_headers
from emulator.runtime.state.desired import Private
from emulator.runtime.state.task_role import Keys, TaskRole

KEYS = Keys(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
SUCCESS = f"""<AssumeRoleResponse {NAMESPACE}><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2026-11-22T13:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
DENIED = f"""<ErrorResponse {NAMESPACE}><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>"""


class Sts(ThreadingHTTPServer):
    """Answers as it is told and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.status, self.answer = 200, SUCCESS
        self.asked: list[dict[str, list[str]]] = []
        self.authorizations: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def role(self) -> TaskRole:
        return TaskRole(source="role", keys=KEYS, role_arn="arn:aws:iam::1:role/x", sts_endpoint=self.url)


class _Asked(BaseHTTPRequestHandler):
    server: Sts

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.asked.append(parse_qs(body))
        self.server.authorizations.append(self.headers["authorization"])
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def sts() -> Iterator[Sts]:
    server = Sts()
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEB/+="])
def test_a_request_is_signed_as_botocore_signs_it(token: str) -> None:
    url, body = "https://sts.eu-west-1.amazonaws.com/", b"Action=AssumeRole&RoleArn=arn%3Aaws"
    keys = KEYS.model_copy(update={"session_token": token})
    ours = signed_headers(url, body, keys, "eu-west-1", datetime(2026, 11, 22, 12, 0, tzinfo=UTC))

    auth = importlib.import_module("botocore.auth")
    request = importlib.import_module("botocore.awsrequest").AWSRequest("POST", url, data=body)
    request.headers["content-type"] = ours["content-type"]
    request.context["timestamp"] = "20261122T120000Z"
    credentials = importlib.import_module("botocore.credentials").Credentials
    signer = auth.SigV4Auth(credentials(keys.access_key_id, keys.secret_access_key, token or None), "sts", "eu-west-1")
    request.headers["X-Amz-Date"] = "20261122T120000Z"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
    signed = signer.signed_headers(signer.headers_to_sign(request))
    assert f"SignedHeaders={signed}," in ours["authorization"]


def test_the_role_is_asked_for_and_its_keys_are_read(sts: Sts) -> None:
    keys = assume_role(sts.role().model_copy(update={"external_id": "ext"}), "task-1")
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == ("ASIA1", "s/+=", "t")
    assert keys.expiration == datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    assert sts.asked == [
        {
            "Action": ["AssumeRole"],
            "Version": ["2011-06-15"],
            "RoleArn": ["arn:aws:iam::1:role/x"],
            "RoleSessionName": ["task-1"],
            "DurationSeconds": ["3600"],
            "ExternalId": ["ext"],
        }
    ]
    assert sts.authorizations[0].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


def test_a_refusal_is_told_in_awss_words(sts: Sts) -> None:
    sts.status, sts.answer = 403, DENIED
    with pytest.raises(AssumeRoleError, match="AccessDenied: not authorized to perform sts:AssumeRole") as error:
        assume_role(sts.role(), "x")
    assert "role/x cannot be assumed" in error.value.message
    assert "trust policy" in error.value.hint


@pytest.mark.parametrize("answer", ["", "<html>", f"<AssumeRoleResponse {NAMESPACE}/>", "{}"])
def test_an_answer_that_is_none_is_an_error(sts: Sts, answer: str) -> None:
    sts.answer = answer
    with pytest.raises(AssumeRoleError, match="not understood"):
        assume_role(sts.role(), "x")
    sts.status = 500
    with pytest.raises(AssumeRoleError, match="without a reason"):
        assume_role(sts.role(), "x")


def test_no_answer_is_an_error_with_the_address(sts: Sts) -> None:
    role = sts.role().model_copy(update={"sts_endpoint": "http://127.0.0.1:1/"})
    with pytest.raises(AssumeRoleError, match=r"http://127\.0\.0\.1:1/ does not answer") as error:
        assume_role(role, "x")
    assert "AWS_ENDPOINT_URL_STS" in error.value.hint


def test_up_assumes_each_role_once_and_only_roles(sts: Sts) -> None:
    role = sts.role()
    static = TaskRole(source="static", keys=KEYS)
    check_roles(Private(task_roles={"a": role, "b": role, "c": static}))
    assert len(sts.asked) == 1
