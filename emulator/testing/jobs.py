"""Runs a Scheduled Job within a test, beside the services of its environment."""

from __future__ import annotations

import threading
from dataclasses import replace

from emulator.engine.interface import Engine
from emulator.errors import ContainerFailed, InputError, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.lifecycle.jobs import run_job
from emulator.runtime.planning.up_request import UpRequest
from emulator.testing.results import JobResult


def run_once(engine: Engine, request: UpRequest, emit: Emit, timeout: float) -> JobResult:
    """Runs the one job of the request to its end.

    Returns its exit code and what its containers printed. Raises `InputError` where it is no Scheduled Job, `TaskError`
    where it does not end within `timeout` seconds or its own timeout, and what keeps it from starting.
    """
    [job] = request.services
    if job.type != "Scheduled Job":
        raise InputError(f"{job.name} is a {job.type}, not a Scheduled Job", hint="`services` runs it")
    lines: list[str] = []
    ended = threading.Event()
    late = threading.Event()

    def collect(event: Event) -> None:
        if event.kind is EventKind.LOG:
            lines.append(event.message)
        emit(event)

    def interrupt() -> None:
        late.set()
        ended.set()

    timer = threading.Timer(timeout, interrupt)
    timer.start()
    try:
        code = run_job(engine, replace(request, foreground=True), collect, interrupted=ended, killed=threading.Event())
    except ContainerFailed as error:
        if error.container_exit_code is None:
            raise
        code = error.container_exit_code
    finally:
        timer.cancel()
    if late.is_set():
        printed = "".join(f"\n  | {line}" for line in lines[-20:])
        raise TaskError(f"job {job.name} did not end within {timeout:g} s{printed}")
    return JobResult(code, tuple(lines))
