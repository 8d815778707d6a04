"""Traces, Service Connect, samples, and what was printed beside what was routed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from emulator.console.samples import Sampler, memory_of
from emulator.console.serve import serving
from emulator.ecs.job import JobSchedule
from emulator.logstore.records import Record, format_record
from emulator.runtime.state.observed import observe
from tests.unit.agent.rig import Rig
from tests.unit.console.conftest import Page, begin
from tests.unit.console.test_console import events
from tests.unit.runtime.world import DEMO, ROUTED, ROUTER, connected, make_service

EXCLUDING: dict[str, Any] = {
    "logConfiguration": {
        "logDriver": "awsfirelens",
        "options": {"Name": "cloudwatch", "exclude-pattern": "heartbeat"},
    }
}
TRACE = "6b0bad11a8d784a85017b9a9437b8d38"


def task_of(rig: Rig) -> str:
    [task] = observe(rig.engine, DEMO).tasks
    return task


def routed(rig: Rig, text: str, **fields: str) -> None:
    """A line, and the record of it that its destination gets, with these fields added."""
    rig.engine.print_line(rig.container("hello"), text)
    printed = list(rig.engine.logs(rig.container("hello")))[-1]
    assert printed.timestamp is not None
    task, nanoseconds = task_of(rig), int(printed.timestamp.timestamp() * 1000) * 10**6
    record = {"log": text, "container_name": "hello", **fields}
    container = next(one for one in observe(rig.engine, DEMO).containers if one.name == rig.container("hello"))
    record["container_id"] = container.id
    with (rig.logs / f"hello.{task}.hello").open("a", encoding="utf-8") as file:
        file.write(format_record(Record(f"hello-firelens-{task}", nanoseconds, record)))


def test_what_was_printed_stands_beside_what_was_routed(rig: Rig) -> None:
    begin(rig, make_service({"hello": EXCLUDING, "firelens_log_router": ROUTER}, target=("hello", 3000)))
    rig.run()
    routed(rig, "an order", team="shop")
    rig.engine.print_line(rig.container("hello"), "heartbeat 1")
    with serving(rig.engine, DEMO) as address:
        found = Page(address).post("/api/compared", {}).json()
    kept, dropped = [row for row in found["rows"] if row["container"] == "hello"]
    assert (kept["text"], kept["state"], json.loads(kept["record"])["team"]) == ("an order", "routed", "shop")
    assert (dropped["text"], dropped["state"], dropped["why"]) == (
        "heartbeat 1",
        "dropped",
        "matched by exclude-pattern",
    )
    assert found["totals"] == {"routed": 1, "dropped": 1}


def test_a_comparison_is_of_the_services_that_are_named(rig: Rig) -> None:
    begin(rig, make_service({"hello": ROUTED, "firelens_log_router": ROUTER}, target=("hello", 3000)))
    rig.run()
    routed(rig, "an order")
    with serving(rig.engine, DEMO) as address:
        page = Page(address)
        assert page.post("/api/compared", {"services": ["hello"]}).json()["rows"]
        assert page.post("/api/compared", {"services": ["other"]}).json()["rows"] == []
        assert page.post("/api/compared", {"services": "hello"}).status == 400


def test_without_a_log_router_there_is_nothing_to_compare(page: Page) -> None:
    assert page.post("/api/compared", {}).json() == {"rows": [], "totals": {}}


def test_traces_their_map_and_one_with_its_lines(page: Page, rig: Rig) -> None:
    assert page.get("/api/traces").json()["traces"] == []
    rig.receive_a_trace()
    listed = page.get("/api/traces").json()
    assert [one["id"] for one in listed["traces"]] == [TRACE]
    found = page.get(f"/api/traces/{TRACE[:8]}").json()
    assert ([one["service"] for one in found["spans"]], found["lines"]) == (["hello"], [])
    assert page.get("/api/traces/ffff").status >= 400


def test_service_connect_is_what_connect_prints(rig: Rig) -> None:
    begin(rig, connected("hello", serves="orders"))
    rig.run()
    with serving(rig.engine, DEMO) as address:
        found = Page(address).get("/api/connect").json()
    [name] = found["names"]
    assert (name["name"], name["port"], [one["service"] for one in name["servers"]]) == ("orders", 8080, ["hello"])
    assert not found["proxied"]


@pytest.mark.parametrize("path", ["connect", "deployments", "traces"])
def test_where_nothing_runs_there_is_nothing_to_see(rig: Rig, path: str) -> None:
    with serving(rig.engine, DEMO) as address:
        answer = Page(address).get(f"/api/{path}")
    assert answer.status >= 400
    assert answer.json()["error"]["message"]


def test_deployments_are_what_describe_services_says(page: Page, rig: Rig) -> None:
    rig.run()
    assert events(page, "restart", {"services": ["hello"]})[-1] == {"ok": True}
    [service] = page.get("/api/deployments").json()["services"]
    assert service["serviceName"] == "hello"
    [current] = service["deployments"]
    assert (current["status"], current["taskDefinition"].rpartition(":")[2]) == ("PRIMARY", "1")


def statistics(seconds: int, cpu_seconds: float, mebibytes: int) -> dict[str, Any]:
    return {
        "read": f"2026-11-29T10:00:{seconds:02}Z",
        "cpu_stats": {"cpu_usage": {"total_usage": int(cpu_seconds * 1e9)}},
        "memory_stats": {"usage": (mebibytes + 5) << 20, "stats": {"inactive_file": 5 << 20}},
    }


def test_samples_are_shares_of_a_core_and_memory_without_cache(rig: Rig) -> None:
    begin(rig, make_service(target=("hello", 3000)))
    sampler, container = Sampler(rig.engine, DEMO), rig.container("hello")
    rig.engine.statistics[container] = statistics(0, 1.0, 40)
    assert sampler.sample() is None
    rig.engine.statistics[container] = statistics(2, 1.5, 42)
    sample = sampler.sample()
    assert sample is not None
    assert sample["c"] == {f"hello/{task_of(rig)}/hello": (25.0, 42.0)}


def test_memory_of_either_version_of_cgroup() -> None:
    assert memory_of({"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}}}) == 70
    assert memory_of({"memory_stats": {"usage": 10, "stats": {"inactive_file": 30}}}) == 0
    assert memory_of({}) == 0


def test_samples_come_while_they_are_read(rig: Rig) -> None:
    begin(rig, make_service(target=("hello", 3000)))
    with serving(rig.engine, DEMO) as address:
        [first, *_] = Page(address).first("metrics")
    assert list(first["c"]) == [f"hello/{task_of(rig)}/hello"]


def test_a_job_is_run_at_once(rig: Rig) -> None:
    job = make_service(name="cleanup", type="Scheduled Job", count=0)
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    begin(rig, job.model_copy(update={"schedule": JobSchedule(expression="rate(1 day)")}))
    rig.run()
    with serving(rig.engine, DEMO) as address:
        page = Page(address)
        answer = page.post("/api/run-job", {"job": "cleanup"})
        told = [json.loads(line) for line in answer.body.splitlines()]
        other = page.post("/api/run-job", {"job": "nothing"}).body.splitlines()
        none = page.post("/api/run-job", {})
    assert told[-1] == {"ok": True}
    assert "cleanup" in json.dumps(told[0])
    assert "error" in json.loads(other[-1])
    assert none.status == 400
