"""From what a task's receiver handed over to spans and notes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from emulator.agent.metadata.link_local import open_listener
from emulator.agent.metadata.tasks import TaskView
from emulator.agent.traces.server import TraceServer
from emulator.settings_traces import LocalCollector
from emulator.traces.intake import Intake, Origin, is_xray_id
from emulator.traces.receiver.http import Request
from emulator.traces.receiver.outbox import Outbox
from emulator.traces.receiver.serving import Receiver
from emulator.traces.store import TraceStore
from emulator.traces.wire import Payload, Report
from tests.unit.traces.spans import TRACE, datagram, document
from tests.unit.traces.test_otlp import exported


def taken(tmp_path: Path, collector: LocalCollector, report: Report, *payloads: Payload) -> TraceStore:
    store = TraceStore(tmp_path / "t.sqlite")
    Intake(store).take(Origin("t" * 32, "shop", "10.0.0.2", "collector", collector), report, list(payloads))
    return store


def test_a_span_knows_its_task(tmp_path: Path) -> None:
    store = taken(tmp_path, LocalCollector(), Report("collector"), Payload("xray", 1.0, datagram()))
    [span] = store.latest(1)
    assert (span.workload, span.task, span.address, span.lost) == ("shop", "t" * 32, "10.0.0.2", "")
    assert store.notes() == []


def test_one_message_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    payloads = [Payload("xray", 1.0, b"x"), Payload("xray", 1.0, datagram()), Payload("otlp_json", 1.0, b"{")]
    store = taken(tmp_path, LocalCollector(), Report("collector"), *payloads)
    assert len(store.latest(5)) == 1
    [note] = store.notes()
    assert (note.code, note.count) == ("malformed", 2)
    assert "4318" in note.text


BAD = json.dumps(document(id="e" * 16, name=""))


def put(*documents: str) -> bytes:
    """The body of a PutTraceSegments."""
    return json.dumps({"TraceSegmentDocuments": documents}).encode()


def test_one_document_of_a_request_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    """The daemon sends up to 50 at once."""
    body = put(json.dumps(document()), BAD, "{", json.dumps(document(id="d" * 16)))
    store = taken(tmp_path, LocalCollector(), Report("collector"), Payload("api", 1.0, body))
    assert {span.span for span in store.latest(5)} == {"c383d6f10d8381d8", "d" * 16}
    [note] = store.notes()
    assert (note.code, note.count) == ("malformed", 2)
    assert "a request at 2000: a segment document that is not JSON" in note.text


@pytest.mark.parametrize(
    "payload",
    [
        Payload("api", 1.0, put(json.dumps(document(id="e" * 16, name="half \ud800")))),
        Payload("otlp_json", 1.0, b'{"resourceSpans": [{"schemaUrl": "\\ud800"}]}'),
        Payload("otlp_json", 1.0, b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": Infinity}]}]}]}'),
    ],
    ids=["X-Ray", "OTLP", "infinite"],
)
def test_a_message_that_no_store_takes_costs_no_other(tmp_path: Path, payload: Payload) -> None:
    """They come together: what a task's receiver holds is handed over at once."""
    whole = Payload("api", 1.0, put(json.dumps(document())))
    store = taken(tmp_path, LocalCollector(), Report("collector"), payload, whole)
    assert [span.span for span in store.latest(5)] == ["c383d6f10d8381d8"]
    assert [(note.code, note.count) for note in store.notes()] == [("malformed", 1)]


def test_a_status_that_no_store_takes_is_left_out(tmp_path: Path) -> None:
    http = {"response": {"status": 10**25}}
    store = taken(
        tmp_path, LocalCollector(), Report("collector"), Payload("api", 1.0, put(json.dumps(document(http=http))))
    )
    assert [span.status for span in store.latest(5)] == [None]


@pytest.mark.parametrize(("trace", "span"), [(b"", b"\2" * 8), (b"\1" * 16, b"")])
def test_a_span_without_an_id_costs_no_other(tmp_path: Path, trace: bytes, span: bytes) -> None:
    """The collector takes the export, and its exporter drops the span."""
    request = ExportTraceServiceRequest.FromString(exported())
    request.resource_spans[0].scope_spans[0].spans.append(Message(trace_id=trace, span_id=span))
    store = taken(
        tmp_path, LocalCollector(), Report("collector"), Payload("otlp_grpc", 1.0, request.SerializeToString())
    )
    assert [span.name for span in store.latest(5)] == ["charge"]
    assert [(note.code, note.count) for note in store.notes()] == [("malformed", 1)]


def answer_of_receiver(body: bytes, folder: Path) -> tuple[int, bytes]:
    """Of what receives in a task."""
    del folder
    answer = asyncio.run(Receiver(Outbox("collector"), 1.0).xray(Request("POST", "/TraceSegments", "", body)))
    return answer.status, answer.body


def answer_of_agent(body: bytes, folder: Path) -> tuple[int, bytes]:
    """Of the agent, where a collector that runs itself hands segments on."""
    intake = Intake(TraceStore(folder / "t.sqlite"))
    task = TaskView("t" * 32, "shop", {}, None, None, "", (), stopping=False)
    server = TraceServer(open_listener("127.0.0.1", 0), lambda: intake, lambda _: task)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    port = int(server.server_address[1])
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("POST", "/TraceSegments", body)
            found = connection.getresponse()
            return found.status, found.read()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("ask", [answer_of_receiver, answer_of_agent])
def test_documents_that_x_ray_does_not_take_are_answered(
    ask: Callable[[bytes, Path], tuple[int, bytes]], tmp_path: Path
) -> None:
    old = json.dumps(document(id="f" * 16, trace_id="nonsense"))
    status, body = ask(put(json.dumps(document()), BAD, "{", "{}", old), tmp_path)
    assert status == 200
    assert json.loads(body)["UnprocessedTraceSegments"] == [
        {"ErrorCode": "ParseError", "Message": "Invalid segment. ErrorCode: ParseError", "Id": "e" * 16},
        {"ErrorCode": "ParseError", "Message": "Invalid segment. ErrorCode: ParseError"},
        {"ErrorCode": "MissingId", "Message": "Invalid segment. ErrorCode: MissingId"},
        {"ErrorCode": "InvalidTraceId", "Message": "Invalid segment. ErrorCode: InvalidTraceId", "Id": "f" * 16},
    ]
    assert json.loads(ask(put(json.dumps(document())), tmp_path)[1]) == {"UnprocessedTraceSegments": []}
    assert ask(b"{}", tmp_path)[0] == 400


@pytest.mark.parametrize(
    ("collector", "payload", "code"),
    [
        (LocalCollector(xray=False), Payload("xray", 1.0, datagram()), "deaf-xray"),
        (LocalCollector(otlp=False), Payload("otlp_grpc", 1.0, exported()), "deaf-otlp"),
        (LocalCollector(checks_ids=True), Payload("otlp_grpc", 1.0, exported()), "strange-id"),
    ],
)
def test_what_a_deployment_would_lose_is_said(
    tmp_path: Path, collector: LocalCollector, payload: Payload, code: str
) -> None:
    store = taken(tmp_path, collector, Report("collector"), payload)
    assert [note.code for note in store.notes()] == [code]
    assert store.latest(1)[0].lost


def test_what_a_receiver_reports_is_said(tmp_path: Path) -> None:
    report = Report("collector", dropped=3, refused=1, others={"metrics": 5}, taken=(4318,))
    store = taken(tmp_path, LocalCollector(), report)
    assert {note.code: note.count for note in store.notes()} == {
        "dropped": 3,
        "refused": 1,
        "metrics": 5,
        "taken-4318": 0,
    }


def test_an_id_of_x_ray_begins_with_a_time() -> None:
    now = time.time()
    assert is_xray_id(f"{int(now):08x}" + "0" * 24, now)
    assert is_xray_id(f"{int(now - 27 * 86400):08x}" + "0" * 24, now)
    assert not is_xray_id(f"{int(now - 29 * 86400):08x}" + "0" * 24, now)
    assert not is_xray_id(f"{int(now + 600):08x}" + "0" * 24, now)
    assert not is_xray_id(TRACE, 0x6B0BAD11 + 86400 * 365)
