"""Trees, summaries and the map of services."""

from __future__ import annotations

from emulator.traces.views import percentile, service_map, summary, title, tree, walk
from tests.unit.traces.spans import START, TRACE, span


def test_a_tree_in_the_order_of_its_waterfall() -> None:
    spans = [span("3", "1", start=START + 0.3), span("1"), span("2", "1"), span("4", "2")]
    assert [(node.span.span[0], node.depth) for node in walk(tree(spans))] == [("1", 0), ("2", 1), ("4", 2), ("3", 1)]


def test_a_span_whose_parent_did_not_arrive_is_a_root_behind_the_others() -> None:
    roots = tree([span("2", "9"), span("1")])
    assert [(root.span.span[0], root.orphan) for root in roots] == [("1", False), ("2", True)]


def test_spans_that_are_their_own_ancestors_are_shown_all_the_same() -> None:
    nodes = list(walk(tree([span("1", "2"), span("2", "1"), span("3", "3")])))
    assert sorted(node.span.span[0] for node in nodes) == ["1", "2", "3"]


def test_a_subsegment_that_came_alone_is_of_its_parent_s_service() -> None:
    [root] = tree([span("1"), span("2", "1", service="")])
    assert root.children[0].span.service == "shop"


def test_a_summary_has_the_worst_state_and_every_service_once() -> None:
    inner = span("2", "1", service="pay", fault=True, end=START + 0.9)
    found = summary([span("1", status=200), inner, span("3", "2", service="pay")])
    assert (found.state, found.services, found.spans, found.status) == ("fault", ("shop", "pay"), 3, 200)
    assert abs(found.duration - 0.9) < 1e-6


def test_a_title_is_method_and_path_where_a_span_says_them() -> None:
    http = {"request": {"method": "GET", "url": "http://shop.test:80/orders/7?token=x"}}
    assert title(span("1", detail={"http": http})) == "GET /orders/7"
    attributes = {"http.request.method": "POST", "url.path": "/charge"}
    assert title(span("1", detail={"attributes": attributes})) == "POST /charge"
    assert title(span("1", detail={"attributes": {"http.method": "GET", "http.target": "/a?b=c"}})) == "GET /a"
    assert title(span("1")) == "span 1"


def test_the_map_has_calls_between_services_and_to_what_sends_no_spans() -> None:
    spans = [
        span("1"),
        span("2", "1", kind="client", fault=True, end=START + 0.25),
        span("3", "2", service="pay", root=True, kind="server"),
        span("4", "3", service="pay", kind="client", detail={"attributes": {"db.system": "postgresql"}}),
    ]
    edges = {(edge.source, edge.target): edge.as_plain() for edge in service_map({TRACE: spans}, {})}
    assert set(edges) == {("client", "shop"), ("shop", "pay"), ("pay", "postgresql")}
    assert (edges["shop", "pay"]["count"], edges["shop", "pay"]["fault"], edges["shop", "pay"]["p50"]) == (1, 1, 0.25)
    assert edges["pay", "postgresql"]["inferred"]


def test_a_percentile_is_the_nearest_rank() -> None:
    assert percentile([], 50) is None
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 95) == 95.0
