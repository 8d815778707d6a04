"""The log router killed in the middle of a stream, at full rate: every line arrives, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.firelens.local import BUFFER_FOLDER, LOG_FOLDER
from tests.docker.firelens.conftest import wait_until
from tests.docker.firelens.test_no_loss import CONTAINERS, alive, logs, start

__all__ = ["start"]
pytestmark = pytest.mark.docker
KILLS = 3
LINES = 200_000


def test_a_router_killed_three_times(start: Callable[..., Any]) -> None:
    names = CONTAINERS
    router = start(*names)
    count = LINES // len(names)
    # They stay: Docker gives the output of a container that exits ten seconds, too few on a busy machine.
    script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo line $i; done; exec sleep 3600"
    for name in names:
        router.start(name, script)
    for _ in range(KILLS):
        stream_goes_on(router, names[0])
        router.engine.kill(router.container)
        router.engine.start(router.container)
    expected = [f"line {number}" for number in range(1, count + 1)]
    for name in names:
        last_line_arrives(router, name, count)
    buffer_is_empty(router)
    for name in names:
        assert logs(sorted(router.records(name), key=lambda record: record.time_ns)) == expected
    assert router.records("drained") == [], "all of it went through the router"
    assert alive(router)


def stream_goes_on(router: Any, name: str) -> None:
    """Returns when something has arrived since."""
    before = router.count(name)
    wait_until(lambda: router.count(name) > before, "the stream")


def last_line_arrives(router: Any, name: str, count: int) -> None:
    command = ("grep", "-c", f'"line {count}"', f"{LOG_FOLDER}/{router.file(name)}")
    wait_until(lambda: router.engine.exec(router.container, command).exit_code == 0, f"the last line of {name}")


def buffer_is_empty(router: Any) -> None:
    """What a dead router left in its buffer comes when it comes."""
    command = ("sh", "-c", f"ls {BUFFER_FOLDER}/*/*.flb")
    wait_until(lambda: router.engine.exec(router.container, command).exit_code != 0, "the end of the buffer")
