"""Which containers ended while a request was traced, by Docker's events, and which tasks before, by the agent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.app.tracing.crashes import Crashes
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import Trace, assemble
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, exchange

STATE = desired_state(make_service({"hello": {"image": "hello:1", "memory": 64}}, target=("hello", 80)))


@pytest.fixture
def crashes(rig: Rig) -> Iterator[Crashes]:
    rig.boot(STATE.model_copy(update={"acting": True})).look()
    rig.watch()
    found = Crashes(rig.engine, DEMO)
    yield found
    found.close()


def broken(rig: Rig, outcome: Outcome = Outcome.NO_ANSWER) -> Trace:
    """A request that the task's container did not answer."""
    began = time.time()
    first = exchange(OUTSIDE, "172.30.0.2:8080", began, began + 0.1, status=502, trace="1-a")
    second = exchange("172.30.0.2", "172.30.0.3:80", began, began, trace="1-a", status=None, outcome=outcome)
    place = replace(HELLO, task=rig.task.short_id)
    [trace] = assemble([(FRONT, first), (place, second)], [FRONT, place])
    return trace


def explained(crashes: Crashes, trace: Trace) -> Diagnosis:
    fault = Diagnosis("no whole answer", "look", len(trace.hops) - 1)
    [found] = crashes.explain(trace, [fault], STATE, 502, wait=True)
    return found


def ends(rig: Rig, code: int, *, out_of_memory: bool) -> None:
    """The task's container ends by itself."""
    name = rig.task.members["hello"].container.name
    if out_of_memory:
        daemon = rig.engine._daemon
        with daemon.changed:
            record = daemon.maybe(name)
            assert record is not None
            daemon.emit("oom", record)
    rig.engine.finish(name, code)
    for event in rig.engine._daemon.events:
        rig.supervisor.scheduler.history.happened(event)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.UNFINISHED])
@pytest.mark.parametrize(
    ("code", "out_of_memory", "ending"),
    [
        (137, True, "was killed: OutOfMemoryError: Container killed due to memory usage (memory 64 MiB)"),
        (3, False, "exited with code 3"),
    ],
)
def test_an_end_is_told_also_when_docker_reports_it_after_the_answer(
    rig: Rig,
    crashes: Crashes,
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
    outcome: Outcome,
    code: int,
    out_of_memory: bool,
    ending: str,
) -> None:
    monkeypatch.setattr("emulator.app.tracing.crashes._ENDING", 20.0)
    trace = broken(rig, outcome)
    ending_now = threading.Thread(target=ends, args=(rig, code), kwargs={"out_of_memory": out_of_memory})
    ending_now.start()
    if not late:
        ending_now.join()
    found = explained(crashes, trace)
    ending_now.join()
    assert found.message == f"no whole answer; hello {ending}"


def test_the_load_balancers_own_503_names_the_last_task_also_once_a_new_one_is_healthy(
    rig: Rig, crashes: Crashes
) -> None:
    ends(rig, 3, out_of_memory=False)
    rig.supervisor.look()
    rig.watch()
    began = time.time()
    asked = exchange(OUTSIDE, "172.30.0.2:8080", began, began, "/", status=503, trace="1-a")
    [trace] = assemble([(FRONT, asked)], [FRONT])
    found = explained(crashes, trace)
    assert found.message == (
        "no whole answer; the last task of hello ended: Essential container in task exited (exit codes: hello 3)"
    )
    assert found.hint.startswith("`copilot-local logs --previous -n hello` has what it printed")


def test_an_end_before_the_request_is_one_of_an_earlier_task(rig: Rig, crashes: Crashes) -> None:
    ends(rig, 137, out_of_memory=True)
    rig.supervisor.look()
    rig.watch()
    found = explained(crashes, broken(rig, Outcome.UNFINISHED))
    assert found.message == "no whole answer"
    assert found.hint == "look; earlier tasks of hello were killed for memory (once): see `copilot-local ps -a`"
