"""`logs` and its views on two tasks whose router has two destinations, and on a container that prints all the time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.fanout import LONG, add_fanout, lines, wait_until_compared
from tests.docker.firelens.test_whole_tasks import SERVICE
from tests.docker.project import wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

PRINTS = """
command: sh -c 'trap exit TERM; i=0; while :; do seq $i $((i+9)); i=$((i+10)); sleep 0.1; done'
"""


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """Both run, a third service does not."""
    project = make_shared_project("")
    add_fanout(project)
    for name in ("busy", "quiet"):
        project.write(f"copilot/{name}/manifest.yml", SERVICE.replace("name: hello", f"name: {name}") + PRINTS)
    project.up("fanout", "busy")
    return project


def test_two_tasks_and_two_destinations(project: Project) -> None:
    def routed_lines() -> list[str]:
        return lines(project, "--routed", "fanout")

    wait_until(lambda: len(routed_lines()) == 14, lambda: "\n".join(routed_lines()))

    routed = routed_lines()
    assert sum(line.startswith("output-1 (http) | {") for line in routed) == 2
    records = [json.loads(line.removeprefix("fanout (cloudwatch) | ")) for line in routed if line.startswith("fanout")]
    assert sorted(len(r["log"]) for r in records if r.get("partial_message")) == [*[7232] * 2, *[16384] * 4]
    as_json = ("--format", "json", "fanout")
    joined = [json.loads(line)["record"]["log"] for line in lines(project, "--routed", "--join", *as_json)]
    assert joined.count("x" * LONG) == 2
    last = [json.loads(line) for line in lines(project, "--routed", "-n", "1", *as_json)]
    assert sorted(record["destination"] for record in last) == ["fanout", "fanout", "output-1", "output-1"]

    plain = lines(project, "--grep", "order 16")
    assert [re.fullmatch(r"fanout/[0-9a-f]{8}/fanout +\| INFO order 16", line) is not None for line in plain] == [
        True
    ] * 2
    assert len(set(plain)) == 2
    assert not any("Fluent Bit" in line or "[ info]" in line for line in lines(project))
    assert any("[ info] [engine] started" in line for line in lines(project, "--router"))
    assert [line.rpartition(" | ")[2] for line in lines(project, "-n", "1", "-c", "fanout")] == ["INFO order 18"] * 2

    wait_until_compared(project)

    for arguments, said in (
        (("fanuot",), "did you mean fanout?"),
        (("-c", "nosuch"), "no container nosuch in any task that runs"),
        (("-n", "some"), "no service some in"),
    ):
        result = project.run("logs", *arguments)
        assert (result.code, said in result.err, result.out) == (2, True, ""), result
    idle = project.run("logs", "quiet").ok()
    assert (idle.out, "quiet does not run in" in idle.err) == ("", True)


def test_nothing_of_a_busy_container_is_missing_that_is_under_way(project: Project) -> None:
    wait_until(lambda: len(lines(project, "-c", "busy")) > 60, "some lines")
    for _ in range(2):
        [found] = [json.loads(line) for line in lines(project, "--compare", "--format", "json", "busy")]
        assert (found["lost"], found["added"], found["changed"]) == (0, 0, 0)
        assert found["lines_in"] > 50
        assert found["records_out"] + found["under_way"] == found["lines_in"]
