"""From what a task's receiver handed over to spans and notes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from emulator.settings_traces import LocalCollector
from emulator.traces.intake import Intake, Origin, is_xray_id
from emulator.traces.store import TraceStore
from emulator.traces.wire import Payload, Report
from tests.unit.traces.spans import TRACE, datagram
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
