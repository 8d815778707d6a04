"""What is said while tasks are waited for, and at the end."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health, HealthProbe
from emulator.errors import NotHealthy
from emulator.events import Event, EventKind
from emulator.runtime.health.reasons import CheckResult
from emulator.runtime.health.watch import HealthWatch, Known, hopeless, known_from, once_each
from emulator.runtime.state.observed import Task
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.health.test_ports import WEB, Answer, row, table
from tests.unit.runtime.world import desired_state, make_service

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "curl -f localhost:3000"]}}


class Watching:
    """A watch over one task whose container listens on 3000, with a clock that a test moves."""

    def __init__(
        self,
        bench: Bench,
        containers: dict[str, Any] | None = None,
        port: int = 3000,
        listens: Answer | None = None,
    ) -> None:
        self.now = 0.0
        self.bench = bench
        bench.engine.behave("*-pause", Behaviour(exec=listens or table(row(WEB, 20))))
        self.state = desired_state(make_service(containers or {"hello": {}}, target=("hello", port)))
        self.task = bench.start(self.state)
        self.events: list[Event] = []
        self.watch = HealthWatch(bench.engine, self.events.append, lambda: self.now)

    def look(self, at: float, state: str = "initial", result: CheckResult | None = None, **target: Any) -> list[str]:
        self.now = at
        target = {"name": f"hello-{self.task.short_id}", "target_group": "default", "state": state, **target}
        task = self.current()
        checks = {task.members["hello"].container.id: result} if result else {}
        self.found = self.watch.reasons([task], Known(self.state, [target], checks))
        return [reason.text for reason in self.found]

    def current(self) -> Task:
        return self.bench.observed.tasks[self.task.id]

    def said(self) -> list[str]:
        assert all(event.kind is EventKind.WARNING for event in self.events)
        return [event.message for event in self.events]


@pytest.fixture
def wrong_port(bench: Bench) -> Watching:
    return Watching(bench, port=3001)


def test_a_reason_is_said_once_and_not_in_the_first_moments(wrong_port: Watching) -> None:
    assert wrong_port.look(0) != ["hello listens on 3000, not 3001"]  # nothing is looked into yet
    assert wrong_port.look(1) == ["hello listens on 3000, not 3001"]
    assert wrong_port.look(2) == ["hello listens on 3000, not 3001"]
    assert wrong_port.said() == []
    wrong_port.look(3)
    wrong_port.look(4)
    assert wrong_port.said() == ["hello listens on 3000, not 3001"]
    assert wrong_port.events[0].fields["reason"] == "wrong-port"


def test_a_program_that_is_still_loading_is_given_time(bench: Bench) -> None:
    """Python with an SDK, or a JVM, takes seconds until it listens."""
    watching = Watching(bench, listens=table())
    for at in range(10):
        watching.look(at)
    assert watching.said() == []
    for at in (10, 11):
        watching.look(at)
    assert watching.said() == ["nothing listens on port 3000 of hello"]


def test_tasks_are_looked_into_once_a_second_at_most(wrong_port: Watching) -> None:
    for step in range(40):
        wrong_port.look(2 + step / 20)
    looks = [name for name, words in wrong_port.bench.engine.execs if name.endswith("pause") and words[0] == "cat"]
    assert len(looks) == 2


def test_a_healthy_target_is_not_looked_into(bench: Bench) -> None:
    watching = Watching(bench)
    assert watching.look(5, "healthy") == []
    assert [name for name, _ in bench.engine.execs if name.endswith("pause")] == []


def test_a_change_of_the_reason_is_said(bench: Bench) -> None:
    watching = Watching(bench)
    for at in (3, 4):
        watching.look(at, check="L7STS", code=404)
    for at in (10, 11, 12):
        watching.look(at, check="L7STS", code=503)
    assert [text.partition(";")[0] for text in watching.said()] == ["GET / answered 404", "GET / answered 503"]


def test_a_proxy_before_a_program_that_is_still_loading_is_given_time(bench: Bench) -> None:
    watching = Watching(bench)
    for at in range(10):
        watching.look(at, check="L7STS", code=502)
    assert watching.said() == []
    for at in (10, 11):
        watching.look(at, check="L7STS", code=502)
    assert watching.said() == ["GET / answered 502; the health check of hello takes 200"]
    assert watching.found[0].hint == "`copilot-local trace GET /` names the hop that fails"


def test_of_two_tasks_that_printed_the_same_the_lines_are_shown_once(bench: Bench) -> None:
    bench.engine.behave("*-hello", Behaviour(log=("10:01 GET /health 404",)))
    watching = Watching(bench, port=3001)
    watching.look(70, "unhealthy")
    first = watching.current()
    bench.start(desired_state(make_service({"hello": {}}, target=("hello", 3001), count=2)))
    [other] = [task for task in bench.observed.tasks.values() if task.id != first.id]
    reasons = [*watching.found, *(dataclasses.replace(one, task_id=other.id) for one in watching.found)]
    error = watching.watch.error(reasons, [first, other], 12.4, given_up=True)
    assert error.output == [
        f"hello of task {first.short_id} printed last:",
        "  10:01 GET /health 404",
        f"hello of task {other.short_id} printed the same",
    ]


@pytest.mark.parametrize("at", [0, 5], ids=["at the first look", "later"])
def test_docker_s_own_result_is_shown_where_the_agent_has_none(bench: Bench, at: float) -> None:
    bench.engine.behave("*-hello", Behaviour(health=(Health.UNHEALTHY,)))
    watching = Watching(bench, {"hello": CHECK})
    name = watching.task.members["hello"].container.name
    bench.engine.health_logs[name] = (HealthProbe(datetime.now(UTC), 22, "404 not found"),)
    assert watching.look(at, "healthy") == ["the health check of hello failed with 22: 404 not found"]


def test_the_error_says_all_there_is_to_know(bench: Bench) -> None:
    bench.engine.behave("*-hello", Behaviour(log=("starting", "/health", "/health", "/health")))
    watching = Watching(bench, port=3001)
    watching.look(70, "unhealthy")
    error = watching.watch.error(watching.found, [watching.current()], 12.4, given_up=True)
    assert isinstance(error, NotHealthy)
    assert error.message == f"given up after 12 s: hello {watching.task.short_id}: hello listens on 3000, not 3001"
    assert error.output == ["hello printed last:", "  starting", "  /health (× 3)"]
    assert error.hint == "write `image.port: 3000` in the manifest, or let hello listen on 3001"
    assert error.reasons == tuple(watching.found)
    late = watching.watch.error(watching.found, [watching.current()], 120, given_up=False)
    assert late.message.startswith("not healthy after 120 s: ")
    assert "wait_timeout" in late.hint


def test_what_a_check_printed_is_part_of_the_error(bench: Bench) -> None:
    bench.engine.behave("*-hello", Behaviour(health=(Health.STARTING,), exec=lambda _: ExecResult(0, b"", b"")))
    watching = Watching(bench, {"hello": CHECK})
    watching.look(5, "healthy", CheckResult(False, 1, "first\nsecond"))
    assert not hopeless(watching.found)
    output = watching.watch.error(watching.found, [watching.current()], 5, given_up=False).output
    assert output[:3] == ["the health check of hello printed:", "  first", "  second"]


def test_lines_that_come_again_and_again_are_shown_once() -> None:
    assert once_each(["a", "b", "b", "b", "c"]) == ["a", "b (× 3)", "c"]
    assert once_each(["up", "10:01 404", "10:01 none", "10:02 404", "10:02 none", "down"]) == [
        "up",
        "10:02 404 (the last of 2 like it)",
        "10:02 none (the last of 2 like it)",
        "down",
    ]


def test_services_whose_tasks_do_not_stay() -> None:
    def status(count: int) -> dict[str, Any]:
        return {"targets": [], "services": {"api": {"failed_starts": count, "last_failure": "exited with code 1"}}}

    state = desired_state(make_service())
    assert known_from(state, status(2)).failing == ()
    assert known_from(state, status(3)).failing == ("api: the last 3 tasks did not stay: exited with code 1",)
