"""What X-Ray's SDKs send: datagrams and segment documents."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from emulator.traces import xray
from emulator.traces.spans import Malformed
from tests.unit.traces.spans import HEADER, START, TRACE, XRAY, datagram, document


def test_a_segment_is_a_root_span() -> None:
    [span] = xray.datagram(datagram(http={"request": {"method": "GET"}, "response": {"status": 404}}, error=True))
    assert (span.trace, span.raw_id, span.span, span.parent) == (TRACE, XRAY, "c383d6f10d8381d8", "")
    assert (span.name, span.service, span.kind, span.root) == ("shop", "shop", "server", True)
    assert (span.start, span.end, span.status, span.error, span.fault) == (START, START + 0.5, 404, True, False)


def test_nested_subsegments_are_spans_of_the_same_service_each_with_its_parent() -> None:
    inner = {"id": "2" * 16, "name": "sql", "start_time": START, "end_time": START + 0.1, "namespace": "remote"}
    outer = {"id": "1" * 16, "name": "work", "start_time": START, "end_time": START + 0.2, "subsegments": [inner]}
    spans = xray.datagram(datagram(subsegments=[outer]))
    assert [(one.name, one.parent, one.kind, one.service) for one in spans] == [
        ("shop", "", "server", "shop"),
        ("work", "c383d6f10d8381d8", "internal", "shop"),
        ("sql", "1" * 16, "client", "shop"),
    ]


def test_a_subsegment_that_is_sent_alone_does_not_say_whose_it_is() -> None:
    [span] = xray.datagram(datagram(type="subsegment", parent_id="1" * 16, name="sql"))
    assert (span.root, span.service, span.parent) == (False, "", "1" * 16)


def test_a_document_in_progress_has_no_end() -> None:
    [span] = xray.datagram(datagram(in_progress=True))
    assert span.end is None


def test_ids_keep_their_meaning_in_capitals() -> None:
    [span] = xray.datagram(datagram(trace_id=XRAY.upper(), id="C383D6F10D8381D8"))
    assert (span.trace, span.span) == (TRACE, "c383d6f10d8381d8")


def test_the_format_is_taken_in_any_case_as_the_daemon_does() -> None:
    assert xray.datagram(b'{"format":"JSON","version":1}\n' + json.dumps(document()).encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"nonsense", "Invalid header"),
        (b'{"format":"xml","version":1}\n{}', "Invalid header"),
        (HEADER, "Missing header or segment"),
        (HEADER.strip(), "Missing header or segment"),
        (HEADER + b"{", "not JSON"),
        (HEADER + b"[]", "no object"),
        (datagram(trace_id="nope"), "no trace id"),
        (datagram(id="12"), "no span id"),
        (datagram(start_time="soon"), "a time that is none"),
        (datagram(name=""), "without name"),
        (datagram(subsegments=["x"]), "no object"),
        (HEADER + b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_malformed_says_why(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        xray.datagram(data)


@given(some.binary(max_size=300))
def test_no_datagram_raises_anything_else(data: bytes) -> None:
    for one in (data, HEADER + data):
        with contextlib.suppress(Malformed):
            xray.datagram(one)


def test_attributes_are_bounded_and_secrets_hidden() -> None:
    metadata = {"default": {"Authorization": "Basic c2VjcmV0", "long": "x" * 10_000, "many": list(range(1000))}}
    [span] = xray.datagram(datagram(metadata=metadata))
    kept = span.detail["metadata"]["default"]
    assert "c2VjcmV0" not in json.dumps(span.detail)
    assert len(kept["long"]) == 4096
    assert len(kept["many"]) == 128
