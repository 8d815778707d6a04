"""The spans of a request that `trace` sent: which traces are of it, how long they are waited for, what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from emulator.traces.of_request import silence, traces_of_request
from emulator.traces.spans import Span
from emulator.traces.views import state_of, summary
from tests.unit.traces.spans import START, TRACE, XRAY, span

OTHER = "f" * 32


class Store:
    """What an agent answers: at each look at the list the next traces, the last ones from then on. By trace, the root
    that the load balancer's log joins it with."""

    def __init__(self, *looks: list[Span], joined: str = "") -> None:
        self._looks = list(looks)
        self._joined = joined
        self._spans: list[Span] = []

    def traces(self, **query: str | list[str]) -> dict[str, Any]:
        self._spans = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        ids = dict.fromkeys(one.trace for one in self._spans)
        request = {"trace": f"Self=1-x;Root={self._joined}"} if self._joined else None
        return {"traces": [{"id": id, "request": request} for id in ids]}

    def trace(self, id: str) -> dict[str, Any]:
        spans = [one for one in self._spans if one.trace == id]
        plain = [{**asdict(one), "state": state_of(one)} for one in spans]
        return {"trace": summary(spans).as_plain(), "spans": plain, "requests": []}


def found(store: Store, seconds: float, expected: Sequence[str] = ("hello",)) -> tuple[list[list[str]], list[str]]:
    spans = traces_of_request(store, XRAY, START, expected, seconds)
    return [[one["name"] for one in trace["spans"]] for trace in spans.traces], list(spans.silent)


def test_a_trace_that_goes_on_with_the_id_is_waited_for_until_nothing_is_missing() -> None:
    child, root = span("2", "1", workload="hello"), span("1", workload="hello")
    store = Store([], [child], [root, child])
    assert found(store, 60) == ([["span 1", "span 2"]], [])


def test_one_that_the_load_balancer_s_log_joins_is_of_it_too() -> None:
    own = span("1", workload="hello", trace=OTHER)
    assert found(Store([own], joined=XRAY), 60) == ([["span 1"]], [])
    assert found(Store([own], joined=f"1-{TRACE[:8]}-{'0' * 24}"), 0) == ([], ["hello"])
    assert found(Store([own]), 0) == ([], ["hello"])


def test_what_has_come_in_time_is_shown() -> None:
    child = span("2", "1", workload="hello")
    assert found(Store([child]), 0) == ([["span 2"]], [])


def test_the_agent_is_not_asked_where_nothing_is_expected() -> None:
    assert found(Store(), 60, ()) == ([], [])


def test_what_is_said_of_silent_services_fits() -> None:
    text = silence(["api", "web"])
    assert text.startswith("no spans of api, web came within 8 s")
    assert max(map(len, text.splitlines())) <= 80
