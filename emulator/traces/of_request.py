"""The traces of one request, as far as they have come: for `trace`, which knows the request by its id."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.traces.screens import spans_of
from emulator.traces.spans import root_digits
from emulator.traces.views import tree, walk

Json = Mapping[str, Any]
ARRIVAL = 8.0
"""Seconds that spans may take to arrive: OpenTelemetry's SDKs hand them on every 5 s, and a busy machine is slow."""
_LOOK = 0.2
_LATEST = "100"
"""Traces since the request that are looked through."""


class Answers(Protocol):
    """What the agent answers about traces."""

    def traces(self, **query: str | list[str]) -> dict[str, Any]:
        """The latest ones."""
        ...

    def trace(self, id: str) -> dict[str, Any]:
        """One of them."""
        ...


@dataclass(frozen=True, slots=True)
class RequestSpans:
    """The traces that a request led to, each as the agent answers it, and the services that told nothing of it."""

    traces: Sequence[Json] = ()
    silent: Sequence[str] = ()


def traces_of_request(
    agent: Answers, id: str, began: float, expected: Collection[str], seconds: float = ARRIVAL
) -> RequestSpans:
    """What has arrived of a request once every expected service has sent its spans, or after that time. `id` is the
    root of its X-Amzn-Trace-Id, `began` its time in seconds. At once nothing where no service is expected to."""
    root = root_digits(f"Root={id}")
    if not expected or not root:
        return RequestSpans()
    until = time.monotonic() + seconds
    while True:
        traces = _traces(agent, root, str(began - 1))
        silent = sorted({*expected} - {str(span["workload"]) for one in traces for span in one["spans"]})
        if (not silent and all(map(_is_whole, traces))) or time.monotonic() >= until:
            return RequestSpans(traces, silent)
        time.sleep(_LOOK)


def silence(services: Collection[str]) -> str:
    """What there is to say of services that have a collector and sent it nothing."""
    return (
        f"no spans of {', '.join(services)} came within {ARRIVAL:g} s\n"
        "  hint: `copilot-local traces` shows later ones, `traces config` what takes them"
    )


def _traces(agent: Answers, root: str, since: str) -> list[Json]:
    """The traces that go on with the request's id, and those that the load balancer's log joins with it."""
    found: list[Json] = []
    for one in reversed(agent.traces(limit=_LATEST, since=since)["traces"]):
        request = one["request"]
        if one["id"] == root or (request is not None and root_digits(request["trace"]) == root):
            found.append(agent.trace(one["id"]))
    return found


def _is_whole(trace: Json) -> bool:
    """Whether nothing of a trace is in progress, and every span has its parent."""
    spans = spans_of(trace)
    return all(span.end is not None for span in spans) and not any(node.orphan for node in walk(tree(spans)))
