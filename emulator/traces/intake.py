"""What a task's receiver handed over, as rows of the store. What cannot be read is counted and said, never fatal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.settings_traces import LocalCollector
from emulator.traces import xray
from emulator.traces.ports import XRAY
from emulator.traces.spans import Malformed, Span
from emulator.traces.store import Note, TraceStore, note
from emulator.traces.wire import Payload, Report

_MOST_AGE = 28 * 86400
_MOST_AHEAD = 300
"""Seconds: what X-Ray's exporter takes the first 8 digits of an id for, a time in this span."""
DEAF = "deaf"
STRANGE_ID = "strange-id"
MALFORMED = "malformed"
NAMELESS = "nameless"


@dataclass(frozen=True, slots=True)
class Origin:
    """The task that something came from, and what its collector would take when deployed."""

    task: str
    workload: str
    address: str
    container: str
    collector: LocalCollector


class Intake:
    """Takes what receivers hand over. Any thread may call it."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store

    def take(self, origin: Origin, report: Report, payloads: list[Payload]) -> None:
        """Keeps the spans of payloads, and what a user should know of them."""
        spans: list[Span] = []
        wrong: Counter[str] = Counter()
        for payload in payloads:
            alone: list[Malformed] = []
            try:
                spans += decoded(payload, alone)
            except Malformed as error:
                alone.append(error)
            wrong.update(f"{_PLACES[payload.protocol]}: {error}" for error in alone)
        for span in spans:
            span.task, span.workload, span.address = origin.task, origin.workload, origin.address
            span.lost = _lost(origin.collector, span)
        self.store.add(spans, [*_notes(origin, report, spans), *_malformed(origin, wrong)])


_PLACES = {
    "xray": "datagram at 2000",
    "api": "request at 2000",
    "otlp_grpc": "message at 4317",
    "otlp_http": "message at 4318",
    "otlp_json": "message at 4318",
}


def decoded(payload: Payload, wrong: list[Malformed]) -> list[Span]:
    """The spans of a payload. Raises `Malformed`; what of it alone cannot be read goes to `wrong`."""
    match payload.protocol:
        case "xray":
            return xray.datagram(payload.data)
        case "api":
            spans, refused = xray.segments(payload.data)
            wrong += [error for _, error in refused]
            return spans
        case _:
            from emulator.traces import otlp  # the message classes of OpenTelemetry, once there is such a message

            if payload.protocol == "otlp_json":
                return otlp.from_json(payload.data, wrong)
            return otlp.protobuf(payload.data, payload.protocol, wrong)


def _lost(collector: LocalCollector, span: Span) -> str:
    """Why the deployed collector would not pass a span on."""
    if span.source in ("xray", "api"):
        return "" if collector.xray else DEAF
    if not collector.otlp:
        return DEAF
    return STRANGE_ID if collector.checks_ids and not is_xray_id(span.trace, span.start) else ""


def is_xray_id(trace: str, now: float) -> bool:
    """Whether the first 8 digits are a time of the last 28 days, or of the next 5 minutes."""
    return -_MOST_AHEAD <= now - int(trace[:8], 16) <= _MOST_AGE


def _notes(origin: Origin, report: Report, spans: list[Span]) -> Iterator[Note]:
    workload = origin.workload
    lost = Counter((span.lost, span.source in ("xray", "api")) for span in spans if span.lost)
    for (why, from_xray), number in lost.items():
        if why == DEAF and from_xray:
            text = (
                f"segments for port {XRAY}: {origin.container} does not listen there when deployed, and they are lost; "
                "a sidecar with the image amazon/aws-xray-daemon takes them"
            )
            yield note(workload, f"{DEAF}-xray", text, number)
        elif why == DEAF:
            text = f"spans of OpenTelemetry: {origin.container} takes none when deployed, and they are lost"
            yield note(workload, f"{DEAF}-otlp", text, number)
        else:
            text = (
                f"trace ids that are not X-Ray's: {origin.container} drops such spans when deployed; "
                "give OpenTelemetry the id generator `xray` (OTEL_PYTHON_ID_GENERATOR=xray, AWSXRayIdGenerator)"
            )
            yield note(workload, STRANGE_ID, text, number)
    if number := sum(span.service.startswith("unknown_service") for span in spans):
        yield note(workload, NAMELESS, "spans without a service's name: set OTEL_SERVICE_NAME", number)
    if report.dropped:
        yield note(workload, "dropped", "messages were dropped: the agent could not be reached in time", report.dropped)
    if report.refused:
        yield note(workload, "refused", "requests for paths or types that a collector does not have", report.refused)
    for signal, number in report.others.items():
        yield note(workload, signal, f"exports of {signal}: taken and thrown away, only traces are kept", number)
    for port in report.taken:
        yield note(workload, f"taken-{port}", f"port {port} is used by the task itself: nothing is received there", 0)


def _malformed(origin: Origin, wrong: Counter[str]) -> Iterator[Note]:
    if wrong:
        last = next(reversed(wrong))
        yield note(origin.workload, MALFORMED, f"could not be read, the last one a {last}", sum(wrong.values()))
