"""Jobs that run on their schedules: when they are due, how often they are tried, what is left of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.agent.scheduler.job_runs import JobRun
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.ecs.job import JobSchedule
from emulator.engine.interface import Container, ContainerState, EngineEvent
from emulator.errors import EngineError, InputError
from emulator.runtime.planning.one_off import SETTLES
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from tests.unit.agent.rig import Rig
from tests.unit.agent.test_restarts import POLICY
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
MADE = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def with_job(
    expression: str = "cron(0 2 * * ? *)",
    *,
    retries: int | None = None,
    timeout: int | None = None,
    made: str = MADE.isoformat(),
    enabled: bool = True,
    containers: dict[str, dict[str, Any]] | None = None,
) -> DesiredState:
    job = make_service(containers, name="cleanup", count=0, type="Scheduled Job").model_copy(
        update={"schedule": JobSchedule(expression=expression, retries=retries, timeout=timeout, enabled=enabled)}
    )
    state = desired_state(job).model_copy(update={"acting": True})
    state.services["cleanup"].schedule_made = made
    return state


@pytest.fixture
def threads(rig: Rig) -> Rig:
    """A rig whose runs go on beside the test."""
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    return rig


def runs(supervisor: Supervisor) -> list[JobRun]:
    return supervisor.jobs.of("cleanup")


def running(rig: Rig) -> list[str]:
    return [
        member.container.name
        for task in rig.tasks
        for member in task.members.values()
        if member.running and task.one_off
    ]


def at(rig: Rig, supervisor: Supervisor, moment: datetime) -> None:
    """The machine's clock reaches a moment, and the agent looks."""
    rig.time_of_day = moment
    supervisor.look()


def finish(rig: Rig, supervisor: Supervisor, until: Until, code: int) -> None:
    until(lambda: running(rig))
    rig.engine.finish(running(rig)[0], code)
    supervisor.jobs.wake()


def heard(rig: Rig, supervisor: Supervisor, container: str, action: str) -> None:
    """The agent hears an event of a container."""
    [row] = [row for row in rig.engine.list_containers({}) if row.name == container]
    supervisor._restarts.happened(EngineEvent(action, row.id, row.labels, datetime.now(UTC)))
    supervisor.jobs.wake()


class TestWhen:
    def test_a_job_is_due_at_its_time_and_not_before(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        supervisor.look()
        at(threads, supervisor, MADE + timedelta(minutes=29, seconds=59))
        assert runs(supervisor) == []
        at(threads, supervisor, MADE + timedelta(minutes=30))
        assert len(runs(supervisor)) == 1
        at(threads, supervisor, MADE + timedelta(minutes=31))
        assert len(runs(supervisor)) == 1
        finish(threads, supervisor, until, 0)
        until(lambda: runs(supervisor)[0].ended)

    def test_a_rate_counts_from_when_its_rule_was_made(self, threads: Rig) -> None:
        supervisor = threads.boot(with_job("rate(20 minutes)", made=(MADE - timedelta(minutes=11)).isoformat()))
        supervisor.look()
        assert supervisor.job_status()["cleanup"]["next"] == "2026-03-02T01:39:00+00:00"

    def test_runs_overlap(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job("rate(1 minute)"))
        supervisor.look()
        at(threads, supervisor, MADE + timedelta(minutes=1))
        at(threads, supervisor, MADE + timedelta(minutes=2))
        until(lambda: len(running(threads)) == 2)

    def test_what_a_sleeping_machine_missed_is_not_made_up(self, threads: Rig) -> None:
        supervisor = threads.boot(with_job())
        supervisor.look()
        at(threads, supervisor, MADE + timedelta(hours=5))
        assert runs(supervisor) == []
        assert supervisor.job_status()["cleanup"]["next"] == "2026-03-03T02:00:00+00:00"

    @pytest.mark.parametrize("state", [with_job(enabled=False), with_job(made="")], ids=["none", "not asked for"])
    def test_a_job_without_a_schedule_here_never_runs(self, threads: Rig, state: DesiredState) -> None:
        supervisor = threads.boot(state)
        supervisor.look()
        at(threads, supervisor, MADE + timedelta(minutes=30))
        status = supervisor.job_status()["cleanup"]
        assert (runs(supervisor), status["next"], status["on_schedule"]) == ([], None, False)

    def test_a_clock_that_is_set_starts_once_what_it_passes(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job("rate(1 minute)"))
        supervisor.look()
        supervisor.set_clock(MADE + timedelta(days=1))
        supervisor.look()
        assert len(runs(supervisor)) == 1
        assert supervisor.job_status()["cleanup"]["next"] == "2026-03-03T01:31:00+00:00"
        until(lambda: running(threads))

    def test_a_clock_that_is_set_before_the_agent_has_looked_counts_too(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        supervisor.set_clock(MADE + timedelta(days=1))
        supervisor.look()
        assert len(runs(supervisor)) == 1
        until(lambda: running(threads))

    def test_an_expression_that_eventbridge_refuses_does_not_stop_the_others(self, threads: Rig) -> None:
        state = with_job("cron(99 2 * * ? *)")
        state.services["report"] = with_job().services["cleanup"]
        supervisor = threads.boot(state)
        supervisor.look()
        status = supervisor.job_status()
        assert (status["cleanup"]["next"], status["report"]["next"]) == (None, "2026-03-02T02:00:00+00:00")


class TestRuns:
    def test_a_failed_run_is_tried_again_after_10_and_15_seconds(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job(retries=2))
        run = supervisor.run_job("cleanup")
        waits = []
        for _ in range(2):
            finish(threads, supervisor, until, 3)
            until(lambda: run.waits)
            waits.append((run.tries, run.waits))
            threads.clock.now += run.waits - 1
            supervisor.jobs.wake()
            until(lambda: not threads.tasks)
            assert run.status == "RUNNING"
            threads.clock.now += 1
            supervisor.jobs.wake()
        assert waits == [(1, 10), (2, 15)]
        finish(threads, supervisor, until, 3)
        until(lambda: run.ended)
        assert (run.status, run.tries, run.exit_code, len(run.tasks)) == ("FAILED", 3, 3, 3)
        assert run.cause == "cleanup exited with code 3"

    def test_one_whose_policy_starts_it_again_goes_on(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job(containers={"cleanup": POLICY}))
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        [first] = running(threads)
        for code, ran in ((3, 61), (4, 5)):
            heard(threads, supervisor, first, "start")
            threads.clock.now += ran
            threads.engine.finish(first, code)
            heard(threads, supervisor, first, "die")
            supervisor.look()
            assert running(threads) == ([first] if code == 3 else [])
            assert run.status == "RUNNING"

        def passes() -> bool:
            threads.clock.now += SETTLES
            supervisor.jobs.wake()
            return run.ended is not None

        until(passes)
        assert (run.status, run.tries, run.exit_code) == ("FAILED", 1, 4)

    def test_so_does_a_task_that_was_asked_for(self, threads: Rig, until: Until) -> None:
        state = with_job(containers={"cleanup": POLICY})
        supervisor = threads.boot(state)
        threads.agent.run_task(state.services["cleanup"], Private(), ["0" * 32], "{}")
        until(lambda: running(threads))
        [first] = running(threads)
        heard(threads, supervisor, first, "start")
        threads.clock.now += 61
        threads.engine.finish(first, 3)
        threads.watch()
        heard(threads, supervisor, first, "die")
        supervisor.look()
        assert running(threads) == [first]
        [told] = supervisor.scheduler.history.tasks()
        assert told["desiredStatus"] == "RUNNING"

    def test_without_retries_a_job_is_tried_once(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        finish(threads, supervisor, until, 1)
        until(lambda: run.ended)
        assert (run.status, run.tries) == ("FAILED", 1)

    def test_the_timeout_is_of_the_whole_run(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job(retries=5, timeout=60))
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        threads.clock.now += 55
        finish(threads, supervisor, until, 1)
        until(lambda: run.waits == 10)
        threads.clock.now += 5
        supervisor.jobs.wake()
        until(lambda: run.ended)
        assert (run.status, run.tries) == ("TIMED_OUT", 1)
        assert run.cause == "it ran longer than its timeout of 60 s, retries included"

    def test_a_task_that_runs_too_long_is_stopped(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job(timeout=60))
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        threads.clock.now += 60
        supervisor.jobs.wake()
        until(lambda: run.ended)
        until(lambda: not threads.tasks)
        assert run.status == "TIMED_OUT"

    def test_a_task_that_cannot_start_fails_the_run_with_the_reason(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        threads.engine.fail("create_container", EngineError("No such image: cleanup:1"), times=9)
        run = supervisor.run_job("cleanup")
        until(lambda: run.ended)
        assert (run.status, run.exit_code) == ("FAILED", None)
        assert "No such image" in run.cause
        until(lambda: not threads.tasks)

    def test_nothing_is_left_of_a_run(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        finish(threads, supervisor, until, 0)
        until(lambda: run.ended)
        until(lambda: not threads.tasks)
        assert run.status == "SUCCEEDED"

    def test_an_agent_that_is_started_again_goes_on_with_a_run(self, threads: Rig, until: Until) -> None:
        first = threads.boot(with_job(retries=1))
        begun = first.run_job("cleanup")
        until(lambda: running(threads))
        second = threads.boot()
        second.look()
        [run] = runs(second)
        assert (run.id, run.tries, run.tasks) == (begun.id, 1, begun.tasks)
        threads.engine.finish(running(threads)[0], 0)
        second.jobs.wake()
        until(lambda: run.ended)
        assert run.status == "SUCCEEDED"

    def test_a_run_goes_on_with_an_agent_that_docker_does_not_answer_at_first(self, threads: Rig, until: Until) -> None:
        first = threads.boot(with_job())
        begun = first.run_job("cleanup")
        until(lambda: running(threads))
        first.retire()
        second = threads.boot()
        threads.engine.fail("list_containers", EngineError("Docker is busy"))
        second.look()
        assert runs(second) == []
        second.look()
        finish(threads, second, until, 0)
        until(lambda: runs(second)[0].ended)
        assert (runs(second)[0].id, runs(second)[0].status) == (begun.id, "SUCCEEDED")
        until(lambda: threads.tasks == [])

    def test_a_run_goes_on_with_an_agent_that_a_foreground_up_is_in_charge_of(self, threads: Rig, until: Until) -> None:
        state = with_job().model_copy(update={"acting": False})
        first = threads.boot(state)
        first.held(first.scheduler.private, stays=True)
        begun = first.run_job("cleanup")
        until(lambda: running(threads))
        first.retire()
        second = threads.boot()
        second.held(second.scheduler.private, stays=True)
        second.look()
        finish(threads, second, until, 0)
        until(lambda: runs(second)[0].ended)
        assert (runs(second)[0].id, runs(second)[0].status) == (begun.id, "SUCCEEDED")
        until(lambda: threads.tasks == [])

    def test_a_run_goes_on_where_docker_does_not_answer_for_a_moment(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job(retries=1))
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        [name] = running(threads)
        heard = threading.Event()
        threads.engine.before = lambda verb, _: heard.set() if verb == "list_containers" else None
        threads.engine.fail("list_containers", EngineError("Docker is busy"))
        supervisor.jobs.wake()
        assert heard.wait(20)
        threads.engine.finish(name, 0)
        supervisor.jobs.wake()
        until(lambda: run.ended)
        assert (run.status, run.tries) == ("SUCCEEDED", 1)

    @pytest.mark.parametrize("busy_with", ["list_containers", "remove", "list_volumes"])
    def test_its_task_is_removed_where_docker_does_not_do_it_at_once(
        self, threads: Rig, until: Until, busy_with: str
    ) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        times = ["once", "twice"]

        def busy(verb: str, target: str) -> None:
            if verb == busy_with and times and threading.current_thread() is not threading.main_thread():
                times.pop()
                raise EngineError("Docker is busy")

        threads.engine.before = busy
        finish(threads, supervisor, until, 0)
        until(lambda: run.ended and not times and threads.tasks == [])
        assert run.status == "SUCCEEDED"

    def test_what_is_no_job_is_refused(self, rig: Rig) -> None:
        supervisor = rig.boot(desired_state(make_service()).model_copy(update={"acting": True}))
        with pytest.raises(InputError, match="hello is no Scheduled Job"):
            supervisor.run_job("hello")

    def test_its_task_says_which_run_it_belongs_to(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        [task] = threads.tasks
        assert task.pause is not None
        assert task.pause.labels[names.JOB_RUN] == f"{run.id}/1"

    def test_events_tell_of_a_run_as_step_functions_does(self, threads: Rig, until: Until) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        finish(threads, supervisor, until, 2)
        until(lambda: run.ended)

        def told() -> list[dict[str, Any]]:
            return [one for one in supervisor.scheduler.history.events(follow=False) if one["source"] == "aws.states"]

        until(lambda: len(told()) == 2)
        events = told()
        assert [one["detail"]["status"] for one in events] == ["RUNNING", "FAILED"]
        assert events[1]["detail"]["cause"] == "cleanup exited with code 2"
        assert events[0]["detail"]["stateMachineArn"].endswith(":stateMachine:demo-test-cleanup")


class TestWhatOthersDo:
    """To the containers of a run, and to the agent that looks after it."""

    @pytest.mark.parametrize("state", ["gone", "removing"])
    def test_a_run_whose_container_is_removed_has_failed(self, threads: Rig, until: Until, state: str) -> None:
        supervisor = threads.boot(with_job())
        run = supervisor.run_job("cleanup")
        until(lambda: running(threads))
        [name] = running(threads)
        if state == "gone":
            threads.engine.remove(name)
        else:
            listed = threads.engine.list_containers

            def removing(labels: Mapping[str, str]) -> list[Container]:
                gone = {"state": ContainerState.REMOVING, "exit_code": None}
                return [replace(row, **gone) if row.name == name else row for row in listed(labels)]  # type: ignore[arg-type]

            threads.engine.list_containers = removing  # type: ignore[method-assign]
        supervisor.jobs.wake()
        until(lambda: run.ended)
        assert (run.status, run.exit_code) == ("FAILED", None)
        assert run.cause in ("container cleanup is missing", "cleanup was removed")

    def test_a_run_that_was_not_started_when_the_agent_ended_has_failed(self, threads: Rig, until: Until) -> None:
        first = threads.boot(with_job())
        reached, over = threading.Event(), threading.Event()

        def killed(verb: str, target: str) -> None:
            if verb == "start" and target.endswith("-cleanup"):
                reached.set()
                over.wait(60)
                raise EngineError("killed")

        threads.engine.before = killed
        first.run_job("cleanup")
        assert reached.wait(20)
        first.retire()
        second = threads.boot()
        second.look()
        [run] = runs(second)
        until(lambda: run.ended)
        assert (run.status, run.cause) == ("FAILED", "container cleanup was never started")
        until(lambda: threads.tasks == [])
        over.set()
