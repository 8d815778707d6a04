"""One request, from its headers and body to an answer: AWS's JSON 1.1 protocol, and the query protocol of STS
and Elastic Load Balancing.

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

from emulator.api import networks
from emulator.api.clusters import Clusters
from emulator.api.elb import operations as balancers
from emulator.api.elb.query import document, ec2_document, error_document, form
from emulator.api.errors import ApiError, unsupported
from emulator.api.logs import operations as logs
from emulator.api.operations.registry import OPERATIONS, Operation
from emulator.api.shapes import checked, pruned
from emulator.errors import CopilotLocalError, EngineUnavailable

log = logging.getLogger(__name__)

JSON: Final = "application/x-amz-json-1.1"
XML: Final = "text/xml"
STS: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
TARGETS: Final[Mapping[str, tuple[str, Mapping[str, Operation]]]] = {
    "AmazonEC2ContainerServiceV20141113": ("ecs", OPERATIONS),
    "Logs_20140328": ("logs", logs.OPERATIONS),
}
"""What `X-Amz-Target` begins with, the service of botocore's, and what of it is answered."""
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
    target = headers.get("x-amz-target", "")
    try:
        clusters = clusters.of_region(_region(headers.get("authorization", "")))
        if target:
            return Response(HTTPStatus.OK, JSON, json.dumps(_operation(clusters, target, body)).encode(), id_)
        return Response(HTTPStatus.OK, XML, _query(clusters, body, id_), id_)
    except ApiError as caught:
        error = caught
    except CopilotLocalError as caught:
        status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(caught, EngineUnavailable) else HTTPStatus.BAD_REQUEST
        error = ApiError("ServerException", caught.message, status)
    except Exception:
        log.exception("a request failed")
        error = ApiError("ServerException", "the API failed: see its log", HTTPStatus.INTERNAL_SERVER_ERROR)
    return _error(error, id_) if target else Response(error.status, XML, error_document(error, id_), id_)


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
    prefix, _, name = target.partition(".")
    if prefix not in TARGETS:
        raise ApiError("UnknownOperationException", f"this is the API of ECS, which has no {target}")
    service, operations = TARGETS[prefix]
    operation = operations.get(name)
    if operation is None:
        raise unsupported(f"{name} is not answered on this machine")
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "the body is no JSON") from None
    return pruned(name, operation(clusters, checked(name, content, service)), service)


def _query(clusters: Clusters, body: bytes, id_: str) -> bytes:
    """STS's GetCallerIdentity, which tools ask before anything else; and what reads load balancers and networks."""
    fields = form(body)
    action = fields.get("Action", "")
    if action == "GetCallerIdentity":
        account = clusters.account
        found = {"Arn": f"arn:aws:iam::{account}:user/local", "UserId": "AIDALOCAL", "Account": account}
        return document(action, STS, found, id_)
    if (network := networks.OPERATIONS.get(action)) is not None:
        return ec2_document(action, network(clusters, fields), id_)
    operation = balancers.OPERATIONS.get(action)
    if operation is None:
        raise unsupported(f"{action or 'a request without an operation'} is not answered on this machine")
    return document(action, balancers.NAMESPACE, operation(clusters, fields), id_)


def _error(error: ApiError, id_: str) -> Response:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return Response(error.status, JSON, body, id_)
