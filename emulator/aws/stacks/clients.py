"""AWS API calls to the endpoint, over the standard library alone: botocore's import costs more than all the calls.

Source: Smithy, "AWS JSON 1.0/1.1 protocol" and "AWS query protocol"; Amazon S3 API reference. Requests name their
service and region as signed ones do; the endpoint does not look at the signature.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from emulator.aws.ministack_app import KEY
from emulator.aws.stacks.problems import Problem

TIMEOUT = 30.0
"""Seconds for one call."""
_HINT = "see the message of AWS's API; the local endpoint gave it"
_XML = "application/xml"


@dataclass(frozen=True)
class _Json:
    """A service of the JSON protocols: what its operations are called in `X-Amz-Target`, and the version."""

    prefix: str
    version: str = "1.1"


_JSON = {
    "cognito-idp": _Json("AWSCognitoIdentityProviderService"),
    "dynamodb": _Json("DynamoDB_20120810", "1.0"),
    "kms": _Json("TrentService"),
    "logs": _Json("Logs_20140328"),
    "secretsmanager": _Json("secretsmanager"),
    "sqs": _Json("AmazonSQS", "1.0"),
    "ssm": _Json("AmazonSSM"),
}
_QUERY = {"sns": "2010-03-31"}
"""Services of the query protocol with their API's version."""


class Refused(Exception):
    """The endpoint refused a call; `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Clients:
    """Calls to one endpoint in one region. Safe for threads: each has a connection of its own."""

    def __init__(self, url: str, region: str) -> None:
        self._host = urllib.parse.urlsplit(url).netloc
        self._region = region
        self._own = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """Calls an operation such as `CreateQueue`. Raises Refused where the endpoint does."""
        if service in _QUERY:
            form = {"Action": operation, "Version": _QUERY[service], **_flat(arguments)}
            body = urllib.parse.urlencode(form).encode()
            answer = self._send(service, "POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
            found = _plain(ElementTree.fromstring(answer))
            result = found.get(f"{operation}Result") if isinstance(found, dict) else None
            return result if isinstance(result, dict) else {}
        names = _JSON[service]
        headers = {
            "Content-Type": f"application/x-amz-json-{names.version}",
            "X-Amz-Target": f"{names.prefix}.{operation}",
        }
        answer = self._send(service, "POST", "/", json.dumps(arguments).encode(), headers)
        document: dict[str, Any] = json.loads(answer) if answer else {}
        return document

    def bucket(self, method: str, name: str, subresource: str = "", body: ElementTree.Element | None = None) -> None:
        """A call of S3 about a bucket, such as PUT of its `cors`. Raises Refused where the endpoint does."""
        path = f"/{urllib.parse.quote(name)}{f'?{subresource}' if subresource else ''}"
        content = b"" if body is None else ElementTree.tostring(body)
        self._send("s3", method, path, content, {"Content-Type": _XML})

    def close(self) -> None:
        """Closes the connections of all threads."""
        for connection in self._connections:
            connection.close()

    def _send(self, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{KEY}/{now[:8]}/{self._region}/{service}/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
        try:
            connection = self._connection()
            connection.request(method, path, body, {**headers, "X-Amz-Date": now, "Authorization": signed})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Problem(f"the local AWS endpoint does not answer: {error}", "see its container's log") from error
        if response.status >= 300:
            raise _refused(response.status, answer)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT)
            self._connections.append(found)
        return found


def refusal(error: Refused) -> Problem:
    """A refused call as a problem of the resource it was for."""
    return Problem(f"the local endpoint refused it: {error}", _HINT)


def _refused(status: int, answer: bytes) -> Refused:
    """The error in an answer: JSON with `__type`, or XML with Code and Message somewhere."""
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if isinstance(document, dict):
        code = str(document.get("__type", status)).rpartition("#")[2]
        return Refused(code, str(document.get("message") or document.get("Message") or ""))
    try:
        fields = {_name(element): element.text or "" for element in ElementTree.fromstring(answer).iter()}
    except ElementTree.ParseError:
        fields = {}
    return Refused(fields.get("Code", str(status)), fields.get("Message", answer[:200].decode(errors="replace")))


def _flat(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Arguments as the query protocol has them: maps as numbered entries, booleans as `true` and `false`."""
    flat: dict[str, str] = {}
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            for number, (key, item) in enumerate(value.items(), start=1):
                flat |= {f"{name}.entry.{number}.key": key, f"{name}.entry.{number}.value": item}
        else:
            flat[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def _plain(element: ElementTree.Element) -> str | list[Any] | dict[str, Any]:
    """An answer of the query protocol: `member`s are a list, `entry`s a map, other children a structure."""
    children = list(element)
    if not children:
        return element.text or ""
    if all(_name(child) == "member" for child in children):
        return [_plain(child) for child in children]
    if all(_name(child) == "entry" for child in children):
        pairs = [[_plain(part) for part in child] for child in children]
        return {str(key): value for key, value in pairs}
    return {_name(child): _plain(child) for child in children}


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
