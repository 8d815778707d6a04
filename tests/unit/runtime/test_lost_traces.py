"""A command that stays warns of spans that a deployment would lose, once each."""

from __future__ import annotations

from dataclasses import replace

from emulator.runtime.health.lost_traces import BETWEEN, LostTraces
from emulator.runtime.state import names
from emulator.runtime.state.observed import Observed
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service


def _with_receiver(observed: Observed) -> Observed:
    marked = [replace(one, labels={**one.labels, names.TRACES: "capture"}) for one in observed.containers]
    return replace(observed, containers=marked)


def test_each_warning_is_told_once(bench: Bench) -> None:
    bench.up(make_service())
    now = [0.0]
    watch = LostTraces(bench.engine, DEMO, bench.emit, lambda: now[0])
    note = {"workload": "hello", "code": "strange-id", "text": "ids that are not X-Ray's"}
    for notes in ([], [note], [note], [note, {**note, "code": "deaf-xray", "text": "nothing listens"}]):
        bench.agent.status["lost_traces"] = notes
        watch.look(_with_receiver(bench.observed))
        now[0] += BETWEEN
    assert bench.warnings() == ["ids that are not X-Ray's", "nothing listens"]


def test_where_nothing_receives_traces_nothing_is_asked(bench: Bench) -> None:
    bench.up(make_service())
    bench.agent.status["lost_traces"] = [{"workload": "hello", "code": "strange-id", "text": "ids"}]
    LostTraces(bench.engine, DEMO, bench.emit).look(bench.observed)
    assert bench.warnings() == []
