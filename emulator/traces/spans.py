"""One span, whichever of the two worlds it comes from: a row of the store."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.redaction import HIDDEN, redact_url, sounds_secret

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Source = Literal["xray", "otlp_grpc", "otlp_http", "api"]
"""X-Ray datagrams, OpenTelemetry over gRPC and HTTP, X-Ray's own API."""

MOST_ATTRIBUTES = 128
LONGEST_VALUE = 4096
"""Characters of a value that are kept."""
_XRAY = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})")
_ROOT = re.compile(r"(?:^|;)\s*Root=([^;\s]+)", re.IGNORECASE)
_HEADERS = ("authorization", "cookie", "set-cookie", "x-api-key")


class Malformed(ValueError):
    """What arrived is no span. Its text says why."""


@dataclass(slots=True)
class Span:
    """A segment or subsegment of X-Ray, or a span of OpenTelemetry. Ids in lower-case hex, times in seconds since
    1970."""

    trace: str
    """32 digits, also where X-Ray parts them by dashes."""
    span: str
    """16 digits."""
    parent: str
    """Empty where it has none."""
    name: str
    service: str
    """What it calls its own service: the segment's name, or `service.name`."""
    kind: Kind
    root: bool
    """A segment: where a service begins."""
    start: float
    end: float | None
    """None while it is in progress."""
    status: int | None = None
    """Of HTTP."""
    error: bool = False
    fault: bool = False
    throttle: bool = False
    source: Source = "xray"
    raw_id: str = ""
    """The trace's id as it was sent."""
    peer_port: int = 0
    """Where the request that it serves came from, as far as it says so."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Annotations, metadata, attributes, resource, events, links, sql, cause: what there is."""
    task: str = ""
    workload: str = ""
    address: str = ""
    """Of the task, on the environment's network."""
    lost: str = ""
    """Why the collector would not have it when deployed; empty where it would."""


def read_json(text: bytes | str) -> Any:
    """What a text holds as JSON. Raises ValueError for what is none, also where half a character stands in it, which no
    store takes (a lone surrogate, `\\ud800`), and RecursionError."""
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def trace_digits(text: str) -> str:
    """The 32 digits of a trace id in either form, in lower case. Raises `Malformed`."""
    found = _XRAY.fullmatch(text)
    digits = (found[1] + found[2] if found else text).lower()
    if len(digits) != 32 or not _is_hex(digits):
        raise Malformed(f"{text[:60]!r} is no trace id")
    return digits


def root_digits(header: str) -> str:
    """The digits of the id in an `X-Amzn-Trace-Id`; empty where there is none."""
    found = _ROOT.search(header)
    try:
        return trace_digits(found[1]) if found else ""
    except Malformed:
        return ""


def span_digits(text: str, *, empty: bool = False) -> str:
    """The 16 digits of a span's id, in lower case; `empty`: none is fine. Raises `Malformed`."""
    if empty and not text:
        return ""
    if len(text) != 16 or not _is_hex(text.lower()):
        raise Malformed(f"{text[:60]!r} is no span id")
    return text.lower()


def xray_form(trace: str) -> str:
    """The id as X-Ray writes it: `1-` + 8 digits + `-` + 24."""
    return f"1-{trace[:8]}-{trace[8:]}"


def bounded(values: dict[str, Any]) -> dict[str, Any]:
    """Attributes as they are kept: the first 128, long values cut, what sounds secret hidden."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if len(found) == MOST_ATTRIBUTES:
            break
        name = str(name)[:200]
        found[name] = HIDDEN if _is_secret(name) else _cut(value)
    return found


def _is_secret(name: str) -> bool:
    """Whether an attribute holds a secret by its name: `http.request.header.authorization` as well."""
    last = name.rpartition(".")[2].lower().replace("_", "-")
    return last in _HEADERS or sounds_secret(name)


def _cut(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return redact_url(value[:LONGEST_VALUE])
    if isinstance(value, dict):
        return bounded(value) if depth < 4 else str(value)[:LONGEST_VALUE]
    if isinstance(value, list):
        return [_cut(one, depth + 1) for one in value[:MOST_ATTRIBUTES]] if depth < 4 else str(value)[:LONGEST_VALUE]
    if isinstance(value, bytes):
        return value.hex()[:LONGEST_VALUE]
    return value


def _is_hex(text: str) -> bool:
    return text.isascii() and all(character in "0123456789abcdef" for character in text)
