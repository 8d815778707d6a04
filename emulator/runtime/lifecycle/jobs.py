"""Runs a Scheduled Job once, now: one task beside whatever else runs in the environment.

Deployed, a state machine runs the task on its schedule, with timeout and retries, and so does `up --jobs`; `run` starts
it once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from emulator.ecs.identity import new_task_id
from emulator.engine.interface import Engine
from emulator.errors import EngineTimeout, ExitCode, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor, remove_rest
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.health.status import StatusOverLease
from emulator.runtime.lifecycle.one_off_agent import attended
from emulator.runtime.lifecycle.one_off_endpoint import provided
from emulator.runtime.lifecycle.prepare import prepare
from emulator.runtime.planning.one_off import Ends, as_one_off
from emulator.runtime.planning.start_plan import start_task
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.reports.follow import EnvironmentFollower
from emulator.runtime.specs.load_balancer import FrontControl
from emulator.runtime.specs.task import task_factory
from emulator.runtime.specs.unsupported_features import refuse_on_fargate
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.observed import Looks, Member, observe
from emulator.runtime.state.operations import Plan

POLL = 0.1
REMOVAL_TRIES = 3
"""How often the task of a run is removed where Docker does not answer in time."""


def run_job(
    engine: Engine, request: UpRequest, emit: Emit, *, interrupted: threading.Event, killed: threading.Event
) -> int:
    """Runs the one job of the request to its end; returns the exit code of the container that ended it.

    Everything of the task is removed at the end. Raises what kept it from starting; `TaskError` after its timeout.
    """
    [job] = request.services
    refuse_on_fargate(job, ecs_limits=request.settings.time.ecs_limits)
    state = prepare(engine, request, emit, with_front=False, cancelled=interrupted)
    with provided(engine, request, state, emit, interrupted) as (state, private):
        return _run(engine, replace(request, private=private), state, emit, interrupted, killed)


def _run(
    engine: Engine,
    request: UpRequest,
    state: DesiredState,
    emit: Emit,
    interrupted: threading.Event,
    killed: threading.Event,
) -> int:
    [job] = request.services
    environment = request.environment
    task = as_one_off(task_factory(state, request.private, engine).task(state.services[job.name], new_task_id()))
    task_id = task.identity.task_id
    follower = EnvironmentFollower(
        *(engine, environment, emit, LogSubjects(one_service=True)),
        show_router=request.show_router,
        all_lines=True,
        wanted=lambda labels: labels.get(names.TASK) == task_id,
    )
    plan = Plan()
    start_task(plan, state, task, "run once")
    try:
        desired = state.services[job.name]
        with attended(engine, environment, state, desired, request.private, emit, interrupted) as attending:
            executor = Executor(
                *(engine, environment, FrontControl(environment), emit),
                cancelled=interrupted,
                drain_image=state.agent_image,
                known=StatusOverLease(lambda: attending, state).known,
            )
            follower.start()
            try:
                executor.run(plan)
                expected = [member.definition.name for member in task.members]
                timeout = job.schedule.timeout if job.schedule else None
                ended = _wait(engine, request, task_id, expected, interrupted, timeout)
                if ended is None:
                    return ExitCode.INTERRUPTED
                if (code := ended.container.exit_code) is None:
                    raise TaskError(f"the job failed: {ended.name} was removed")
                if code:
                    error = container_failed(engine, ended, "the job failed")
                    error.exit_code = code
                    raise error
                return ExitCode.OK
            finally:
                _clean_up(engine, request, task_id, follower, emit, killed)
    except Cancelled:
        return ExitCode.INTERRUPTED
    finally:
        follower.close()


def _wait(
    engine: Engine,
    request: UpRequest,
    task_id: str,
    expected: Sequence[str],
    interrupted: threading.Event,
    timeout: int | None,
) -> Member | None:
    """The essential container whose exit ended the task; None where it was interrupted, or all of it removed.

    Raises `TaskError` after `timeout` seconds, and where one of the `expected` containers or the network is gone.
    """
    deadline = time.monotonic() + timeout if timeout else None
    looks, ends = Looks(engine, request.environment), Ends()
    while not interrupted.wait(POLL):
        observed = looks.look()
        if observed is not None:
            task = observed.tasks.get(task_id)
            if task is None:
                return None
            if (ended := ends.by(task)) is not None:
                return ended
            if not ends.open and (fault := task.fault(expected)):
                raise TaskError(f"the job failed: {fault}")
        if deadline is not None and time.monotonic() > deadline:
            raise TaskError(
                f"the job ran longer than its timeout of {timeout} s and was stopped",
                hint="`timeout` in the manifest sets it",
            )
    return None


def _clean_up(
    engine: Engine,
    request: UpRequest,
    task_id: str,
    follower: EnvironmentFollower,
    emit: Emit,
    killed: threading.Event,
) -> None:
    environment = request.environment
    for left in reversed(range(REMOVAL_TRIES)):
        try:
            task = observe(engine, environment).tasks.get(task_id)
            if task is not None:
                plan = Plan()
                stop_task(plan, task, "the job has ended")
                front, hook = FrontControl(environment), follower.finish
                stopping = Executor(engine, environment, front, emit, cancelled=killed, before_remove=hook, kills=True)
                with contextlib.suppress(Cancelled):
                    stopping.run(plan)
            remove_rest(engine, environment, task_id)
            break
        except EngineTimeout:
            if not left:
                raise
    again = f"`copilot-local logs {request.services[0].name} --previous` shows it again while the environment runs"
    emit(Event(EventKind.INFO, request.services[0].name, f"the run has ended; {again}"))
