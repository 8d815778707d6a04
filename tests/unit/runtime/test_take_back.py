"""An `up` that fails removes what it has made, and nothing of a command that had the environment meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emulator.engine.interface import ContainerSpec
from emulator.errors import CopilotLocalError, EngineError, EngineTimeout, ImageError, TaskError
from emulator.events import discard
from emulator.runtime.control import direct
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.lifecycle.down import down
from emulator.runtime.lifecycle.up import up
from emulator.runtime.state.names import Names
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service

NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
Meanwhile = Callable[[Callable[[], object]], None]
LATE = "Docker did not answer within 30 s"


class Other:
    """Another command on the same environment, and what it leaves there."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.left = NOTHING

    def up(self) -> None:
        self.bench.up(make_service(name="web")).hand_over()
        self.left = self.bench.left()

    def down(self) -> None:
        down(self.bench.engine, DEMO, discard)
        for stream in self.bench.agent.streams:  # they end with the agent
            stream.close()

    def down_and_up(self) -> None:
        self.down()
        self.up()

    def up_and_down(self) -> None:
        self.up()
        self.down()
        self.left = self.bench.left()

    def down_and_up_and_down(self) -> None:
        self.down()
        self.up_and_down()


@pytest.fixture
def other(bench: Bench) -> Other:
    bench.engine.add_image("web:1")
    return Other(bench)


@pytest.fixture
def while_it_builds(bench: Bench, until: Callable[[Callable[[], object]], None]) -> Meanwhile:
    """Does something when the first `up` looks for its image, and its claim is made or has failed."""

    def prepare(act: Callable[[], object]) -> None:
        def strike(verb: str, target: str) -> None:
            if verb == "image" and target == "hello:1":
                bench.engine.before = None
                until(lambda: bench.observed.agent or ("ensure_volume", DEMO.log_volume) in bench.engine.calls)
                with direct.alone(DEMO):  # as the claim is until it is over
                    pass
                act()

        bench.engine.before = strike

    return prepare


@pytest.fixture
def before_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Does something when an `up` is about to look and work without others in between, the next time."""

    def prepare(act: Callable[[], object]) -> None:
        alone = direct.alone

        @contextmanager
        def strike(environment: Names) -> Iterator[None]:
            monkeypatch.setattr(direct, "alone", alone)
            act()
            with alone(environment):
                yield

        monkeypatch.setattr(direct, "alone", strike)

    return prepare


def claim_fails(bench: Bench) -> None:
    bench.engine.fail("ensure_volume", EngineTimeout(LATE), target=DEMO.log_volume)


def test_a_claim_that_failed_takes_nothing_back_of_a_command_that_came_meanwhile(
    bench: Bench, other: Other, while_it_builds: Meanwhile
) -> None:
    claim_fails(bench)
    while_it_builds(other.up)
    with pytest.raises(EngineTimeout, match=LATE):
        bench.up(make_service())
    assert bench.left() == other.left
    assert set(bench.states().values()) == {"running"}


def test_nor_where_the_build_fails_after_it(bench: Bench, other: Other, while_it_builds: Meanwhile) -> None:
    claim_fails(bench)
    while_it_builds(other.up)
    with pytest.raises(ImageError, match="cannot pull private:1"):
        bench.up(make_service({"hello": {}, "db": {"image": "private:1"}}))
    assert bench.left() == other.left


def test_nor_where_the_command_is_interrupted(bench: Bench, other: Other, while_it_builds: Meanwhile) -> None:
    cancelled = threading.Event()

    def come_up() -> None:
        other.up()
        cancelled.set()

    claim_fails(bench)
    while_it_builds(come_up)
    with pytest.raises(Cancelled):
        up(bench.engine, bench.request(make_service()), bench.emit, cancelled=cancelled)
    assert bench.left() == other.left


@pytest.mark.parametrize("image", ["hello:1", "private:1"], ids=["comes up", "its build fails"])
@pytest.mark.parametrize("way", ["down_and_up", "down_and_up_and_down"])
def test_a_claim_that_was_taken_down_takes_nothing_back_of_a_later_command(
    bench: Bench, other: Other, while_it_builds: Meanwhile, image: str, way: str
) -> None:
    while_it_builds(getattr(other, way))
    with pytest.raises(CopilotLocalError):
        bench.up(make_service({"hello": {}, "db": {"image": image}}))
    left = bench.left()
    assert other.left["volumes"]
    assert {kind: sorted(set(left[kind]) & set(found)) for kind, found in other.left.items()} == other.left


@pytest.mark.parametrize("retain", [False, True], ids=["takes back", "retains"])
def test_a_command_that_comes_up_before_another_one_takes_back_keeps_everything(
    bench: Bench, other: Other, before_it_is_alone: Meanwhile, retain: bool
) -> None:
    def strike(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-hello"):
            bench.engine.before = None
            down(bench.engine, DEMO, discard)
            if retain:  # the name of its agent is the same
                bench.engine.before = come_up_after_the_look
            else:
                before_it_is_alone(other.up)
            raise EngineError("no such container")

    def come_up_after_the_look(verb: str, target: str) -> None:
        if verb == "remove":
            bench.engine.before = None
            other.up()

    bench.engine.before = strike
    with pytest.raises(TaskError, match="was taken down by another command while it came up"):
        bench.up(make_service(), retain=retain)
    assert bench.left() == other.left
    assert set(bench.states().values()) == {"running"}


def test_a_claim_that_fails_keeps_the_data_of_a_command_that_was_there_before_it_was_alone(
    bench: Bench, other: Other, before_it_is_alone: Meanwhile
) -> None:
    def come_and_go() -> None:
        other.up_and_down()
        claim_fails(bench)

    before_it_is_alone(come_and_go)
    with pytest.raises(EngineTimeout, match=LATE):
        bench.up(make_service())
    assert other.left["volumes"] == sorted([DEMO.access_volume, DEMO.log_volume])
    assert bench.left() == other.left


def test_a_claim_that_fails_leaves_what_runs_though_its_agent_is_dead(bench: Bench) -> None:
    bench.up(make_service()).hand_over()
    bench.engine.stop(DEMO.agent, 0)
    before = bench.left()
    bench.engine.fail("create_container", EngineError("no space left on device"), target=DEMO.agent)
    with pytest.raises(EngineError, match="no space left"):
        bench.up(make_service())
    assert bench.left() == {**before, "containers": [name for name in before["containers"] if name != DEMO.agent]}


def test_an_agent_that_docker_creates_and_answers_too_late_is_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = bench.engine.create_container

    def late(spec: ContainerSpec) -> str:
        create(spec)
        raise EngineTimeout(LATE)

    monkeypatch.setattr(bench.engine, "create_container", late)
    with pytest.raises(EngineTimeout, match=LATE):
        bench.up(make_service())
    assert bench.left() == NOTHING


def test_an_agent_of_another_command_stays_where_docker_answers_too_late_that_its_name_is_taken(
    bench: Bench, other: Other, before_it_is_alone: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(spec: ContainerSpec) -> str:
        raise EngineTimeout(LATE)

    def come_up() -> None:
        other.up()
        monkeypatch.setattr(bench.engine, "create_container", late)

    before_it_is_alone(come_up)
    with pytest.raises(EngineTimeout, match=LATE):
        bench.up(make_service())
    assert bench.left() == other.left


def test_what_a_failed_claim_cannot_remove_is_said_and_does_not_hide_its_error(bench: Bench) -> None:
    claim_fails(bench)
    bench.engine.fail("remove_volume", EngineError("volume is in use"), target=DEMO.state_volume, times=None)
    with pytest.raises(EngineTimeout, match=LATE):
        bench.up(make_service())
    assert any(f"volume {DEMO.state_volume} is left: volume is in use" in warning for warning in bench.warnings())
