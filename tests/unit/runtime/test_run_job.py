"""`run` on an engine in memory: a Scheduled Job once, to its end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.errors import ContainerFailed, EngineTimeout, ExitCode
from emulator.runtime.lifecycle import jobs
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import make_service

JOB = make_service(name="hello", type="Scheduled Job")


@pytest.mark.parametrize("when", ["_wait", "_clean_up"], ids=["while it runs", "at its end"])
@pytest.mark.parametrize("code", [0, 3])
def test_a_listing_that_fails_once_ends_no_run_and_leaves_no_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, when: str, code: int
) -> None:
    step = getattr(jobs, when)

    def late(*args: Any) -> Any:
        error = EngineTimeout("Docker did not list containers within 30 s")
        bench.engine.fail("list_containers", error, times=2)  # one of them may be for another thread
        return step(*args)

    monkeypatch.setattr(jobs, when, late)
    bench.engine.behave("*-hello", Behaviour(exits=(code,)))
    if code:
        with pytest.raises(ContainerFailed, match="container hello exited with code 3"):
            run(bench)
    else:
        assert run(bench) == ExitCode.OK
    assert [name for name in bench.left()["containers"] if not name.endswith("-agent")] == []
    assert any("the run has ended" in event.message for event in bench.events)


def run(bench: Bench) -> int:
    never = threading.Event()
    return jobs.run_job(bench.engine, bench.request(JOB), bench.emit, interrupted=never, killed=never)
