"""One request, from its headers and body to an answer: AWS's JSON 1.1 protocol, and the query protocol of STS.

Signatures are not checked. What keeps web pages out is checked first: `Host`, `Origin`, and a header that a form cannot
send.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from emulator.api.clusters import Clusters
from emulator.api.errors import ApiError, unsupported
from emulator.api.operations.registry import OPERATIONS
from emulator.api.shapes import checked, pruned
from emulator.errors import CopilotLocalError, EngineUnavailable

log = logging.getLogger(__name__)

JSON: Final = "application/x-amz-json-1.1"
XML: Final = "text/xml"
TARGET: Final = "AmazonEC2ContainerServiceV20141113"
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""What `Host` may be."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, without the headers that every one has."""

    status: HTTPStatus
    kind: str
    body: bytes
    id: str


def answer(clusters: Clusters, headers: Mapping[str, str], body: bytes) -> Response:
    """Answers a request; `headers` by lower-case names."""
    id_ = str(uuid.uuid4())
    refusal = refused(headers)
    if refusal:
        return _error(ApiError("AccessDeniedException", refusal, HTTPStatus.FORBIDDEN), id_)
    try:
        clusters = clusters.of_region(_region(headers.get("authorization", "")))
        if target := headers.get("x-amz-target"):
            return Response(HTTPStatus.OK, JSON, json.dumps(_operation(clusters, target, body)).encode(), id_)
        return Response(HTTPStatus.OK, XML, _query(body, id_, clusters.account), id_)
    except ApiError as error:
        return _error(error, id_)
    except CopilotLocalError as error:
        status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, EngineUnavailable) else HTTPStatus.BAD_REQUEST
        return _error(ApiError("ServerException", error.message, status), id_)
    except Exception:
        log.exception("a request failed")
        return _error(ApiError("ServerException", "the API failed: see its log", HTTPStatus.INTERNAL_SERVER_ERROR), id_)


def _region(authorization: str) -> str:
    """The region that a request is signed for: `Credential=KEY/date/region/service/aws4_request`."""
    found = re.search(r"Credential=[^/]*/[0-9]+/([a-z0-9-]+)/", authorization)
    return found[1] if found else ""


def refused(headers: Mapping[str, str]) -> str:
    """Why a request may not be answered; empty where it may. A page of a web site reaches this port too: by a name that
    it owns, or by a form, which can set neither of the headers that AWS's clients send."""
    if found := foreign(headers):
        return found
    if "x-amz-target" not in headers and "authorization" not in headers:
        return "the request has neither X-Amz-Target nor Authorization, as every AWS client sends"
    return ""


def foreign(headers: Mapping[str, str]) -> str:
    """Why a request is none of a program of this machine; empty where it is."""
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name not in NAMES:
        return f"this API answers at {', '.join(NAMES)} alone"
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "this API answers no web page"
    return ""


def _operation(clusters: Clusters, target: str, body: bytes) -> dict[str, Any]:
    service, _, name = target.partition(".")
    if service != TARGET:
        raise ApiError("UnknownOperationException", f"this is the API of ECS, which has no {target}")
    operation = OPERATIONS.get(name)
    if operation is None:
        raise unsupported(f"{name} is not answered on this machine")
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "the body is no JSON") from None
    return pruned(name, operation(clusters, checked(name, content)))


def _query(body: bytes, id_: str, account: str) -> bytes:
    """STS's GetCallerIdentity, which tools ask before anything else."""
    form = parse_qs(body.decode("utf-8", errors="replace"))
    action = form.get("Action", [""])[0]
    if action != "GetCallerIdentity":
        raise unsupported(f"{action or 'a request without an operation'} is not answered on this machine")
    fields = {"Arn": f"arn:aws:iam::{account}:user/local", "UserId": "AIDALOCAL", "Account": account}
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in fields.items())
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{id_}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    ).encode()


def _error(error: ApiError, id_: str) -> Response:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return Response(error.status, JSON, body, id_)
