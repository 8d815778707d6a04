"""Requests and answers without HTTP around them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is path and query, `address` the caller's, `id` what the route found in the path."""

    method: str
    target: str
    address: str = ""
    body: bytes = b""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and the two headers that vary."""

    status: int
    body: bytes
    content_type: str = "application/json"
    location: str = ""


Handler = Callable[[Request], Answer]

NOT_FOUND = Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
NOT_ALLOWED = Answer(405, b"", "text/plain; charset=utf-8")
TOO_MANY = Answer(429, b"You have reached maximum request limit.", "text/plain; charset=utf-8")


def json_answer(status: int, content: object) -> Answer:
    """An answer whose body is JSON; a text becomes a JSON string, as errors of the metadata endpoint are."""
    return Answer(status, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
