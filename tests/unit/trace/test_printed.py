"""What a proxy printed of a request: its log may come after its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.trace.printed import printed
from emulator.trace.requests.hops import assemble
from tests.unit.trace.environment import HELLO, PLACES, exchange

BEGAN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC).timestamp()
LINE = "bad gateway: /api/x 502"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    engine.add_image("hello:1")
    engine.create_container(ContainerSpec(name="cl-hello-hello", image="hello:1"))
    engine.start("cl-hello-hello")
    yield engine
    engine.close()


def read(engine: FakeEngine, within: float) -> list[str]:
    asked = exchange("127.0.0.1", "127.0.0.1:3000", BEGAN, BEGAN + 0.1, "/api/x", trace="1-a", status=502)
    [trace] = assemble([(HELLO, asked)], PLACES)
    hop = replace(trace.hops[-1], place=replace(HELLO, members={trace.hops[-1].container: "cl-hello-hello"}))
    return printed(engine, hop, lambda lines: lines, within)


def test_a_line_that_comes_after_the_answer_is_awaited(engine: FakeEngine) -> None:
    looks = count()

    def late(verb: str, target: str) -> None:
        if verb == "logs" and next(looks) == 2:
            engine.print_line("cl-hello-hello", LINE, at=datetime.fromtimestamp(BEGAN + 0.5, UTC))

    engine.before = late
    assert read(engine, 100.0) == [LINE]


def test_where_none_comes_it_is_not_awaited_for_ever(engine: FakeEngine) -> None:
    assert read(engine, 0.0) == []
