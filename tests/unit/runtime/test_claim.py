"""An environment where nothing runs is claimed at once; what was made is taken back where nothing comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from emulator.errors import EngineError, ImageError
from emulator.runtime.control.client import AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.state import names
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service

NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
Until = Callable[[Callable[[], object]], None]
STATE = "/copilot-local/state/desired.json"


def test_the_agent_starts_while_images_are_looked_for(bench: Bench) -> None:
    started = threading.Event()

    def watch(verb: str, target: str) -> None:
        if verb == "start" and is_agent(bench, target):
            started.set()
        if verb == "image" and target == "hello:1":
            assert started.wait(10), "the images were found before the agent was started"

    bench.engine.before = watch
    bench.up(make_service())
    assert started.is_set()


def is_agent(bench: Bench, target: str) -> bool:
    before, bench.engine.before = bench.engine.before, None
    try:
        agent = bench.observed.agent
    finally:
        bench.engine.before = before
    return agent is not None and target in (agent.name, agent.id)


def test_an_agent_that_cannot_be_started_is_no_reason_to_hide_a_missing_image(bench: Bench) -> None:
    bench.engine.fail("start", EngineError("no space left on device"), target="*-agent")
    with pytest.raises(ImageError, match="cannot pull private:1"):
        bench.up(make_service({"hello": {"image": "private:1"}}))
    assert bench.left() == NOTHING


def test_an_interruption_while_images_are_looked_for_takes_it_back(bench: Bench) -> None:
    def interrupt(verb: str, target: str) -> None:
        if verb == "image" and target == "hello:1":
            bench.cancelled.set()

    bench.engine.before = interrupt
    with pytest.raises(Cancelled):
        bench.up(make_service())
    assert bench.left() == NOTHING


def test_several_images_that_an_interruption_ended_are_an_interruption(bench: Bench) -> None:
    def interrupt(verb: str, target: str) -> None:
        if verb == "pull":
            bench.cancelled.set()

    bench.engine.before = interrupt
    with pytest.raises(Cancelled):
        bench.up(make_service({"hello": {"image": "private:1"}, "db": {"image": "private:2"}}))
    assert bench.left() == NOTHING


def test_what_runs_is_not_touched_for_the_sake_of_an_image_that_is_missing(bench: Bench) -> None:
    bench.up(make_service()).hand_over()
    bench.engine.stop(DEMO.agent, 0)
    before = bench.states()
    with pytest.raises(ImageError):
        bench.up(make_service({"hello": {"image": "private:1"}}))
    assert bench.states() == before


def test_the_agent_is_not_frozen_where_it_has_no_task(bench: Bench) -> None:
    """Another command may run something in it at that moment, which a frozen container never ends."""
    with pytest.raises(ImageError):
        bench.up(make_service({"hello": {"image": "private:1"}}))
    assert bench.did("pause") == []
    assert bench.left() == NOTHING


def test_volumes_that_were_there_before_stay(bench: Bench) -> None:
    bench.engine.ensure_volume(DEMO.log_volume, {**DEMO.labels(), names.DATA: "logs"})
    with pytest.raises(ImageError):
        bench.up(make_service({"hello": {"image": "private:1"}}))
    assert bench.left() == {**NOTHING, "volumes": [DEMO.log_volume]}


def test_retain_keeps_nothing_where_no_task_was_made(bench: Bench) -> None:
    with pytest.raises(ImageError):
        bench.up(make_service({"hello": {"image": "private:1"}}), retain=True)
    assert bench.left() == NOTHING


def test_what_a_dead_agent_had_to_run_is_not_run_again(bench: Bench) -> None:
    bench.engine.ensure_volume(DEMO.state_volume, DEMO.labels())
    written: list[str] = []

    def watch(verb: str, target: str) -> None:
        if verb in ("put_files", "start") and is_agent(bench, target):
            written.append(verb)

    bench.engine.before = watch
    bench.up(make_service())
    assert written == ["put_files", "start"]
    assert b'"services":{}' in bench.engine.read_file(DEMO.agent, STATE)


class TestTheConnectionToTheAgent:
    """A process that goes on, such as pytest, is left with no connection by an `up` that has failed."""

    def test_is_closed_where_an_image_is_missing(self, bench: Bench, until: Until) -> None:
        with pytest.raises(ImageError):
            bench.up(make_service({"hello": {"image": "private:1"}}))
        until(lambda: all_closed(bench))

    def test_is_closed_where_a_container_fails(self, bench: Bench, until: Until) -> None:
        bench.engine.fail("start", EngineError("no such command"), target="*-hello")
        with pytest.raises(EngineError):
            bench.up(make_service())
        assert "hold" in bench.agent.said
        until(lambda: all_closed(bench))

    def test_is_closed_where_it_comes_after_the_failure(self, bench: Bench, until: Until) -> None:
        failed = threading.Event()
        bench.agent.before_hold = lambda: failed.wait(10)
        with pytest.raises(ImageError):
            bench.up(make_service({"hello": {"image": "private:1"}}))
        failed.set()
        until(lambda: all_closed(bench))

    def test_is_kept_where_all_is_well(self, bench: Bench) -> None:
        running = bench.up(make_service())
        assert not all_closed(bench)
        running.hand_over()
        assert all_closed(bench)

    def test_is_closed_where_the_agent_does_not_take_over(self, bench: Bench) -> None:
        running = bench.up(make_service())
        bench.agent.refuses = {"message": "no"}
        with pytest.raises(AgentError):
            running.hand_over()
        assert all_closed(bench)


def all_closed(bench: Bench) -> bool:
    return all(stream.closed for stream in bench.agent.streams)
