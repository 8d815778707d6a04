"""Lines in = lines out, on a real daemon and a real Fluent Bit, in the configuration that runs by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import ContainerState
from emulator.firelens.local import local_router_configuration
from emulator.firelens.log_options import docker_log_configuration
from emulator.logstore.records import Record
from emulator.model import from_plain
from tests.docker.project import daemon

if TYPE_CHECKING:
    from tests.docker.conftest import DockerLab

pytestmark = pytest.mark.docker

MIB = 1 << 20
TASK_MEMORY = 512 * MIB
"""The smallest that Fargate has."""
CLOUDWATCH = {"Name": "cloudwatch", "region": "eu-west-1", "log_group_name": "/demo", "log_stream_prefix": "copilot/"}
CONTAINERS = ("one", "two", "three", "four", "five")
SLOW_FILTER = """\
[FILTER]
    Name lua
    Match *
    call slow
    script /extra/slow.lua
"""
SLOW_LUA = """\
function slow(tag, timestamp, record)
    local ready = os.clock() + 0.0003
    while os.clock() < ready do end
    return 0, timestamp, record
end
"""


def task(*containers: str, **firelens: str) -> TaskDefinition:
    log = {"logDriver": "awsfirelens", "options": CLOUDWATCH}
    definitions: list[dict[str, Any]] = [{"name": name, "image": name, "logConfiguration": log} for name in containers]
    router = {"type": "fluentbit", "options": firelens}
    definitions.append({"name": "firelens_log_router", "image": "router", "firelensConfiguration": router})
    return from_plain(
        TaskDefinition, {"family": "demo-test-hello", "networkMode": "awsvpc", "containerDefinitions": definitions}
    )


Start = Callable[..., Any]


def starting(start_router: Start, identity: TaskIdentity) -> Start:
    """Starts a router, in as much memory as the smallest task has, for these containers; its own files are given."""

    def start(*containers: str, files: dict[str, str] | None = None, **firelens: str) -> Any:
        definition = task(*containers, **firelens)
        local = local_router_configuration(definition, identity, service="hello", read=(files or {}).get)
        every = {local.path: local.text, **local.files, **(files or {})}
        return start_router(definition, identity, every, memory=TASK_MEMORY)

    return start


@pytest.fixture
def start(start_router: Start, identity: TaskIdentity) -> Start:
    return starting(start_router, identity)


@pytest.fixture(scope="module")
def router(start_shared_router: Start, identity: TaskIdentity) -> Any:
    """One for tests that do nothing to it. The containers of each have names of their own."""
    return starting(start_shared_router, identity)("exits", "odd", *CONTAINERS)


def logs(records: Iterable[Record]) -> list[str]:
    return [str(record.fields["log"]) for record in records]


def alive(router: Any) -> bool:
    """The router has run since its start, within its task's memory."""
    [row] = [row for row in router.engine.list_containers({}) if row.name == router.container]
    assert router.peak_memory() <= TASK_MEMORY
    return bool(row.state is ContainerState.RUNNING)


def test_containers_that_print_and_exit_at_once(router: Any) -> None:
    containers, rounds = 4, 2

    def print_and_exit(number: int) -> None:
        """A container that is started again as soon as it has exited: no time goes to making it."""
        name = router.start("exits", f"echo line {number}")
        with daemon() as client:
            for _ in range(rounds - 1):
                client.wait(name)
                router.engine.start(name)

    with ThreadPoolExecutor(containers) as pool:
        list(pool.map(print_and_exit, range(containers)))
    router.wait_for_lines(containers * rounds, "exits")
    assert Counter(logs(router.records("exits"))) == {f"line {number}": rounds for number in range(containers)}


def test_five_containers_that_print_as_fast_as_a_shell_can(router: Any) -> None:
    count = 1_200
    # They stay: Docker gives the output of a container that exits ten seconds, too few on a busy machine.
    script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo line $i; done; exec sleep 3600"
    for name in CONTAINERS:
        router.start(name, script)
    for name in CONTAINERS:
        router.wait_for_lines(count, name)
        assert logs(router.records(name)) == [f"line {number}" for number in range(1, count + 1)]
    assert alive(router)


def test_a_router_slower_than_its_containers(start: Callable[..., Any]) -> None:
    files = {"/extra/slow.conf": SLOW_FILTER, "/extra/slow.lua": SLOW_LUA}
    options = {"config-file-type": "file", "config-file-value": "/extra/slow.conf"}
    router = start("web", files=files, **options)
    count, length = 1250, 4000  # 5 MB: more than the pipes and the relay between a container and its router hold
    line = f"x=$(head -c {length} /dev/zero | tr '\\0' x)"
    prints = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo $i $x; done; touch /printed"
    # It stays: Docker gives the output of a container that exits ten seconds.
    router.engine.pause(router.container)  # as slow as can be, until it was seen
    try:
        name = router.start("web", f"{line}; {prints}; exec sleep 3600")
        assert router.engine.exec(name, ("test", "-e", "/printed")).exit_code != 0, "it has to wait for the router"
    finally:
        router.engine.unpause(router.container)
    router.wait_for_lines(count)
    assert [line.split()[0] for line in logs(router.records("web"))] == [str(n) for n in range(1, count + 1)]
    assert alive(router)


@dataclass(frozen=True)
class Odd:
    """A shell command, and the line that it prints; None where bytes of it are no text: Fluent Bit's own JSON ends
    before those."""

    printed: str
    line: str | None


ODD = {
    "byte": Odd("printf 'x\\n'", "x"),
    "just-below-16-KB": Odd("head -c 16383 /dev/zero | tr '\\0' x; echo", "x" * 16383),
    "16-KB": Odd("head -c 16384 /dev/zero | tr '\\0' x; echo", "x" * 16384),
    "17-KB": Odd("head -c 17408 /dev/zero | tr '\\0' x; echo", "x" * 17408),
    "1-MB": Odd("head -c 1048576 /dev/zero | tr '\\0' x; echo", "x" * MIB),
    "invalid-UTF-8": Odd("printf 'a\\377\\376z\\n'", None),
    "ANSI": Odd("printf '\\033[31mred\\033[0m\\n'", "\x1b[31mred\x1b[0m"),
    "NUL": Odd("printf 'a\\000z\\n'", "a\x00z"),
    "what-JSON-escapes": Odd("printf '\"quoted\" \\\\ \\t\\n'", '"quoted" \\ \t'),
    "beyond-ASCII": Odd("echo 'héllo ☃ 𝄞'", "héllo ☃ 𝄞"),
    "without-a-line-end": Odd("printf 'no end'", "no end"),
}


def test_odd_lines(router: Any) -> None:
    """One container prints all of them, the last without a line end; what another prints then is a line of its own."""
    router.run("odd", "; ".join(odd.printed for odd in ODD.values()))
    router.run("odd", "echo after")
    records = sorted(router.wait_for(len(ODD) + 1, "odd"), key=lambda record: record.time_ns)
    assert not any("partial_message" in record.fields for record in records)
    assert len(router.records("odd", join=False)) > len(records), "Docker has split the long ones"
    *texts, after = logs(records)
    found = dict(zip(ODD, texts, strict=True))
    assert found["invalid-UTF-8"].startswith("a")
    assert [name for name, odd in ODD.items() if odd.line is not None and found[name] != odd.line] == []
    assert after == "after"


def test_dockers_own_copy_has_every_line_of_a_container_that_prints_fast(
    lab: DockerLab, identity: TaskIdentity
) -> None:
    """`logs` and `logs --compare` read it. No router listens here, which this driver mode does not wait for."""
    count, length = 2_500, 16_000
    prints = f'x=$(head -c {length} /dev/zero | tr "\\0" x); seq {count} | sed "s/$/ $x/"'
    log = docker_log_configuration(task("web").container("web"), identity, "/none.sock", asynchronous=True)
    name = lab.run("web", command=("sh", "-c", prints), log_driver=log.driver, log_options=log.options)
    lab.exited("web")
    numbers = [line.text.partition(" ")[0] for line in lab.engine.logs(name)]
    assert numbers == [str(number) for number in range(1, count + 1)]
