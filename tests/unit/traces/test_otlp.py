"""What OpenTelemetry's exporters send, in protobuf and in JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from emulator.traces import otlp
from emulator.traces.spans import Malformed
from tests.unit.traces.spans import TRACE


def exported(**fields: Any) -> bytes:
    """One span of the service `pay`."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add(key="service.name")
    name.value.string_value = "pay"
    message = resource.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(TRACE),
        span_id=b"\x01" * 8,
        name="charge",
        kind=Message.SPAN_KIND_SERVER,
        start_time_unix_nano=1_500_000_000,
        end_time_unix_nano=2_000_000_000,
    )
    for name_of, value in fields.pop("attributes", {}).items():
        attribute = message.attributes.add(key=name_of)
        setattr(attribute.value, {int: "int_value", str: "string_value"}[type(value)], value)
    message.MergeFrom(Message(**fields))
    return request.SerializeToString()


def test_a_server_span() -> None:
    attributes = {"http.response.status_code": 503, "network.peer.port": 4711, "http.request.method": "GET"}
    [span] = otlp.protobuf(exported(attributes=attributes))
    assert (span.trace, span.span, span.parent, span.service, span.name) == (TRACE, "01" * 8, "", "pay", "charge")
    assert (span.kind, span.root, span.start, span.end) == ("server", True, 1.5, 2.0)
    assert (span.status, span.fault, span.error, span.peer_port) == (503, True, False, 4711)


@pytest.mark.parametrize(
    ("attributes", "code", "states"),
    [
        ({"http.status_code": 404}, 0, (True, False, False)),
        ({"http.status_code": 429}, 0, (True, False, True)),
        ({"http.status_code": 500}, 0, (False, True, False)),
        ({"http.status_code": 404}, 2, (True, False, False)),
        ({"http.status_code": 200}, 2, (False, True, False)),
        ({"http.response.status_code": 302}, 2, (False, True, False)),
        ({"http.status_code": 200}, 1, (False, False, False)),
        ({"http.status_code": 600}, 0, (False, False, False)),
        ({"http.status_code": 600}, 2, (False, True, False)),
        ({"http.status_code": 200, "http.response.status_code": 500}, 0, (False, False, False)),
        ({}, 2, (False, True, False)),
        ({}, 1, (False, False, False)),
    ],
)
def test_how_a_span_went_follows_an_error_of_http_first_and_then_its_own_status(
    attributes: dict[str, int], code: int, states: tuple[bool, bool, bool]
) -> None:
    [span] = otlp.protobuf(exported(attributes=attributes, status={"code": code}))
    assert (span.error, span.fault, span.throttle) == states


def test_an_old_name_of_the_peer_s_port_is_known_too_and_only_a_server_s_counts() -> None:
    [server] = otlp.protobuf(exported(attributes={"net.peer.port": "4711"}))
    [client] = otlp.protobuf(exported(attributes={"net.peer.port": 443}, kind=Message.SPAN_KIND_CLIENT))
    assert (server.peer_port, client.peer_port) == (4711, 0)


def test_json_has_ids_in_hex_and_numbers_as_text() -> None:
    content = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": TRACE.upper(),
                                "spanId": "0102030405060708",
                                "parentSpanId": "",
                                "name": "GET /",
                                "kind": 2,
                                "startTimeUnixNano": "1500000000",
                                "endTimeUnixNano": "2000000000",
                                "attributes": [{"key": "http.status_code", "value": {"intValue": "200"}}],
                                "status": {"code": 0},
                                "links": [{"traceId": TRACE, "spanId": "0102030405060708"}],
                                "unknownField": 1,
                            }
                        ]
                    }
                ],
            }
        ]
    }
    [span] = otlp.from_json(json.dumps(content).encode())
    assert (span.trace, span.span, span.parent) == (TRACE, "0102030405060708", "")
    assert (span.kind, span.status, span.service, span.start) == ("server", 200, "web", 1.5)
    assert span.detail["links"] == [{"trace": TRACE, "span": "0102030405060708"}]


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff", exported()[:-3], exported(trace_id=b"\1"), exported(parent_span_id=b"\1\2")]
)
def test_protobuf_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Malformed):
        otlp.protobuf(data)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"resourceSpans": 5}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}',
        b"[" * 100_000,
    ],
)
def test_json_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Malformed):
        otlp.from_json(data)


@given(some.binary(max_size=300))
def test_no_message_raises_anything_else(data: bytes) -> None:
    for read in (otlp.protobuf, otlp.from_json):
        with contextlib.suppress(Malformed):
            read(data)


def test_a_header_with_a_secret_is_hidden() -> None:
    [span] = otlp.protobuf(exported(attributes={"http.request.header.authorization": "Bearer hunter2"}))
    assert "hunter2" not in json.dumps(span.detail)
