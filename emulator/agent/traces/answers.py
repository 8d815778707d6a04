"""What the control API answers about traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emulator.agent.load_balancer.access_log import access_follower
from emulator.errors import InputError, NotFound
from emulator.frontdoor.access_log import record_of
from emulator.traces.intake import DEAF, STRANGE_ID
from emulator.traces.joining import Joined, Joiner, Request
from emulator.traces.spans import Malformed, Span, trace_digits
from emulator.traces.store import TraceStore
from emulator.traces.views import Summary, of_traces, service_map, state_of, summary

Json = dict[str, Any]
Query = Mapping[str, Sequence[str]]
MOST = 1000
"""Traces that are looked through for one list, or for the map."""
_BEFORE = 70.0
"""Seconds that a request may take."""


class TraceAnswers:
    """Answers about what a store holds. `access` is the folder of the load balancer's access log."""

    def __init__(self, store: TraceStore, access: Path) -> None:
        self._store = store
        self._access = access

    def listed(self, query: Query) -> Json:
        """The latest traces, the newest first, and the notes. `limit`, `since` (seconds since 1970), `service`,
        `slow` (seconds) and `errors` choose."""
        limit = int(_one(query, "limit") or 20)
        chosen = _chosen(query)
        found: list[Summary] = []
        plain = not (query.get("service") or _one(query, "slow") or _one(query, "errors"))
        spans = self._store.latest(limit if plain else max(limit, MOST), since=float(_one(query, "since") or 0))
        traces = of_traces(spans)
        joiner = self._joiner(spans)
        for of_one in traces.values():
            joined = joiner.of(of_one)
            one = summary(of_one, joined[0] if joined else None)
            if chosen(one, of_one):
                found.append(one)
        found.sort(key=lambda one: -one.time)
        return {"traces": [one.as_plain() for one in found[:limit]], "notes": self._notes()}

    def one(self, query: Query) -> Json:
        """A trace with all its spans and the requests that it began with, by its id, the beginning of it, or `last`."""
        trace = self._id(_one(query, "id") or "last")
        spans = self._store.spans(traces=[trace])
        joined = self._joiner(spans).of(spans)
        return {
            "trace": summary(spans, joined[0] if joined else None).as_plain(),
            "spans": [{**asdict(span), "state": state_of(span)} for span in spans],
            "requests": [one.as_plain() for one in joined],
        }

    def map(self, query: Query) -> Json:
        """Who calls whom in the latest traces."""
        spans = self._store.latest(MOST, since=float(_one(query, "since") or 0))
        joiner = self._joiner(spans)
        traces = of_traces(spans)
        joined: dict[str, Joined] = {trace: hits[0] for trace, some in traces.items() if (hits := joiner.of(some))}
        return {"edges": [edge.as_plain() for edge in service_map(traces, joined)], "notes": self._notes()}

    def _id(self, text: str) -> str:
        if text == "last":
            spans = self._store.latest(1)
            if not spans:
                raise NotFound("no trace has been received yet", hint="`copilot-local traces` says what was")
            return spans[0].trace
        if "Root=" in text:
            text = text.partition("Root=")[2].partition(";")[0]
        try:
            return self._known(trace_digits(text))
        except Malformed:
            return self._known(text.lower().removeprefix("1-").replace("-", ""))

    def _known(self, prefix: str) -> str:
        if not prefix or any(digit not in "0123456789abcdef" for digit in prefix):
            raise InputError(f"{prefix!r} is no trace id", hint="`copilot-local traces` lists them; or `last`")
        found = self._store.matching(prefix)
        if len(found) > 1:
            raise InputError(f"several traces begin with {prefix}", hint=", ".join(found))
        if not found:
            raise NotFound(f"there is no trace {prefix}", hint="`copilot-local traces` lists them")
        return found[0]

    def lost(self) -> list[dict[str, str]]:
        """The notes of spans that a deployment would lose."""
        notes = [note for note in self._store.notes() if note.code.startswith((DEAF, STRANGE_ID))]
        return [{"workload": note.workload, "code": note.code, "text": note.text} for note in notes]

    def _notes(self) -> list[Json]:
        return [asdict(note) for note in self._store.notes()]

    def _joiner(self, spans: Sequence[Span]) -> Joiner:
        if not any(span.root for span in spans):
            return Joiner(())
        first, last = min(span.start for span in spans), max(span.start for span in spans)
        return Joiner(self._requests(first - _BEFORE, last + 1))

    def _requests(self, since: float, until: float) -> Iterator[Request]:
        follower = access_follower(self._access)
        try:
            for _, record in [*follower.records(), *follower.close()]:
                if not since <= record.time_ns / 1e9 <= until:
                    continue
                try:
                    found = record_of(record.fields)
                except (ValueError, KeyError, TypeError):
                    continue
                yield Request(
                    time=found.created.timestamp(),
                    duration=found.active_time / 1000,
                    method=found.method,
                    url=found.uri.partition("?")[0],
                    status=found.status,
                    service=found.service,
                    target=found.target.rpartition(":")[0],
                    source_port=found.source_port,
                    trace=found.trace_id,
                )
        finally:
            follower.close()


def _chosen(query: Query) -> Callable[[Summary, Sequence[Span]], bool]:
    services = set(query.get("service", ()))
    slow = float(_one(query, "slow") or 0)
    errors = _one(query, "errors") == "true"

    def chosen(one: Summary, spans: Sequence[Span]) -> bool:
        named = {*one.services, *(span.workload for span in spans)}
        return (
            (not services or bool(services & named))
            and one.duration >= slow
            and (not errors or one.state in ("error", "throttle", "fault"))
        )

    return chosen


def _one(query: Query, name: str) -> str:
    return query.get(name, ("",))[-1]
