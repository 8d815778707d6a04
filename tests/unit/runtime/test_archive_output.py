"""What removed containers had printed is in the log store before they are removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError
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


def test_each_is_written_when_its_call_returns(engine: FakeEngine) -> None:
    keeper = Keeper(engine, DEMO)

    def keep(name: str) -> bool:
        keeper.keep(name)
        return name in written(engine)

    with ThreadPoolExecutor(len(CONTAINERS)) as pool:
        assert list(pool.map(keep, CONTAINERS)) == [True] * len(CONTAINERS)
    keeper.close()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]


def test_a_call_that_fails_takes_no_other_with_it(engine: FakeEngine) -> None:
    engine.fail("put_files", EngineError("the disk is full"))
    keeper = Keeper(engine, DEMO)
    for name in CONTAINERS:
        keeper.keep(name)
    assert written(engine) == set(CONTAINERS[1:])


def test_what_it_writes_with_can_be_made_ahead(engine: FakeEngine) -> None:
    keeper = Keeper(engine, DEMO)
    keeper.prepare()
    assert written(engine) == set()
    for name in CONTAINERS:
        keeper.keep(name)
    assert written(engine) == set(CONTAINERS)
    keeper.close()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]


def test_and_is_not_made_without_a_log_store(engine: FakeEngine) -> None:
    engine.remove_volume(DEMO.log_volume)
    Keeper(engine, DEMO).prepare()
    assert not [one for one in engine.list_containers({}) if "-keep-" in one.name]
