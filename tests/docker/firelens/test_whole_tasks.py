"""Whole tasks through `copilot-local`: what their log routers deliver, lose on purpose, and leave behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.project import wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
SERVICE = """\
name: hello
type: Backend Service
image:
  location: busybox:1.37
cpu: 256
memory: 512
logging:
  destination:
    Name: cloudwatch
    region: us-west-2
    log_group_name: /copilot/sidecar-test-hello
    log_stream_prefix: copilot/
"""
WAITS = """
command: sh -c 'trap "exit 0" TERM; sleep 3600 & wait'
"""
COUNT_UNTIL_STOPPED = """
command: >-
  sh -c 'trap end=1 TERM; i=0;
  while [ -z "$end" ]; do i=$((i+1)); echo line $i; [ $((i % 20)) -ne 0 ] || usleep 40000; done; echo last $i'
"""


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """A workspace of one service with a log router. Each test writes its manifest, whatever runs of it before."""
    return make_shared_project("")


def logs(project: Project, condition: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [str(record.get("log")) for record in project.records() if condition(record)]


def test_down_in_the_middle_of_a_stream_loses_nothing(project: Project) -> None:
    project.write(MANIFEST, SERVICE + COUNT_UNTIL_STOPPED)
    project.up()
    (task,) = project.tasks()
    wait_until(lambda: "line 1000\n" in project.run("logs").ok().out, "a thousand lines")
    project.run("down").ok()
    project.write(MANIFEST, SERVICE + WAITS)
    project.up()
    lines = logs(project, lambda record: task in record["ecs_task_arn"])
    count = len(lines) - 1
    assert count > 1000
    assert lines[-1] == f"last {count}"
    assert lines[:-1] == [f"line {number}" for number in range(1, count + 1)]


def test_with_ecss_own_file_and_driver_mode_the_loss_is_counted_with_its_cause(make_project: MakeProject) -> None:
    count, length = 4_000, 2_000  # 8 MB, and the router's limit is 3 MB for the five seconds until it delivers
    prints = f'x=$(head -c {length} /dev/zero | tr "\\0" x); seq {count} | sed "s/$/ $x/"'
    project = make_project("")
    project.write(MANIFEST, SERVICE)
    project.write("copilot-local.toml", '[logs]\nfidelity = "ecs"\n')
    override = "ContainerDefinitions[1].MemoryReservation\n  value: 6\n"
    project.append(MANIFEST, f"\ntaskdef_overrides:\n- path: {override}")
    project.append(MANIFEST, f"\ncommand: sh -c '{prints}; echo last; exec sleep 3600'\n")
    project.up()

    def compared() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(project.run("logs", "--compare", "--format", "json").ok().out)
        return found

    looks = [compared()]

    def settled() -> bool:
        looks.append(compared())
        before, now = looks[-2:]
        return now["records_out"] > 0 and now["lines_in"] > count and now == before

    wait_until(settled, lambda: str(looks), timeout=200)
    result = looks[-1]
    assert result["lines_in"] == count + 1
    assert result["lost"] == result["lines_in"] - result["records_out"]
    assert result["lost"] > 0
    assert re.match(r"the router's buffer limit \(it paused its input \d+ times\)", result["cause"])


def test_sidecars_keep_a_log_stream_of_their_own_unless_they_are_routed(project: Project) -> None:
    project.write(
        MANIFEST,
        f"""{SERVICE}{WAITS}
sidecars:
  plain:
    image: busybox:1.37
    essential: false
    command: sh -c 'echo from the plain sidecar'
  routed:
    image: busybox:1.37
    command: sh -c 'echo from the routed sidecar; trap "exit 0" TERM; sleep 3600 & wait'
""",
    )
    project.edit(MANIFEST, "logging:\n", "logging:\n  sidecars: [routed]\n")
    project.up()
    (task,) = project.tasks()

    def of_sidecars(record: dict[str, Any]) -> bool:
        return "sidecar" in record["log"] and task in record["ecs_task_arn"]

    wait_until(lambda: bool(logs(project, of_sidecars)), "the sidecar's record")
    (record,) = filter(of_sidecars, project.records())
    assert (record["log"], record["container_name"]) == ("from the routed sidecar", "routed")
    project.append(MANIFEST, "\nvariables:\n  NEW: definition\n")
    project.up()  # replaces the task: its containers are gone, with what Docker kept of them
    assert task not in project.tasks()
    kept = project.run("logs", "--previous", "--container", "plain").ok().out
    assert kept.splitlines() == [f"hello/{task[:8]}/plain | from the plain sidecar"]
