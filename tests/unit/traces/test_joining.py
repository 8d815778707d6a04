"""Requests of the load balancer and the traces that they began."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.traces.joining import Joiner, Request
from tests.unit.traces.spans import START, TRACE, XRAY, span

OTHER = "9403c809134eae5300839451a22dc816"


def request(**fields: Any) -> Request:
    found: dict[str, Any] = {
        "time": START - 0.01,
        "duration": 0.6,
        "method": "GET",
        "url": "/orders",
        "status": 200,
        "service": "shop",
        "target": "10.0.0.2",
        "source_port": 4711,
        "trace": f"Root={XRAY}",
    }
    return Request(**{**found, **fields})


@pytest.mark.parametrize(
    "header", [f"Root={XRAY}", f"Self=1-6b0bad11-{'0' * 24};Root={XRAY.upper().replace('ROOT', 'Root')}"]
)
def test_a_trace_that_goes_on_with_the_load_balancer_s_id(header: str) -> None:
    [joined] = Joiner([request(trace=header), request(trace="Root=1-00000000-" + "0" * 24)]).of([span("1")])
    assert (joined.by, joined.span, joined.request.trace) == ("id", "1" * 16, header)


def test_a_trace_of_its_own_is_found_by_the_port_that_its_server_span_names() -> None:
    other = span("1", trace=OTHER, peer_port=4711)
    [joined] = Joiner([request(), request(source_port=4712)]).of([other])
    assert (joined.by, joined.request.source_port) == ("port", 4711)


@pytest.mark.parametrize(
    "fields",
    [{"target": "10.0.0.3"}, {"source_port": 4712}, {"time": START - 10}, {"time": START + 1}, {"target": ""}],
)
def test_another_task_port_or_time_is_another_request(fields: dict[str, Any]) -> None:
    assert Joiner([request(trace="", **fields)]).of([span("1", trace=OTHER, peer_port=4711)]) == []


def test_requests_one_after_the_other_on_one_connection_are_told_apart_by_time() -> None:
    requests = [request(trace="", time=START + at, duration=0.2) for at in (0.0, 1.0, 2.0)]
    joiner = Joiner(requests)
    for at in (0.0, 1.0, 2.0):
        [joined] = joiner.of([span("1", trace=OTHER, peer_port=4711, start=START + at + 0.1, end=START + at + 0.15)])
        assert joined.request.time == START + at


def test_where_two_could_be_meant_none_is() -> None:
    requests = [request(trace="", time=START + at) for at in (-0.01, -0.02)]
    assert Joiner(requests).of([span("1", trace=OTHER, peer_port=4711)]) == []


def test_a_span_within_a_trace_is_no_request() -> None:
    assert Joiner([request()]).of([span("2", "1", trace=TRACE)]) == []
