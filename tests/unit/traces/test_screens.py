"""What `copilot-local traces` prints, at 80 columns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from emulator.traces import screens
from emulator.traces.screens import Line
from emulator.traces.spans import Span
from emulator.traces.views import service_map, state_of, summary
from tests.unit.traces.spans import START, TRACE, span

REQUEST = {
    "time": START - 0.01,
    "duration": 0.52,
    "method": "GET",
    "url": "/orders",
    "status": 500,
    "span": "1" * 16,
    "by": "id",
}


def answer(spans: list[Span], *requests: dict[str, Any]) -> dict[str, Any]:
    """What the agent answers about one trace."""
    plain = [{**asdict(one), "state": state_of(one)} for one in spans]
    return {"trace": summary(spans).as_plain(), "spans": plain, "requests": list(requests)}


def spans() -> list[Span]:
    cause = {"exceptions": [{"type": "RuntimeError", "message": "no such order"}]}
    return [
        span("1", fault=True, status=500, detail={"cause": cause}),
        span("2", "1", name="price", start=START + 0.02, end=START + 0.06),
        span("3", "1", kind="client", name="payments", start=START + 0.1, end=START + 0.4, fault=True),
        span(
            "4",
            "3",
            service="pay",
            workload="pay",
            name="charge",
            kind="server",
            root=True,
            start=START + 0.15,
            end=START + 0.35,
        ),
        span("5", "9", name="lonely", end=None, start=START + 0.4),
    ]


def test_a_waterfall() -> None:
    lines = [
        Line(START + 0.2, "shop", "shop", "no order 7"),
        Line(START + 0.21, "shop", "shop", f"in {'4' * 16}"),
        Line(START + 5, "web", "web", "elsewhere"),
    ]
    assert list(screens.waterfall(answer(spans(), REQUEST), lines)) == [
        "1-6b0bad11-a8d784a85017b9a9437b8d38  520.0 ms, 5 spans",
        "  load balancer: GET /orders          520.0 ms |████████████████████████| 500",
        "F shop: span 1                        500.0 ms |████████████████████████| 500",
        "    × RuntimeError: no such order",
        "    price                              40.0 ms | ██                     |",
        "F   payments                          300.0 ms |     ██████████████     |",
        "      │ +210.0 ms shop: no order 7",
        "      pay: charge                     200.0 ms |       ██████████       |",
        "        │ +220.0 ms shop: in 4444444444444444",
        "  (parent not received)",
        "… lonely                                       |                  ░░░░░░|",
        "  │ +5.01 s web: elsewhere",
    ]


def test_a_list() -> None:
    found = summary(spans()).as_plain()
    lost = summary([span("1", lost="deaf", name="GET /" + "long/" * 30)]).as_plain()
    rows = list(screens.listed({"traces": [found, lost], "notes": []}))
    assert rows[0] == "  TIME      ID            CODE      TOOK  SPANS  ROOT, SERVICES"
    assert rows[1].startswith("F ")
    assert rows[1].endswith("6b0bad11a8d7  500   500.0 ms      5  span 1  shop, pay")
    assert rows[2].startswith("! ")
    assert all(len(row) <= 80 for row in rows)


def test_a_map() -> None:
    edges = [edge.as_plain() for edge in service_map({TRACE: spans()}, {})]
    assert list(screens.mapped({"edges": edges})) == [
        " CALLS  ERRORS  FAULTS       P50       P95  WHO CALLS WHOM",
        "     1       0       1  500.0 ms  500.0 ms  client → shop",
        "     1       0       1  300.0 ms  300.0 ms  shop → pay",
    ]


def test_notes_wrap_and_say_how_often() -> None:
    one = {"workload": "web", "text": "trace ids that are not X-Ray's: " + "word " * 20, "count": 3}
    rows = list(screens.notes({"notes": [one]}))
    assert rows[0].startswith("warning: web: trace ids")
    assert rows[-1].endswith("(3 times)")
    assert all(len(row) <= 80 for row in rows)


def test_what_programs_send_cannot_move_the_cursor() -> None:
    found = "\n".join(screens.waterfall(answer([span("1", name="a\x1b[2Jb", service="x\ny")])))
    assert "\x1b" not in found
    assert len(found.splitlines()) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0466, "46.6 ms"), (1.2, "1.20 s"), (90, "1.5 min"), (0.9999, "1.00 s")]
)
def test_lengths(seconds: float, text: str) -> None:
    assert screens.took(seconds) == text
