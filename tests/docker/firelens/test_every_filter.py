"""What a filter makes of a container's lines: the same behind our relay and behind ECS's own driver."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import File
from emulator.firelens.local import local_router_configuration
from emulator.firelens.log_options import IDENTITY_FIELDS
from emulator.firelens.stored import LOG_FOLDER
from emulator.model import from_plain
from tests.docker.firelens.conftest import ROUTER_IMAGE
from tests.docker.firelens.every_filter import CHAIN, CONTAINERS, FILTERS, LAST, LINES, NOT_TRIED, files, lines

pytestmark = pytest.mark.docker

VARIES = {*IDENTITY_FIELDS, "partial_id"}
"""Fields that are others in each run: Docker's random id of a long line, and those that `firelens config` tells of."""
Records = list[tuple[str, dict[str, Any]]]
"""Tag and fields of each, in order."""
Run = Callable[[Literal["local", "ecs"]], dict[str, Records]]


def task() -> TaskDefinition:
    log = {"logDriver": "awsfirelens", "options": {"Name": "http", "Host": "logs.example.com"}}
    containers: list[dict[str, Any]] = [{"name": name, "image": "app", "logConfiguration": log} for name in CONTAINERS]
    own = {"config-file-type": "file", "config-file-value": "/extra/user.conf"}
    # Half of its memory is how much may wait by ECS's file: nothing is dropped.
    router = {"name": "log_router", "image": "router", "memory": 4096}
    containers.append({**router, "firelensConfiguration": {"type": "fluentbit", "options": own}})
    return from_plain(
        TaskDefinition, {"family": "demo-test-hello", "networkMode": "awsvpc", "containerDefinitions": containers}
    )


@pytest.fixture
def run(start_router: Callable[..., Any], identity: TaskIdentity) -> Run:
    """Runs every filter in a fidelity; gives the records by stream."""

    def run(fidelity: Literal["local", "ecs"]) -> dict[str, Records]:
        definition, own = task(), files()
        texts = {path: text for path, text in own.items() if isinstance(text, str)}
        local = local_router_configuration(definition, identity, service="hello", fidelity=fidelity, read=texts.get)
        every = {local.path: local.text, **own, **local.files}
        router = start_router(definition, identity, every, relay=fidelity == "local")
        printed = File("lines", "".join(f"{line}\n" for line in lines()).encode())

        def print_lines(container: str) -> None:
            # It stays: ECS's driver drops what is queued when a container exits.
            command = "cat /lines; exec sleep 3600"
            router.start(container, command, asynchronous=fidelity == "ecs", files=(printed,))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(print_lines, CONTAINERS))
        rewritten = [start for one in FILTERS for _, start in one.tags]
        wanted = {f"output-{number}": counted(start) for number, start in enumerate(rewritten, start=1)}
        counts = wanted | {name: one.count for name, one in CONTAINERS.items() if one.count}
        commands = {f"{count} of {stream}": router.has_lines(count, stream) for stream, count in counts.items()}
        for name, one in CONTAINERS.items():
            if not one.count:
                commands[f"the end of {name}"] = has_last_line(router, name)
        router.wait_for_commands(commands)
        return {stream: records(router, stream) for stream in (*wanted, *CONTAINERS)}

    return run


def has_last_line(router: Any, stream: str) -> str:
    return f"tail -n 6 {LOG_FOLDER}/{router.file(stream)} | grep -q '\"{LAST}\"'"


def counted(start: str) -> int:
    return sum(line.startswith(start) for line in lines())


def records(router: Any, stream: str) -> Records:
    """The records of a stream up to the last line, but for what is another in each run."""
    found: Records = []
    for record in router.records(stream, join=False):
        fields = {name: value for name, value in record.fields.items() if name not in VARIES}
        if "kubernetes" in fields:
            fields["kubernetes"] = "the time"
        found.append((record.tag, fields))
        if fields.get("log") == LAST:
            break
    return found


def test_each_filter_plugin_of_the_router_is_tried(local_image: Callable[[str], str]) -> None:
    image = local_image(ROUTER_IMAGE)
    command = [
        "docker",
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "/fluent-bit/bin/fluent-bit",
        image,
        "--help",
    ]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    section = re.search(r"Filters\S*\n(.*?)\n\n", told, re.DOTALL)
    assert section is not None
    there = {line.split()[0] for line in section[1].splitlines()}
    assert there - {one.plugin for one in FILTERS} - NOT_TRIED.keys() == set()


def test_each_filter_sees_what_it_would_see_behind_ecs_driver(run: Run) -> None:
    as_ecs = run("ecs")
    here = run("local")
    for stream, expected in as_ecs.items():
        found = here[stream]
        assert len(expected) >= LINES // 11, stream
        for number, (mine, theirs) in enumerate(zip(found, expected, strict=False)):
            assert mine == theirs, f"record {number} of {stream}"
        assert len(found) == len(expected), stream
    assert [fields["log"] for _, fields in here["rewrite-tag"]][:2] == ["web 1 GET /orders/1 200", lines()[2]]
    chained = {name for _, fields in here[CHAIN] for name in fields}
    done = {"listed", "country", "counted", "kind", "from", "ecs", "level", "added"}
    assert done <= chained, "each has done its part"
    assert "source" not in chained
    assert not any(fields["log"].startswith("audit") for _, fields in here[CHAIN])
