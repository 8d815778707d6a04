"""Records of the local AWS endpoint beside those of the log store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.fake_parts import EchoStream
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError
from emulator.runtime.reports import records
from emulator.runtime.reports.records import routed_records
from emulator.runtime.state.names import Role
from tests.unit.runtime.world import DEMO

BROKEN_OFF = b'{"group": "g", "stream": "s", "time": "2026'


class Silent:
    """An agent whose log store has nothing."""

    def records(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(())


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The endpoint runs, and is killed while it prints a record."""
    monkeypatch.setattr(records, "agent_of", lambda *_: Silent())
    engine = FakeEngine()
    engine.add_image("aws:1")
    stream = EchoStream()
    stream.write(BROKEN_OFF)
    stream.close_stdin()
    engine.behave(DEMO.aws, Behaviour(stream=lambda _: stream))
    engine.create_container(ContainerSpec(name=DEMO.aws, image="aws:1", labels=DEMO.labels(Role.AWS)))
    engine.start(DEMO.aws)
    return engine


@pytest.mark.parametrize("follow", [False, True])
def test_an_endpoint_that_breaks_off_within_a_record_ends_the_records(engine: FakeEngine, follow: bool) -> None:
    said: list[str] = []

    def read() -> None:
        try:
            list(routed_records(engine, DEMO, (), follow=follow))
        except EngineError as error:
            said.append(error.message)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(10)
    assert not reading.is_alive()
    assert said == ["the local AWS endpoint broke off within a line"]
