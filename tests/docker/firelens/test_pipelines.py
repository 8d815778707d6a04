"""examples/log-pipelines: the records that come out of five real configurations."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.project import wait_until
from tests.docker.rendered import up_made_what_is_rendered

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

EXPECTED = {"java": 3, "json": 2, "lua": 2, "fanout": 4, "quiet": 2}
"""Service to how many records come out."""
TRACE = """\
Exception in thread "main" java.lang.IllegalStateException: no order 17
\tat com.example.Orders.find(Orders.java:42)
\tat com.example.Main.main(Main.java:7)
Caused by: java.sql.SQLException: connection refused
\tat com.example.Database.open(Database.java:11)
\t... 2 more"""


@pytest.fixture(scope="module")
def pipelines(make_shared_project: MakeProject) -> Project:
    """The example, up, and every record there."""
    project = make_shared_project("log-pipelines")
    project.up()
    wait_until(lambda: len(project.records()) >= sum(EXPECTED.values()), lambda: str(project.records()))
    return project


def of_streams(project: Project) -> dict[str, list[dict[str, Any]]]:
    """The records by service and stream."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in project.run("logs", "--routed", "--format", "json").ok().out.splitlines():
        content = json.loads(line)
        found[f"{content['service']}/{content['stream']}"].append(content["record"])
    return found


def logs(records: list[dict[str, Any]]) -> list[str]:
    return [record["log"] for record in records]


def test_the_records_that_come_out(pipelines: Project) -> None:
    records = of_streams(pipelines)
    assert logs(records["java/java"]) == ["INFO starting", TRACE, "INFO going on"]

    parsed, plain = records["json/json"]
    assert {key: parsed.get(key) for key in ("level", "message", "ms", "tags", "log")} == {
        "level": "warn",
        "message": "slow",
        "ms": 1200,
        "tags": ["db"],
        "log": None,
    }
    assert plain["log"] == "not JSON"

    enriched = [(record["log"], record["level"], record["length"], record["team"]) for record in records["lua/lua"]]
    assert enriched == [("ERROR no order 17", "error", 17, "payments"), ("nothing special", "info", 15, "payments")]

    assert logs(records["fanout/fanout"]) == ["INFO order 16", "ERROR no order 17", "INFO order 18"]
    assert logs(records["fanout/output-1"]) == ["ERROR no order 17"]

    assert logs(records["quiet/quiet"]) == ["GET /orders 200", "POST /orders 201"]

    for record in (one for some in records.values() for one in some):
        assert record["container_name"] in EXPECTED
        assert record["ecs_cluster"] == f"{pipelines.app}-test"
    compared = pipelines.run("logs", "--compare").ok().out
    assert "4 lines in, 2 records out; 2 dropped: matched by exclude-pattern" in compared
    assert "8 lines in, 3 records out; 1 changed by filters; 5 missing: filters of your configuration" in compared
    counters = pipelines.run("firelens", "metrics", "json").ok().out
    assert "input forward.0: records 2" in counters


def test_up_makes_what_is_rendered(pipelines: Project) -> None:
    up_made_what_is_rendered(pipelines)


@pytest.mark.parametrize("service", ["json", "fanout", "quiet"])
def test_a_router_takes_each_configuration_as_it_would_be_deployed(pipelines: Project, service: str) -> None:
    """The others send to what fanout sends to; their filters are the same as where they run."""
    assert "takes the configuration" in pipelines.run("firelens", "check", service).ok().out
