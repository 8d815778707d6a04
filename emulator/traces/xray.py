"""Decodes X-Ray: datagrams of its daemon's protocol, and segment documents.

Source: the daemon's `tracesegment.go`, and X-Ray's segment documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.traces.spans import Malformed, Source, Span, bounded, read_json, span_digits, trace_digits

_DEEPEST = 64
"""Subsegments within subsegments."""
_KEPT = ("annotations", "metadata", "http", "aws", "sql", "user", "origin", "service", "cause", "namespace")


def datagram(data: bytes) -> list[Span]:
    """The spans of a datagram: a line of header, then a document. Raises `Malformed`."""
    header, newline, document = data.partition(b"\n")
    try:
        found = json.loads(header)
    except ValueError:
        raise Malformed(f"Invalid header: {header[:60]!r}") from None
    if not (isinstance(found, dict) and str(found.get("format", "")).lower() == "json" and found.get("version") == 1):
        raise Malformed(f"Invalid header: {header[:60]!r}")
    if not newline or not document.strip():
        raise Malformed("Missing header or segment")
    return segment(document)


def segment(document: bytes | str, source: Source = "xray") -> list[Span]:
    """The spans of one document, its subsegments included. Raises `Malformed`."""
    try:
        found = read_json(document)
    except (ValueError, RecursionError):
        raise Malformed("a segment document that is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("a segment document that is no object")
    raw = _text(found, "trace_id")
    alone = found.get("type") == "subsegment"
    service = "" if alone else _text(found, "name")
    return list(_spans(found, trace_digits(raw), raw, _parent(found, alone=alone), service, source, root=not alone))


def segments(body: bytes) -> tuple[list[Span], list[tuple[str, Malformed]]]:
    """The spans of a PutTraceSegments, and the documents that are none with the reason: X-Ray judges each by itself.

    Raises `Malformed` for a body without documents.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    documents = content.get("TraceSegmentDocuments") if isinstance(content, dict) else None
    if not isinstance(documents, list) or not all(isinstance(one, str) for one in documents):
        raise Malformed("no segment documents")
    spans: list[Span] = []
    refused = []
    for one in documents:
        try:
            spans += segment(one, "api")
        except Malformed as error:
            refused.append((one, error))
    return spans, refused


def put_answer(body: bytes) -> bytes:
    """What X-Ray answers to a PutTraceSegments: those that it does not take. Raises `Malformed` as `segments`."""
    return json.dumps({"UnprocessedTraceSegments": [_unprocessed(one) for one, _ in segments(body)[1]]}).encode()


def _unprocessed(document: str) -> dict[str, str]:
    """Source: AWS X-Ray Developer Guide, sending data with the API; answers of X-Ray that users have shown."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return _refusal("ParseError")
    id = found.get("id") if isinstance(found, dict) else None
    if not isinstance(id, str) or not id:
        return _refusal("MissingId")
    try:
        trace_digits(_text(found, "trace_id"))
    except Malformed:
        return {**_refusal("InvalidTraceId"), "Id": id}
    return {**_refusal("ParseError"), "Id": id}


def _refusal(code: str) -> dict[str, str]:
    return {"ErrorCode": code, "Message": f"Invalid segment. ErrorCode: {code}"}


def _parent(document: Mapping[str, Any], *, alone: bool) -> str:
    parent = document.get("parent_id")
    return span_digits(str(parent or ""), empty=not alone)


def _spans(
    document: Mapping[str, Any],
    trace: str,
    raw: str,
    parent: str,
    service: str,
    source: Source,
    *,
    root: bool,
    depth: int = 0,
) -> Iterator[Span]:
    if depth > _DEEPEST:
        raise Malformed("subsegments are nested too deeply")
    id = span_digits(_text(document, "id"))
    http = _object(document, "http")
    status = _object(http, "response").get("status")
    end = document.get("end_time")
    yield Span(
        trace=trace,
        span=id,
        parent=parent,
        name=_text(document, "name")[:200],
        service=service,
        kind="server" if root else "client" if document.get("namespace") in ("remote", "aws") else "internal",
        root=root,
        start=_time(document.get("start_time")),
        end=None if document.get("in_progress") or end is None else _time(end),
        status=status if isinstance(status, int) and 0 <= status < 1000 else None,
        error=document.get("error") is True,
        fault=document.get("fault") is True,
        throttle=document.get("throttle") is True,
        source=source,
        raw_id=raw,
        detail=bounded({name: document[name] for name in _KEPT if document.get(name)}),
    )
    inner = document.get("subsegments")
    for one in inner if isinstance(inner, list) else ():
        if not isinstance(one, dict):
            raise Malformed("a subsegment that is no object")
        yield from _spans(one, trace, raw, id, service, source, root=False, depth=depth + 1)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"a segment document without {name}")
    return value


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        raise Malformed("a segment document with a time that is none")
    return float(value)
