"""What removed containers had printed is in the log store before they are removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec, ContainerState
from emulator.errors import EngineError, NotFound
from emulator.logstore.records import RecordFile
from emulator.runtime.execution.archive_output import Keeper
from emulator.runtime.state import names
from emulator.runtime.state.names import Role
from tests.unit.runtime.world import DEMO

CONTAINERS = [f"c{number}" for number in range(6)]


@pytest.fixture
def engine() -> FakeEngine:
    """Containers that log to CloudWatch by themselves, each of which has printed a line."""
    engine = FakeEngine()
    engine.add_image("hello:1")
    engine.ensure_volume(DEMO.log_volume, DEMO.labels(Role.VOLUME))
    for name in CONTAINERS:
        labels = {
            **DEMO.labels(Role.MEMBER),
            names.SERVICE: "hello",
            names.TASK: "task0001",
            names.CONTAINER: name,
            names.LOG_STREAM: f"copilot/{name}/task0001",
        }
        engine.create_container(ContainerSpec(name=name, image="hello:1", labels=labels))
        engine.start(name)
        engine.print_line(name, f"{name} says good morning")
    return engine


def written(engine: FakeEngine) -> set[str]:
    """The containers whose line is in the files that were put into the helper."""
    [helper] = [one.name for one in engine.list_containers({}) if "-keep-" in one.name]
    files = [path for path in engine.list_files(helper, "/copilot-local/logs") if "@" in path]
    found = [engine.read_file(helper, path).decode() for path in files]
    return {name for name in CONTAINERS for text in found if f"{name} says good morning" in text}


def lost(name: str, why: str) -> None:
    pytest.fail(f"{name}: {why}")


def test_each_is_written_when_its_call_returns(engine: FakeEngine) -> None:
    keeper = Keeper(engine, DEMO, lost)

    def keep(name: str) -> bool:
        keeper.keep(name)
        return name in written(engine)

    with ThreadPoolExecutor(len(CONTAINERS)) as pool:
        assert list(pool.map(keep, CONTAINERS)) == [True] * len(CONTAINERS)
    keeper.close()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]


def test_a_call_that_fails_takes_no_other_with_it(engine: FakeEngine) -> None:
    engine.fail("put_files", EngineError("the disk is full"))
    told: list[tuple[str, str]] = []
    keeper = Keeper(engine, DEMO, lambda name, why: told.append((name, why)))
    for name in CONTAINERS:
        keeper.keep(name)
    assert written(engine) == set(CONTAINERS[1:])
    assert told == [(CONTAINERS[0], "what it printed is not in the log store: the disk is full")]


def test_one_that_is_gone_was_kept_by_who_removed_it(engine: FakeEngine) -> None:
    engine.fail("logs", NotFound("no such container"), target=CONTAINERS[0])
    keeper = Keeper(engine, DEMO, lost)
    keeper.keep(CONTAINERS[0])
    keeper.keep(CONTAINERS[1])
    assert written(engine) == {CONTAINERS[1]}


def test_containers_that_had_one_name_in_one_task_are_all_kept(engine: FakeEngine) -> None:
    """`up --watch` replaces containers alone: each of them has printed something."""
    labels = next(one.labels for one in engine.list_containers({}) if one.name == CONTAINERS[0])
    again = engine.create_container(ContainerSpec(name=CONTAINERS[0] + "-2", image="hello:1", labels=labels))
    engine.start(again)
    engine.print_line(again, "and good evening")
    keeper = Keeper(engine, DEMO, lost)
    keeper.keep(CONTAINERS[0])
    keeper.keep(CONTAINERS[0] + "-2")
    assert written(engine) == {CONTAINERS[0]}
    [helper] = [one.name for one in engine.list_containers({}) if "-keep-" in one.name]
    files = [path for path in engine.list_files(helper, "/copilot-local/logs") if "@" in path]
    parsed = [RecordFile.parse(path.rpartition("/")[2]) for path in files]
    assert [one and one.shown_stream for one in parsed] == [f"@{CONTAINERS[0]}"] * 2
    assert "good evening" in "".join(engine.read_file(helper, path).decode() for path in files)


def test_what_is_left_is_killed_and_kept_but_for_log_routers(engine: FakeEngine) -> None:
    labels = {**DEMO.labels(Role.ROUTER), names.SERVICE: "hello", names.TASK: "task0001", names.CONTAINER: "router"}
    router = ContainerSpec(
        name="router", image="hello:1", labels={**labels, names.LOG_STREAM: "copilot/router/task0001"}
    )
    engine.start(engine.create_container(router))
    Keeper(engine, DEMO, lost).keep_left()
    assert written(engine) == set(CONTAINERS)
    running = [one.name for one in engine.list_containers({}) if one.state is ContainerState.RUNNING]
    assert running == ["router"]


def test_what_it_writes_with_can_be_made_ahead(engine: FakeEngine) -> None:
    keeper = Keeper(engine, DEMO, lost)
    keeper.prepare()
    assert written(engine) == set()
    for name in CONTAINERS:
        keeper.keep(name)
    assert written(engine) == set(CONTAINERS)
    keeper.close()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]


def test_and_is_not_made_without_a_log_store(engine: FakeEngine) -> None:
    engine.remove_volume(DEMO.log_volume)
    Keeper(engine, DEMO, lost).prepare()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]
