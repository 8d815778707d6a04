"""Secrets and parameters by an ARN of another account: those that are given here keep the names of the real ones.

The endpoint has one account of its own, while a manifest names the ARN of the account that it is deployed to.
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.asgi import Application, Receive, Scope, Send, body_of, headers_of
from emulator.aws.stacks.values import json_object

_FIELDS = {"secretsmanager": ("SecretId", "SecretIdList"), "AmazonSSM": ("Name", "Names")}
"""By the part of `X-Amz-Target` that names the service: where a request has names or ARNs."""
_ARN = re.compile(r"arn:[^:]*:(?:ssm:[^:]*:(\d{12}):parameter/(.+)|secretsmanager:[^:]*:(\d{12}):secret:([^:]+))$")
_LETTERS = re.compile(r"-[A-Za-z0-9]{6}$")
MOST_BYTES = 1 << 20


def with_other_accounts(application: Application, account: str) -> Application:
    """The application, which gets names in place of ARNs of accounts other than its own."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        service = headers_of(scope).get("x-amz-target", "").partition(".")[0] if scope["type"] == "http" else ""
        if service in _FIELDS:
            body, receive = await body_of(receive, MOST_BYTES)
            changed = _changed(service, body or b"", account)
            if changed is not None:
                receive = _once(changed, receive)
                others = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-length"]
                scope["headers"] = [*others, (b"content-length", str(len(changed)).encode())]
        await application(scope, receive, send)

    return answer


def _changed(service: str, body: bytes, account: str) -> bytes | None:
    """The request's body with names in it; None where it stays."""
    if b"arn:" not in body:
        return None
    document = json_object(body)
    if document is None:
        return None
    new = dict(document)
    for field in _FIELDS[service]:
        value = document.get(field)
        if isinstance(value, str):
            new[field] = _name(value, account)
        elif isinstance(value, list):
            new[field] = [_name(one, account) if isinstance(one, str) else one for one in value]
    return None if new == document else json.dumps(new).encode()


def _name(text: str, account: str) -> str:
    match = _ARN.match(text)
    if match is None or account in (match[1], match[3]):
        return text
    if match[2]:
        return f"/{match[2]}" if "/" in match[2] else match[2]
    return _LETTERS.sub("", match[4])


def _once(body: bytes, after: Receive) -> Receive:
    left: list[bytes] = [body]

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return dict(await after())

    return receive
