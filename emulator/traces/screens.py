"""Traces for people, from the agent's answers: the list, the waterfall, the map. Pure. Meant to fit 80 columns."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.traces.spans import Span
from emulator.traces.views import Node, peer, state_of, title, tree, walk
from emulator.visible import visible_line

Json = Mapping[str, Any]
WIDTH = 80
_MARKS = {"fault": "F", "error": "E", "throttle": "T", "in progress": "…"}
_NAME = 34
"""Columns of a span's name in a waterfall."""
_ID = 12
"""Digits of an id in the list: the first 8 of X-Ray's are a time."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a container printed, or a record of it. `time`: seconds since 1970."""

    time: float
    service: str
    container: str
    text: str


def took(seconds: float) -> str:
    """A span's length: `46.6 ms`, `1.20 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def listed(answer: Json, width: int = WIDTH) -> Iterator[str]:
    """The list, a trace a line, and what there is to say of them."""
    traces: Sequence[Json] = answer["traces"]
    if traces:
        yield f"  {'TIME':8}  {'ID':{_ID}}  {'CODE':4}  {'TOOK':>8}  {'SPANS':>5}  ROOT, SERVICES"
    for one in traces:
        moment = datetime.fromtimestamp(float(one["time"])).strftime("%H:%M:%S")
        mark = _MARKS.get(str(one["state"]), "!" if one["lost_when_deployed"] else " ")
        code = "-" if one["status"] is None else str(one["status"])
        what = f"{one['name']}  {', '.join(one['services'])}"
        text = f"{mark} {moment}  {one['id'][:_ID]}  {code:4}  {took(one['duration']):>8}  {one['spans']:>5}  {what}"
        yield cut(text, width)


def notes(answer: Json, width: int = WIDTH) -> Iterator[str]:
    """What there is to say of traces, each as a warning."""
    for one in answer["notes"]:
        number = f" ({one['count']} times)" if one["count"] > 1 else ""
        yield from textwrap.wrap(
            f"warning: {one['workload']}: {one['text']}{number}",
            width,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def waterfall(answer: Json, lines: Iterable[Line] = (), width: int = WIDTH) -> Iterator[str]:
    """A trace: the load balancer's request, its spans as bars over time, log lines and exceptions beneath them."""
    head, spans = answer["trace"], spans_of(answer)
    roots = tree(spans)
    requests: Sequence[Json] = answer["requests"]
    start = min([head["time"], *(one["time"] for one in requests)])
    end = max([head["time"] + head["duration"], *(one["time"] + one["duration"] for one in requests)])
    yield cut(f"{head['xray_id']}  {took(end - start)}, {len(spans)} span{'' if len(spans) == 1 else 's'}", width)
    bars = _Bars(start, end, max(10, width - _NAME - 22))
    for one in requests:
        name = f"load balancer: {one['method']} {one['url']}"
        yield bars.line(" ", name, one["time"], one["time"] + one["duration"], str(one["status"]), width)
    beneath = _beneath(spans, lines)
    orphaned = False
    for node in walk(roots):
        if node.orphan and not orphaned:
            orphaned = True
            yield "  (parent not received)"
        yield from _span(node, bars, beneath.get(node.span.span, ()), width)
    for line in beneath.get("", ()):
        yield _log_line(line, start, "  ", width)


def spans_of(answer: Json) -> list[Span]:
    """The spans of an answer about one trace."""
    return [Span(**{name: value for name, value in one.items() if name != "state"}) for one in answer["spans"]]


def _span(node: Node, bars: _Bars, lines: Sequence[Line], width: int) -> Iterator[str]:
    span, indent = node.span, "  " * node.depth
    name = f"{span.service}: {title(span)}" if span.root else title(span)
    if span.kind == "client" and not span.root and not node.children and (called := peer(span)) not in name:
        name = f"{name} → {called}"
    mark = _MARKS.get(state_of(span), "!" if span.lost else " ")
    status = "" if span.status is None else str(span.status)
    yield bars.line(mark, indent + name, span.start, span.end, status, width)
    for text in exceptions(span):
        yield cut(f"  {indent}  × {visible_line(text)}", width)
    for line in lines:
        yield _log_line(line, bars.start, f"  {indent}  ", width)


def _log_line(line: Line, start: float, indent: str, width: int) -> str:
    return cut(f"{indent}│ +{took(max(0.0, line.time - start))} {line.container}: {visible_line(line.text)}", width)


def exceptions(span: Span) -> Iterator[str]:
    """What was raised in a span, as far as it says so."""
    cause = span.detail.get("cause")
    raised = cause.get("exceptions") if isinstance(cause, dict) else None
    for one in raised if isinstance(raised, list) else ():
        if isinstance(one, dict):
            yield ": ".join(str(one[name]) for name in ("type", "message") if one.get(name))
    for event in span.detail.get("events") or ():
        if event.get("name") == "exception":
            values = event.get("attributes") or {}
            yield ": ".join(str(values[f"exception.{n}"]) for n in ("type", "message") if values.get(f"exception.{n}"))


def _beneath(spans: Sequence[Span], lines: Iterable[Line]) -> dict[str, list[Line]]:
    """Lines by the id of the span that they belong to: the one that they name, else the shortest of their service in
    which they were printed; else by an empty text."""
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda one: one.time):
        named = next((span.span for span in spans if span.span in line.text), "")
        if not named:
            around = [
                span
                for span in spans
                if span.workload == line.service
                and span.end is not None
                and span.start - 0.002 <= line.time <= span.end + 0.002
            ]
            named = min(around, key=lambda span: (span.end or 0) - span.start).span if around else ""
        found[named].append(line)
    return found


@dataclass(frozen=True, slots=True)
class _Bars:
    """Bars over the time of a trace, of that many columns."""

    start: float
    end: float
    columns: int

    def line(self, mark: str, name: str, start: float, end: float | None, status: str, width: int) -> str:
        """Mark, name, length, bar and status."""
        shown = cut(visible_line(name), _NAME)
        length = "" if end is None else took(end - start)
        text = f"{mark} {shown:{_NAME}} {length:>9} |{self._bar(start, end)}|{f' {status}' if status else ''}"
        return cut(text, width)

    def _bar(self, start: float, end: float | None) -> str:
        whole = max(self.end - self.start, 1e-9)
        first = min(int((start - self.start) / whole * self.columns), self.columns - 1)
        last = self.columns if end is None else round((end - self.start) / whole * self.columns)
        size = max(1, min(last, self.columns) - first)
        return (" " * first + ("░" if end is None else "█") * size).ljust(self.columns)


def mapped(answer: Json, width: int = WIDTH) -> Iterator[str]:
    """The map, an edge a line: calls, how they went, how long they took."""
    edges: Sequence[Json] = answer["edges"]
    names = [f"{edge['source']} → {edge['target']}{' *' if edge['inferred'] else ''}" for edge in edges]
    wide = min(max(map(len, names), default=0), max(20, width - 44))
    if edges:
        yield f"{'CALLS':>6}  {'ERRORS':>6}  {'FAULTS':>6}  {'P50':>8}  {'P95':>8}  WHO CALLS WHOM"
    for name, edge in zip(names, edges, strict=True):
        p50, p95 = (took(edge[key]) if edge[key] is not None else "-" for key in ("p50", "p95"))
        errors = edge["error"] + edge["throttle"]
        text = f"{edge['count']:>6}  {errors:>6}  {edge['fault']:>6}  {p50:>8}  {p95:>8}  {cut(name, wide)}"
        yield cut(text, width)
    if any(edge["inferred"] for edge in edges):
        yield "* sent no spans itself"


def cut(text: str, width: int) -> str:
    """A text that is no longer than that."""
    return text.rstrip() if len(text.rstrip()) <= width else text[: width - 1].rstrip() + "…"
