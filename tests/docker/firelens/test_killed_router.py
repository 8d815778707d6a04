"""The log router killed in the middle of a stream, at full rate: every line arrives, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.firelens.local import BUFFER_FOLDER
from emulator.firelens.stored import LOG_FOLDER
from tests.docker.firelens.test_no_loss import CONTAINERS, alive, logs, start

__all__ = ["start"]
pytestmark = pytest.mark.docker
KILLS = 3
BURST = 3_000
"""Lines of a container for each kill: more than is printed while a kill takes."""
AFTER = 300
"""Lines of a container after the last."""
ARRIVED = f"cat {LOG_FOLDER}/hello.* | wc -l"
"""Prints how many lines of all containers have arrived."""
SCRIPT = f"""\
i=0
for burst in $(seq 0 {KILLS}); do
    while [ ! -e /burst-$burst ]; do sleep 0.01; done
    [ $burst = {KILLS} ] && end=$((i+{AFTER})) || end=$((i+{BURST}))
    while [ $i -lt $end ]; do i=$((i+1)); echo line $i; done
done
exec sleep 3600
"""
"""It stays: Docker gives the output of a container that exits ten seconds, too few on a busy machine."""


def test_a_router_killed_three_times(start: Callable[..., Any]) -> None:
    names = CONTAINERS[:2]
    router = start(*names)
    count = BURST * KILLS + AFTER
    printing = [router.start(name, SCRIPT) for name in names]
    for kill in range(KILLS):
        before = arrived(router)
        let_print(router, printing, kill)
        router.wait_for_command(f'[ "$({ARRIVED})" -gt {before} ]', "the stream")
        router.engine.kill(router.container)
        router.engine.start(router.container)
    let_print(router, printing, KILLS)
    expected = [f"line {number}" for number in range(1, count + 1)]
    for name in names:
        last_line_arrives(router, name, count)
    buffer_is_empty(router)
    for name in names:
        assert logs(sorted(router.records(name), key=lambda record: record.time_ns)) == expected
    assert router.records("drained") == [], "all of it went through the router"
    assert alive(router)


def let_print(router: Any, containers: list[str], burst: int) -> None:
    """Lets every container print its next lines, all at once."""
    with ThreadPoolExecutor(len(containers)) as pool:
        results = pool.map(lambda container: router.engine.exec(container, ("touch", f"/burst-{burst}")), containers)
    assert all(result.exit_code == 0 for result in results)


def arrived(router: Any) -> int:
    return int(router.engine.exec(router.container, ("sh", "-c", ARRIVED)).stdout)


def last_line_arrives(router: Any, name: str, count: int) -> None:
    router.wait_for_command(f"grep -q '\"line {count}\"' {LOG_FOLDER}/{router.file(name)}", f"the last line of {name}")


def buffer_is_empty(router: Any) -> None:
    """What a dead router left in its buffer comes when it comes."""
    router.wait_for_command(f"! ls {BUFFER_FOLDER}/*/*.flb", "the end of the buffer")
