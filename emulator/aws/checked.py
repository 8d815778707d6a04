"""Answers requests that AWS would refuse as AWS does, and passes the others on: a WSGI application around another."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from emulator.aws.rules import Refusal, refused_bucket, refused_call

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_SERVICE = re.compile(r"Credential=[^/,]+/\d+/[^/,]+/([^/,]+)/aws4_request")
MOST_BYTES = 8 << 20
"""Of a body that is looked into: more than any of the JSON services takes."""


def with_rules(application: Application) -> Application:
    """The application behind AWS's own rules for names."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal, content_type, body = _judge(environ)
        if refusal is None:
            return application(environ, start_response)
        start_response("400 Bad Request", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _judge(environ: dict[str, Any]) -> tuple[Refusal | None, str, bytes]:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    length = environ.get("CONTENT_LENGTH") or "0"
    if target and length.isdigit() and int(length) <= MOST_BYTES:
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        refusal = refused_call(target, body)
        if refusal is not None:
            content = {"__type": refusal.code, "message": refusal.message}
            return refusal, "application/x-amz-json-1.1", json.dumps(content).encode()
    service = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if service is not None and service[1] == "s3":
        refusal = refused_bucket(environ.get("PATH_INFO", ""))
        if refusal is not None:
            text = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
            return refusal, "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return None, "", b""
