"""Health checks before their first success: run at once and every second, and what their success means."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from emulator.agent.scheduler.early_checks import EarlyChecks, judging
from emulator.ecs.task_definition import HealthCheck
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health
from emulator.errors import Conflict, EngineError
from emulator.runtime.health.early import check_command, judged, results_from
from emulator.runtime.health.reasons import CheckResult
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import observe
from tests.unit.agent.exhausted import no_thread
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, make_service

CHECK: dict[str, Any] = {"healthCheck": {"command": ["CMD-SHELL", "curl -f localhost"], "interval": 300}}
DEADLINE = 20


class Answers:
    """What a check's command is answered, one run after the other; each run waits until a test gives its answer."""

    def __init__(self) -> None:
        self.given: queue.Queue[ExecResult | Exception] = queue.Queue()
        self.asked: queue.Queue[tuple[str, ...]] = queue.Queue()

    def __call__(self, command: Sequence[str]) -> ExecResult:
        self.asked.put(tuple(command))
        answer = self.given.get(timeout=DEADLINE)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rig:
    def __init__(self, bench: Bench, health: tuple[Health, ...] = (Health.STARTING,), timing: str = "local") -> None:
        self.bench = bench
        self.answers = Answers()
        bench.engine.behave("*-hello", Behaviour(health=health, exec=self.answers))
        self.state: DesiredState = desired_state(make_service({"hello": CHECK}))
        service = self.state.services["hello"]
        self.state.services["hello"] = service.model_copy(
            update={"options": service.options.model_copy(update={"timing": timing})}
        )
        self.task = bench.start(self.state)
        self.succeeded = threading.Event()
        self.checks = EarlyChecks(bench.engine, self.succeeded.set, interval=0.0)

    def look(self) -> None:
        self.checks.look(self.bench.observed, self.state.services)

    def asked(self) -> tuple[str, ...]:
        return self.answers.asked.get(timeout=DEADLINE)

    @property
    def id(self) -> str:
        return self.bench.observed.tasks[self.task.id].members["hello"].container.id

    def health(self) -> Health:
        listed = observe(judging(self.bench.engine, self.checks), DEMO)
        return listed.tasks[self.task.id].members["hello"].container.health


@pytest.fixture
def bench() -> Iterator[Bench]:
    found = Bench()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (["CMD-SHELL", "curl -f x || exit 1"], ("/bin/sh", "-c", "curl -f x || exit 1")),
        (["CMD", "/check", "-v"], ("/check", "-v")),
        (["NONE"], None),
        (["CMD"], None),
        ([], None),
    ],
)
def test_the_command_that_docker_would_run(command: list[str], run: tuple[str, ...] | None) -> None:
    assert check_command(HealthCheck(command=command)) == run
    assert check_command(None) is None


def test_one_success_makes_a_container_healthy_and_ends_the_checks(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    assert rig.asked() == ("/bin/sh", "-c", "curl -f localhost")
    assert rig.health() is Health.STARTING
    rig.answers.given.put(ExecResult(7, b"", b"refused"))
    rig.asked()
    assert rig.checks.results() == {rig.id: CheckResult(False, 7, "refused")}
    assert rig.health() is Health.STARTING
    rig.answers.given.put(ExecResult(0, b"ok", b""))
    assert rig.succeeded.wait(DEADLINE)
    assert rig.health() is Health.HEALTHY
    rig.look()
    assert rig.answers.asked.empty()


def test_a_check_for_which_there_was_no_thread_is_made_at_the_next_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(bench)
    with no_thread(monkeypatch, "health check"):
        rig.look()
    rig.look()
    assert rig.asked() == ("/bin/sh", "-c", "curl -f localhost")
    rig.answers.given.put(ExecResult(0, b"", b""))
    assert rig.succeeded.wait(DEADLINE)


def test_from_docker_s_own_verdict_on_that_alone_counts(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    rig.answers.given.put(ExecResult(0, b"", b""))
    assert rig.succeeded.wait(DEADLINE)
    bench.engine.set_health(rig.task.members["hello"].container.name, Health.UNHEALTHY)
    assert rig.health() is Health.UNHEALTHY


def test_a_container_that_starts_again_is_checked_again(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    rig.answers.given.put(ExecResult(0, b"", b""))
    assert rig.succeeded.wait(DEADLINE)
    rig.asked()
    rig.checks.restarted(rig.id)
    assert rig.health() is Health.STARTING
    rig.look()
    assert rig.asked() == ("/bin/sh", "-c", "curl -f localhost")
    rig.answers.given.put(ExecResult(0, b"", b""))


def test_the_result_of_a_check_that_began_before_a_restart_counts_for_nothing(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    rig.asked()
    thread = next(one for one in threading.enumerate() if one.name == "health check")
    rig.checks.restarted(rig.id)
    rig.answers.given.put(ExecResult(0, b"", b""))
    thread.join(DEADLINE)
    assert not rig.succeeded.is_set()
    assert rig.health() is Health.STARTING


def test_with_the_manifest_s_own_times_nothing_is_checked_early(bench: Bench) -> None:
    rig = Rig(bench, timing="ecs")
    rig.look()
    assert bench.engine.execs == []
    assert rig.checks.results() == {}


def test_a_command_that_cannot_be_run_is_a_result_and_a_container_that_is_gone_is_none(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    rig.asked()
    rig.answers.given.put(EngineError('exec: "curl": executable file not found in $PATH'))
    rig.asked()
    [result] = rig.checks.results().values()
    assert (result.passed, result.exit_code) == (False, None)
    assert "executable file not found" in result.output
    thread = next(one for one in threading.enumerate() if one.name == "health check")
    rig.answers.given.put(Conflict("it is not running"))
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_results_pass_through_the_agent_s_status(bench: Bench) -> None:
    rig = Rig(bench)
    rig.look()
    rig.answers.given.put(ExecResult(0, b"ok", b""))
    assert rig.succeeded.wait(DEADLINE)
    results = results_from({"checks": rig.checks.as_plain()})
    assert results == {rig.id: CheckResult(True, 0, "ok")}
    task = judged(bench.observed, results).tasks[rig.task.id]
    assert task.members["hello"].container.health is Health.HEALTHY
    assert results_from({}) == {}
