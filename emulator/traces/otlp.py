"""Decodes OpenTelemetry's protocol, protobuf and JSON, as the collector's X-Ray exporter understands spans.

OpenTelemetry's own message classes read both, in the agent; what receives in a task needs neither. Source of what
becomes of a span: `awsxrayexporter/internal/translator` of the collector.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from emulator.traces.spans import Kind, Malformed, Source, Span, bounded, read_json

_KINDS: Final[dict[int, Kind]] = {
    Message.SPAN_KIND_SERVER: "server",
    Message.SPAN_KIND_CLIENT: "client",
    Message.SPAN_KIND_PRODUCER: "producer",
    Message.SPAN_KIND_CONSUMER: "consumer",
}
_IDS = ("traceId", "spanId", "parentSpanId")
_PEER_PORTS = ("network.peer.port", "net.peer.port", "net.sock.peer.port", "client.port")
_ERROR = 2
"""The status code of a span that failed."""


def protobuf(data: bytes, source: Source = "otlp_http", wrong: list[Malformed] | None = None) -> list[Span]:
    """The spans of an `ExportTraceServiceRequest`. Raises `Malformed`; spans that cost no others go to `wrong`."""
    try:
        return _spans(ExportTraceServiceRequest.FromString(data), source, [] if wrong is None else wrong)
    except DecodeError as error:
        raise Malformed(f"no message of OTLP: {error}") from None


def from_json(data: bytes, wrong: list[Malformed] | None = None) -> list[Span]:
    """The same of OTLP's JSON, in which ids are hex."""
    try:
        content = read_json(data)
        for resource in content.get("resourceSpans", ()):
            for scope in resource.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    _recode(span)
        message = ParseDict(content, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ValueError, ParseError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise Malformed(f"no JSON of OTLP: {str(error)[:200]}") from None
    return _spans(message, "otlp_http", [] if wrong is None else wrong)


def _recode(span: dict[str, Any]) -> None:
    """Ids from hex to base64, which protobuf's JSON has for bytes."""
    for holder in (span, *span.get("links", ())):
        for name in _IDS:
            if name in holder:
                holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()


def _spans(request: ExportTraceServiceRequest, source: Source, wrong: list[Malformed]) -> list[Span]:
    found = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        kept = bounded(resource)
        for scope in resource_spans.scope_spans:
            for span in scope.spans:
                if span.trace_id and span.span_id:
                    found.append(_span(span, resource, kept, scope.scope.name, source))
                else:  # the collector takes it, and its exporter drops this one
                    wrong.append(Malformed("a span without ids"))
    return found


def _span(span: Message, resource: dict[str, Any], kept: dict[str, Any], scope: str, source: Source) -> Span:
    trace, id, parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    if len(trace) != 32 or len(id) != 16 or len(parent) not in (0, 16):
        raise Malformed("a span with an id of another length")
    attributes = _attributes(span.attributes)
    kind = _KINDS.get(span.kind, "internal")
    status = _status(attributes)
    refused = status if status is not None and 400 <= status <= 599 else None
    detail: dict[str, Any] = {"attributes": bounded(attributes), "resource": kept, "scope": scope}
    if span.events:
        detail["events"] = [
            {
                "time": one.time_unix_nano / 1e9,
                "name": one.name[:200],
                "attributes": bounded(_attributes(one.attributes)),
            }
            for one in span.events[:128]
        ]
    if span.links:
        detail["links"] = [{"trace": one.trace_id.hex(), "span": one.span_id.hex()} for one in span.links[:128]]
    if span.status.message:
        detail["message"] = span.status.message[:4096]
    return Span(
        trace=trace,
        span=id,
        parent=parent,
        name=(span.name or "span")[:200],
        service=str(resource.get("service.name") or "unknown_service"),
        kind=kind,
        root=kind == "server" or not parent,
        start=span.start_time_unix_nano / 1e9,
        end=span.end_time_unix_nano / 1e9 if span.end_time_unix_nano else None,
        status=status,
        error=refused is not None and refused < 500,
        fault=refused >= 500 if refused is not None else span.status.code == _ERROR,
        throttle=status == 429,
        source=source,
        raw_id=trace,
        peer_port=_peer_port(attributes) if kind == "server" else 0,
        detail=detail,
    )


def _status(attributes: dict[str, Any]) -> int | None:
    for name in ("http.status_code", "http.response.status_code"):
        if isinstance(value := attributes.get(name), int) and not isinstance(value, bool):
            return value
    return None


def _peer_port(attributes: dict[str, Any]) -> int:
    for name in _PEER_PORTS:
        value = attributes.get(name)
        if isinstance(value, int) or (isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value)):
            return int(value)
    return 0


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)
