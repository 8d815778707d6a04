"""`logs` and its views on two tasks whose router has two destinations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docker.project import wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/fanout/manifest.yml"
LONG = 40_000


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """The fanout service of the example, two tasks, which also print a line of more than 16 KB."""
    made = make_project("log-pipelines")
    made.edit(MANIFEST, "count: 1", "count: 2")
    long = f"head -c {LONG} /dev/zero | tr '\\\\0' x; echo"
    made.edit(MANIFEST, "command: /app/fanout", f"command: ['sh', '-c', \"{long}; exec /app/fanout\"]")
    return made


def lines(project: Project, *options: str) -> list[str]:
    return project.run("logs", *options).ok().out.splitlines()


def test_two_tasks_and_two_destinations(project: Project) -> None:
    project.up("fanout")
    wait_until(lambda: len(lines(project, "--routed")) == 14, lambda: "\n".join(lines(project, "--routed")))

    routed = lines(project, "--routed")
    assert sum(line.startswith("output-1 (http) | {") for line in routed) == 2
    records = [json.loads(line.removeprefix("fanout (cloudwatch) | ")) for line in routed if line.startswith("fanout")]
    assert sorted(len(r["log"]) for r in records if r.get("partial_message")) == [*[7232] * 2, *[16384] * 4]
    joined = [json.loads(line)["record"]["log"] for line in lines(project, "--routed", "--join", "--format", "json")]
    assert joined.count("x" * LONG) == 2
    last = [json.loads(line) for line in lines(project, "--routed", "-n", "1", "--format", "json")]
    assert sorted(record["destination"] for record in last) == ["fanout", "fanout", "output-1", "output-1"]

    plain = lines(project, "--grep", "order 16")
    assert [re.fullmatch(r"fanout/[0-9a-f]{8}/fanout +\| INFO order 16", line) is not None for line in plain] == [
        True
    ] * 2
    assert len(set(plain)) == 2
    assert not any("Fluent Bit" in line or "[ info]" in line for line in lines(project))
    assert any("[ info] [engine] started" in line for line in lines(project, "--router"))
    assert [line.rpartition(" | ")[2] for line in lines(project, "-n", "1", "-c", "fanout")] == ["INFO order 18"] * 2

    expected = [
        *["fanout/fanout to fanout (cloudwatch): 4 lines in, 4 records out"] * 2,
        *["fanout/fanout to output-1 (http): 4 lines in, 1 records out; 3 went to another destination"] * 2,
    ]

    def compared() -> list[str]:
        return sorted(re.sub(r" [0-9a-f]{8} ", " ", line) for line in lines(project, "--compare"))

    # The other destination is further away: the router tries again where that is busy.
    wait_until(lambda: compared() == expected, lambda: "\n".join(compared()), timeout=150)

    for arguments, said in (
        (("nosuch",), "no service nosuch in"),
        (("fanuot",), "did you mean fanout?"),
        (("-c", "nosuch"), "no container nosuch in any task that runs"),
        (("-n", "some"), "no service some in"),
        (("--tail", "some"), "a number of lines or all"),
        (("log_router",), "no service log_router in"),
    ):
        result = project.run("logs", *arguments)
        assert (result.code, said in result.err, result.out) == (2, True, ""), result
    idle = project.run("logs", "quiet").ok()
    assert (idle.out, "quiet does not run in" in idle.err) == ("", True)


def test_a_fixed_stream_in_the_local_aws_is_compared_by_the_records_containers(project: Project) -> None:
    project.edit(MANIFEST, "log_stream_prefix: copilot/", 'log_stream_name: fixed\n    auto_create_group: "true"')
    wrong = project.run("up", "-d", "--logs", "htpp=live", "fanout")
    assert (wrong.code, "no log destination is called htpp" in wrong.err, "did you mean http?" in wrong.err) == (
        2,
        True,
        True,
    )
    project.up("fanout", "--logs", "local-aws")

    def copies() -> int:
        """The filter that makes them sends them a flush after the rest."""
        return sum(line.startswith("output-1 (http) | {") for line in lines(project, "--routed"))

    wait_until(lambda: copies() == 2, "the copies at the second destination")
    expected = [
        *["fanout/fanout to fanout (cloudwatch): 4 lines in, 4 records out"] * 2,
        *["fanout/fanout to output-1 (http): 4 lines in, 1 records out; 3 went to another destination"] * 2,
    ]

    def compared() -> list[str]:
        return sorted(re.sub(r" [0-9a-f]{8} ", " ", line) for line in lines(project, "--compare"))

    # The other destination is further away: the router tries again where that is busy.
    wait_until(lambda: compared() == expected, lambda: "\n".join(compared()), timeout=150)


def test_nothing_of_a_busy_container_is_missing_that_is_under_way(project: Project) -> None:
    busy = "i=0; while :; do seq $i $((i+50)); i=$((i+51)); sleep 0.1; done"
    project.edit(MANIFEST, "exec /app/fanout", busy)
    project.edit(MANIFEST, "count: 2", "count: 1")
    project.up("fanout")
    wait_until(lambda: len(lines(project, "-c", "fanout")) > 60, "some lines")
    for _ in range(2):
        [found] = [json.loads(line) for line in lines(project, "--compare", "--format", "json")]
        assert (found["lost"], found["added"], found["changed"]) == (0, 0, 0)
        assert found["lines_in"] > 50
        assert found["records_out"] + found["under_way"] == found["lines_in"]
