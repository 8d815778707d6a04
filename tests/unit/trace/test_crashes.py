"""What a trace says of containers that ended during a request, or of the tasks before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from emulator.trace.diagnosis.crashes import Crash, with_crashes
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import Place, Trace, assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, chain, exchange

KILLED = Crash(
    "hello",
    "aaaaaaaa",
    "hello",
    "was killed: OutOfMemoryError: Container killed due to memory usage (memory 512 MiB)",
    out_of_memory=True,
)
EXITED = Crash("hello", "aaaaaaaa", "hello", "exited with code 3")
OLDER = replace(KILLED, task="cccccccc")


def behind_nginx(status: int, **more: Any) -> Trace:
    """The client and nginx see `status`; what became of the request to the main container, or its answer of 500."""
    (_, _), (_, second), _, (_, first) = chain("1-a", 10, status=status)
    asked = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", status=None)
    seen: list[tuple[Place, Exchange]] = [(FRONT, first), (HELLO, second), (HELLO, replace(asked, **more))]
    [trace] = assemble(seen, PLACES)
    return trace


def said(trace: Trace, during: Sequence[Crash], before: Sequence[Crash] = ()) -> Diagnosis:
    [fault] = with_crashes(diagnose(trace), trace, during, before, [])
    return fault


@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.CUT, Outcome.REFUSED])
def test_a_container_that_was_killed_meanwhile_is_named_with_its_limit(outcome: Outcome) -> None:
    fault = said(behind_nginx(502, outcome=outcome, note="the server reset the connection"), [KILLED])
    assert fault.message.endswith(
        "; hello was killed: OutOfMemoryError: Container killed due to memory usage (memory 512 MiB)"
    )
    assert fault.hint == (
        "give it more `memory` in the manifest, or let it use less; `copilot-local logs --previous -n hello -c hello`"
        " has what it printed, `copilot-local ps -a` which tasks stopped and why"
    )


def test_one_that_exited_is_named_with_its_code_and_its_own_log() -> None:
    fault = said(behind_nginx(502, outcome=Outcome.NO_ANSWER, note="the server closed the connection"), [EXITED])
    assert fault.message == (
        "hello:3000 gave nginx no whole answer: the server closed the connection; hello exited with code 3"
    )
    assert fault.hint == (
        "`copilot-local logs --previous -n hello -c hello` has what it printed, `copilot-local ps -a` which tasks"
        " stopped and why"
    )


def test_what_ended_in_another_task_is_no_reason() -> None:
    trace = behind_nginx(502, outcome=Outcome.NO_ANSWER, note="the server closed the connection")
    assert said(trace, [replace(KILLED, task="bbbbbbbb")]) == diagnose(trace)[0]


def test_an_answer_that_is_late_after_tasks_were_killed_is_not_only_late() -> None:
    trace = behind_nginx(504, outcome=Outcome.UNFINISHED, ended=None, answered=None)
    fault, alone = said(trace, [], [OLDER, replace(EXITED, task="dddddddd"), OLDER, OLDER]), diagnose(trace)[0]
    assert fault.message == alone.message
    assert fault.hint == (
        f"{alone.hint}; earlier tasks of hello were killed for memory (3 times): see `copilot-local ps -a`"
    )


def test_an_answer_of_the_main_container_itself_has_nothing_to_do_with_tasks_before() -> None:
    trace = behind_nginx(502, response=exchange("x:1", "y:2", 1, 2).response, outcome=Outcome.ANSWERED)
    found = diagnose(trace)
    assert found
    assert with_crashes(found, trace, [], [OLDER], []) == found


def test_the_load_balancers_own_503_names_the_end_of_the_task_before() -> None:
    asked = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.1, status=503, trace="1-a")
    [trace] = assemble([(FRONT, asked)], PLACES)
    [fault] = with_crashes(diagnose(trace), trace, [], [OLDER], ["hello"], 503)
    assert fault.message == (
        "the load balancer answered 503 itself; no container was asked; the last task of hello ended: hello was killed:"
        " OutOfMemoryError: Container killed due to memory usage (memory 512 MiB)"
    )
    assert fault.hint == OLDER.hint
