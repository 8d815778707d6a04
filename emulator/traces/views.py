"""What is computed of spans: summaries of traces, their trees, the map of services."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.traces.joining import Joined
from emulator.traces.spans import Span, xray_form

State = Literal["ok", "error", "throttle", "fault", "in progress"]


def state_of(span: Span) -> State:
    """How a span went."""
    if span.fault:
        return "fault"
    if span.throttle:
        return "throttle"
    if span.error:
        return "error"
    return "ok" if span.end is not None else "in progress"


_WORST: tuple[State, ...] = ("fault", "throttle", "error", "in progress", "ok")


@dataclass(slots=True)
class Node:
    """A span in its tree."""

    span: Span
    children: list[Node] = field(default_factory=list)
    depth: int = 0
    orphan: bool = False
    """It names a parent that was not received."""


def tree(spans: Sequence[Span]) -> list[Node]:
    """The roots of a trace, each with its children, by their start. A span whose parent was not received is a root."""
    nodes = {span.span: Node(span) for span in spans}
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.span.parent)
        if parent is None or _is_above(nodes, node, parent):
            node.orphan = bool(node.span.parent) and parent is None
            roots.append(node)
        else:
            parent.children.append(node)
    for node in nodes.values():
        node.children.sort(key=lambda one: one.span.start)
    roots.sort(key=lambda one: (one.orphan, one.span.start))
    for root in roots:
        root.span.service = root.span.service or root.span.workload
    for node in walk(roots):
        for child in node.children:
            child.depth = node.depth + 1
            # A subsegment that came alone does not say whose it is: its parent does.
            child.span.service = child.span.service or node.span.service
    return roots


def _is_above(nodes: Mapping[str, Node], node: Node, parent: Node) -> bool:
    """Whether a span is its own ancestor: what a program sends is not always a tree."""
    seen = {node.span.span}
    above: Node | None = parent
    while above is not None:
        if above.span.span in seen:
            return True
        seen.add(above.span.span)
        above = nodes.get(above.span.parent)
    return False


def walk(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node, parents before their children, in the order of a waterfall."""
    for root in roots:
        todo = [root]
        while todo:
            node = todo.pop()
            yield node
            todo += reversed(node.children)


@dataclass(frozen=True, slots=True)
class Summary:
    """A trace in a line."""

    trace: str
    time: float
    end: float
    name: str
    """What its first root is called: method and path where it says them."""
    status: int | None
    state: State
    """The worst of all its spans."""
    spans: int
    services: tuple[str, ...]
    tasks: tuple[str, ...]
    lost: bool
    """Some of it would not arrive when deployed."""
    request: Joined | None = None

    @property
    def duration(self) -> float:
        return max(0.0, self.end - self.time)

    def as_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "id": self.trace,
            "xray_id": xray_form(self.trace),
            "time": self.time,
            "duration": round(self.duration, 6),
            "name": self.name,
            "status": self.status,
            "state": self.state,
            "spans": self.spans,
            "services": list(self.services),
            "tasks": list(self.tasks),
            "lost_when_deployed": self.lost,
            "request": self.request.as_plain() if self.request else None,
        }


def summary(spans: Sequence[Span], request: Joined | None = None) -> Summary:
    """The summary of one trace, of one span at least."""
    roots = tree(spans)
    nodes = list(walk(roots))
    first = roots[0].span
    services = dict.fromkeys(node.span.service for node in nodes if node.span.service)
    states = {state_of(node.span) for node in nodes}
    return Summary(
        trace=first.trace,
        time=min(span.start for span in spans),
        end=max(span.end if span.end is not None else span.start for span in spans),
        name=title(first),
        status=first.status if first.status is not None else request.request.status if request else None,
        state=next(state for state in _WORST if state in states),
        spans=len(spans),
        services=tuple(services),
        tasks=tuple(dict.fromkeys(node.span.task for node in nodes if node.span.task)),
        lost=any(span.lost for span in spans),
        request=request,
    )


def title(span: Span) -> str:
    """What a span did: method and path where it served or sent a request, else its name."""
    http = span.detail.get("http")
    asked = http.get("request") if isinstance(http, dict) else None
    if isinstance(asked, dict) and asked.get("method"):
        return f"{asked['method']} {_path(str(asked.get('url', '')))}".strip()
    attributes = span.detail.get("attributes")
    if isinstance(attributes, dict) and span.kind in ("server", "client"):
        method = attributes.get("http.request.method") or attributes.get("http.method")
        path = attributes.get("url.path") or attributes.get("http.target") or attributes.get("http.route")
        path = path or _path(str(attributes.get("url.full") or attributes.get("http.url") or ""))
        if method:
            return f"{method} {_path(str(path))}".strip()
    return span.name


def _path(url: str) -> str:
    _, scheme, rest = url.partition("://")
    path = f"/{rest.partition('/')[2]}" if scheme else url
    return path.partition("?")[0]


def of_traces(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Spans by the trace that they are of."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        found[span.trace].append(span)
    return dict(found)


@dataclass(slots=True)
class Edge:
    """Calls from one service to another, as X-Ray counts them. Times in seconds."""

    source: str
    target: str
    inferred: bool = False
    """The target sent no spans itself: a database, an address."""
    count: int = 0
    states: dict[State, int] = field(default_factory=lambda: defaultdict(int))
    times: list[float] = field(default_factory=list)

    def as_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        states = {state: self.states.get(state, 0) for state in ("ok", "error", "throttle", "fault")}
        return {
            "source": self.source,
            "target": self.target,
            "inferred": self.inferred,
            "count": self.count,
            **states,
            "p50": percentile(self.times, 50),
            "p95": percentile(self.times, 95),
        }


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest rank; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


CLIENT = "client"
BALANCER = "load balancer"


def service_map(traces: Mapping[str, Sequence[Span]], joined: Mapping[str, Joined]) -> list[Edge]:
    """Who calls whom, the most frequent first: from one service's span to another's, from a client span to what sends
    no spans, and from outside to where traces begin."""
    edges: dict[tuple[str, str], Edge] = {}

    def note(source: str, target: str, span: Span, *, inferred: bool = False) -> None:
        edge = edges.setdefault((source, target), Edge(source, target, inferred))
        edge.count += 1
        edge.states[state_of(span)] += 1
        if span.end is not None:
            edge.times.append(span.end - span.start)

    for trace, spans in traces.items():
        roots = tree(spans)
        for root in roots:
            if not root.orphan and root.span.kind != "client":
                note(BALANCER if trace in joined else CLIENT, root.span.service, root.span)
        for node in walk(roots):
            others = [child for child in node.children if child.span.service != node.span.service]
            for child in others:
                note(node.span.service, child.span.service, node.span if node.span.kind == "client" else child.span)
            if node.span.kind == "client" and not others and not _calls_on(node):
                note(node.span.service, peer(node.span), node.span, inferred=True)
    return sorted(edges.values(), key=lambda edge: (-edge.count, edge.source, edge.target))


def _calls_on(node: Node) -> bool:
    """Whether a client span holds another one: that is the call."""
    return any(inner.span.kind == "client" for inner in walk(node.children))


def peer(span: Span) -> str:
    """What a client span calls, as far as it says so."""
    attributes = span.detail.get("attributes")
    if isinstance(attributes, dict):
        names = ("peer.service", "db.system.name", "db.system", "server.address", "net.peer.name", "http.host")
        for name in names:
            if value := attributes.get(name):
                return str(value)
        if url := attributes.get("http.url") or attributes.get("url.full"):
            return str(url).partition("://")[2].partition("/")[0].partition(":")[0] or span.name
    return span.name
