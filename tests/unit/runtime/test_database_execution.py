"""A database as it comes up: waited for, told apart from one that has ended, given its account."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult
from emulator.errors import ContainerFailed, EngineError, EngineTimeout, Position
from emulator.events import EventKind
from emulator.runtime.lifecycle.databases import remove_new_databases
from emulator.runtime.planning.databases import plan_databases
from emulator.runtime.specs.databases.programs import NOT_YET
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.operations import Plan
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.test_databases import KEY, database
from tests.unit.runtime.world import DEMO, desired_state

OTHER = "demo-test-other-AddonsStack/Db"
READY = ExecResult(0, b"PostgreSQL 17.1\n", b"")
ACCOUNT = {"username": "me", "password": "word", "dbname": ""}


@pytest.fixture
def state() -> DesiredState:
    found = database(image="hello:1", version="14.4", major="14", position="addons/db.yml:3")
    return desired_state().model_copy(update={"databases": [found]})


def answering(*answers: ExecResult) -> Callable[[Sequence[str]], ExecResult]:
    """Answers one after the other; the last one stays."""
    left = list(answers)
    return lambda command: left.pop(0) if len(left) > 1 else left[0]


def start(bench: Bench, state: DesiredState) -> None:
    bench.engine.ensure_network(DEMO.network, DEMO.labels())
    plan = Plan()
    plan_databases(plan, state, bench.observed, None)
    bench.run(plan)


def test_it_is_asked_until_it_answers_and_what_runs_is_said(bench: Bench, state: DesiredState) -> None:
    not_yet = ExecResult(NOT_YET, b"", b"")
    bench.engine.behave("*-db.*", Behaviour(exec=answering(not_yet, not_yet, READY)))
    start(bench, state)
    assert len(bench.engine.execs) == 3
    [said] = [event.message for event in bench.events if event.kind is EventKind.INFO]
    assert said == "postgres 14.4 is asked for, PostgreSQL 17.1 runs here (addons/db.yml:3)"


def test_one_that_has_ended_is_an_error_with_its_log_and_its_line(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exits=(1,), log=("FATAL: no space left",)))
    with pytest.raises(ContainerFailed, match="Db: the postgres database ended") as caught:
        start(bench, state)
    assert "FATAL: no space left" in caught.value.output
    assert caught.value.position == Position("addons/db.yml", 3)


def test_one_that_dies_while_it_is_asked_is_no_longer_waited_for(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(ExecResult(137, b"", b""))))
    with pytest.raises(ContainerFailed, match="ended before it was ready"):
        start(bench, state)


def test_one_that_a_busy_machine_lets_say_nothing_in_a_minute_is_asked_again(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    bench.engine.fail("exec", EngineTimeout("no end within 60 s"), target="*-db.*")
    start(bench, state)
    assert len(bench.engine.execs) == 1


def test_a_daemon_that_refuses_is_not_taken_for_a_database_that_ended(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    bench.engine.fail("exec", EngineError("no space left on device"), target="*-db.*")
    with pytest.raises(EngineError, match="no space left on device"):
        start(bench, state)


def test_an_account_that_is_refused_shows_why_and_no_password(bench: Bench, state: DesiredState) -> None:
    refusal = ExecResult(1, b"", b"syntax error at PASSWORD 'word'")
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY, refusal)))
    bench.answers = {KEY: ACCOUNT}
    with pytest.raises(ContainerFailed, match="does not take its user") as caught:
        start(bench, state)
    assert caught.value.output == ["syntax error at PASSWORD '***'"]


def test_the_password_goes_by_a_file(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    bench.answers = {KEY: ACCOUNT}
    start(bench, state)
    content = bench.engine.read_file(DEMO.database(KEY), "/copilot-local/account").decode()
    assert "PASSWORD 'word'" in content
    assert not [command for _, command in bench.engine.execs if "word" in " ".join(command).replace("password", "")]


def test_one_without_a_password_is_warned_about(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    bench.answers = {KEY: {"username": "", "password": "", "dbname": ""}}
    start(bench, state)
    assert any("gives no password" in text and "addons/db.yml:3" in text for text in bench.warnings())


def test_what_was_there_before_stays_when_another_one_fails(bench: Bench, state: DesiredState) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    start(bench, state)
    before, volumes = bench.observed, bench.engine.list_volumes(DEMO.labels())
    both = state.model_copy(update={"databases": [*state.databases, database(key=OTHER, image="hello:1")]})
    start(bench, both)
    remove_new_databases(bench.engine, DEMO, both, before, volumes)
    assert list(bench.observed.databases) == [KEY]
    assert bench.left()["volumes"] == [DEMO.database_volume(KEY)]


@pytest.mark.parametrize("there_before", [True, False])
def test_one_that_is_taken_back_ends_in_order_where_its_data_stays(
    bench: Bench, state: DesiredState, there_before: bool
) -> None:
    bench.engine.behave("*-db.*", Behaviour(exec=answering(READY)))
    before = bench.observed
    start(bench, state)
    volumes = bench.engine.list_volumes(DEMO.labels()) if there_before else {}
    bench.engine.calls.clear()
    remove_new_databases(bench.engine, DEMO, state, before, volumes)
    assert [call.split()[0] for call in bench.did("stop", "remove")] == (["stop"] if there_before else []) + ["remove"]
    assert bool(bench.left()["volumes"]) is there_before
