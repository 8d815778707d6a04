"""Answers requests that AWS would refuse as AWS does, and passes the others on: an ASGI application around another."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from emulator.aws.asgi import Application, Receive, Scope, Send, body_of, headers_of, path_of, respond, signed_for
from emulator.aws.rules import SERVICES, refused_bucket, refused_call

MOST_BYTES = 8 << 20
"""Of a body that is looked into: more than any of the JSON services takes."""


def with_rules(application: Application) -> Application:
    """The application behind AWS's own rules for names."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        headers = headers_of(scope)
        target = headers.get("x-amz-target", "")
        if target.partition(".")[0] in SERVICES:
            body, receive = await body_of(receive, MOST_BYTES)
            refusal = refused_call(target, body) if body is not None else None
            if refusal is not None:
                content = {"__type": refusal.code, "message": refusal.message}
                await respond(send, 400, "application/x-amz-json-1.1", json.dumps(content).encode())
                return
        if signed_for(headers)[1] == "s3":
            refusal = refused_bucket(path_of(scope))
            if refusal is not None:
                text = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
                body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
                await respond(send, 400, "application/xml", body)
                return
        await application(scope, receive, send)

    return answer
