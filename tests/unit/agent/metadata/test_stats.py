"""Statistics: when there are any, and that they have Fargate's shape on every kind of daemon."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.agent.metadata.collector import StatsCollector
from emulator.agent.metadata.stats import UNLIMITED, Sample, container_stats
from emulator.ecs.identity import container_id
from emulator.errors import EngineTimeout
from tests.unit.agent.exhausted import no_thread
from tests.unit.agent.metadata.conftest import TASK, World, service

Until = Callable[[Callable[[], object]], None]

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
NGINX: dict[str, Any] = {"name": "nginx", "image": "nginx:1"}
MIB = 1024 * 1024
CPU: dict[str, Any] = {
    "cpu_usage": {"total_usage": 1000, "usage_in_kernelmode": 300, "usage_in_usermode": 700},
    "system_cpu_usage": 9000,
    "online_cpus": 2,
    "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
}
CGROUP2: dict[str, Any] = {
    "read": "2026-11-22T10:00:10.5Z",
    "preread": "0001-01-01T00:00:00Z",
    "pids_stats": {"current": 2, "limit": 100},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 8, "minor": 0, "op": "read", "value": 10},
            {"major": 8, "minor": 0, "op": "write", "value": 5},
        ],
        "io_serviced_recursive": None,
    },
    "num_procs": 0,
    "storage_stats": {},
    "cpu_stats": CPU,
    "precpu_stats": {"cpu_usage": {"total_usage": 0}},
    "memory_stats": {
        "usage": 5000,
        "stats": {"anon": 3000, "file": 1000, "inactive_file": 700, "pgfault": 4, "file_mapped": 20},
        "limit": 8 * 1024 * MIB,
    },
    "name": "/x",
    "id": "y",
}
NETWORK: dict[str, Any] = {**CGROUP2, "networks": {"eth0": {"rx_bytes": 2100, "tx_bytes": 700, "rx_packets": 9}}}
CGROUP1_COUNTERS = {"cache": 1000, "rss": 3000, "hierarchical_memory_limit": 77, "total_cache": 1000}


def earlier(raw: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same ten seconds before."""
    return {**copy.deepcopy(raw), "read": "2026-11-22T10:00:00.5Z", **changes}


def shaped(raw: dict[str, Any] = CGROUP2, limit: int | None = None, task_limit: int | None = 512) -> dict[str, Any]:
    network = Sample(earlier(NETWORK, networks={"eth0": {"rx_bytes": 100, "tx_bytes": 700}}), NETWORK)
    own = Sample(earlier(raw), raw)
    return container_stats("hello", "id-1", own, network, limit_mib=limit, task_limit_mib=task_limit)


class TestShape:
    def test_the_keys_are_fargates(self) -> None:
        assert list(shaped()) == [
            "read", "preread", "pids_stats", "blkio_stats", "num_procs", "storage_stats", "cpu_stats", "precpu_stats",
            "memory_stats", "name", "id", "networks", "network_rate_stats",
        ]  # fmt: skip

    def test_name_and_id_are_those_of_ecs(self) -> None:
        assert (shaped()["name"], shaped()["id"]) == ("hello", "id-1")

    def test_the_sample_before_is_in_it(self) -> None:
        found = shaped()
        assert (found["preread"], found["read"]) == ("2026-11-22T10:00:00.5Z", "2026-11-22T10:00:10.5Z")
        assert found["precpu_stats"] == found["cpu_stats"]

    def test_the_tasks_interface_is_eth1_and_has_rates(self) -> None:
        found = shaped()
        assert found["networks"] == {"eth1": {"rx_bytes": 2100, "tx_bytes": 700, "rx_packets": 9}}
        assert found["network_rate_stats"] == {"rx_bytes_per_sec": 200.0, "tx_bytes_per_sec": 0.0}

    def test_cgroup_2_is_told_in_words_of_cgroup_1(self) -> None:
        memory = shaped()["memory_stats"]
        assert (memory["usage"], memory["max_usage"], memory["limit"]) == (5000, 5000, UNLIMITED)
        counters = memory["stats"]
        assert (counters["rss"], counters["cache"], counters["mapped_file"]) == (3000, 1000, 20)
        assert counters["total_inactive_file"] == counters["inactive_file"] == 700
        assert counters["hierarchical_memory_limit"] == 512 * MIB
        assert "anon" not in counters

    def test_cgroup_1_is_passed_on(self) -> None:
        raw = {**CGROUP2, "memory_stats": {"usage": 5, "max_usage": 9, "stats": CGROUP1_COUNTERS, "limit": 1}}
        memory = shaped(raw)["memory_stats"]
        assert memory == {"usage": 5, "max_usage": 9, "stats": CGROUP1_COUNTERS, "limit": UNLIMITED}

    def test_a_containers_own_limit_is_its_limit(self) -> None:
        memory = shaped(limit=64)["memory_stats"]
        assert (memory["limit"], memory["stats"]["hierarchical_memory_limit"]) == (64 * MIB, 64 * MIB)

    def test_cpu_by_processor_is_there_where_the_daemon_does_not_count_it(self) -> None:
        assert shaped()["cpu_stats"]["cpu_usage"]["percpu_usage"] == [500, 500]
        counted = {**CPU, "cpu_usage": {**CPU["cpu_usage"], "percpu_usage": [900, 100]}}
        assert shaped({**CGROUP2, "cpu_stats": counted})["cpu_stats"]["cpu_usage"]["percpu_usage"] == [900, 100]

    def test_disk_operations_have_the_names_and_sums_of_cgroup_1(self) -> None:
        found = shaped()["blkio_stats"]
        assert {row["op"]: row["value"] for row in found["io_service_bytes_recursive"]} == {
            "Read": 10,
            "Write": 5,
            "Sync": 15,
            "Async": 0,
            "Total": 15,
        }
        assert found["io_serviced_recursive"] == found["sectors_recursive"] == []

    def test_disk_operations_of_cgroup_1_are_passed_on(self) -> None:
        rows = [{"major": 1, "minor": 2, "op": "Read", "value": 3}]
        assert (
            shaped({**CGROUP2, "blkio_stats": {"io_serviced_recursive": rows}})["blkio_stats"]["io_serviced_recursive"]
            == rows
        )


class TestEndpoint:
    def test_the_first_request_has_them_already(self, world: World) -> None:
        world.start(service(HELLO, NGINX))
        for name in ("pause", "hello", "nginx"):
            world.engine.statistics[world.docker_name(name)] = dict(NETWORK if name == "pause" else CGROUP2)
        id = container_id(TASK, "hello")
        arn = world.get("/v4/{hello}/task")["TaskARN"]
        own = world.get("/v4/{hello}/stats")
        assert (own["name"], own["id"]) == ("hello", id)
        assert set(own["networks"]) == {"eth1"}
        both = world.get("/v4/{hello}/task/stats")
        assert set(both) == {id, container_id(TASK, "nginx")}
        assert both[id]["cpu_stats"] == own["cpu_stats"]
        assert world.get("/v3/{hello}/stats")["id"] == id
        assert world.get("/v2/stats", address="172.30.0.3").keys() == both.keys()
        assert arn.endswith(TASK)

    def test_a_task_without_any_is_named(self, world: World) -> None:
        world.start(service(HELLO))
        world.engine.fail("stats", EngineTimeout("stuck"), times=None)
        arn = world.get("/v4/{hello}/task")["TaskARN"]
        assert world.ask("/v4/{hello}/task/stats") == (500, f"Unable to get task stats for: {arn}")

    def test_a_container_that_ended_has_none(self, world: World, until: Until) -> None:
        world.start(service(HELLO, {**NGINX, "essential": False}))
        world.engine.finish(world.docker_name("nginx"), 0)
        until(lambda: world.ask("/v4/{hello}/stats")[0] == 200)
        assert world.get("/v4/{hello}/task/stats")[container_id(TASK, "nginx")] is None
        assert world.ask("/v4/{nginx}/stats")[0] == 500

    def test_nothing_is_collected_before_it_is_asked_for(self, world: World) -> None:
        world.start(service(HELLO))
        world.get("/v4/{hello}/task")
        assert world.stats.watched() == set()
        assert "stats" not in {verb for verb, _ in world.engine.calls}


class TestCollector:
    def test_it_stops_some_time_after_the_last_request(self, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr("emulator.agent.metadata.collector.time", SimpleNamespace(monotonic=lambda: now[0]))
        reads: list[str] = []

        def read(name: str) -> dict[str, object]:
            reads.append(name)
            return {}

        collector = StatsCollector(lambda _: ["a"], read, first=0.005, interval=0.005, linger=60)
        collector.samples("task")
        until(lambda: len(reads) > 2)
        assert collector.watched() == {"task"}
        now[0] += 60
        until(lambda: collector.watched() == set())

    def test_it_stops_when_the_task_is_gone(self, until: Until) -> None:
        alive = ["a"]
        collector = StatsCollector(lambda _: list(alive), lambda _: {}, first=0.005, interval=0.005, linger=1000)
        until(lambda: collector.samples("task"))
        alive.clear()
        until(lambda: collector.watched() == set())

    def test_a_container_that_hangs_does_not_hide_the_others(self, until: Until) -> None:
        def read(name: str) -> dict[str, object]:
            if name == "stuck":
                raise EngineTimeout("stuck")
            return {"name": name}

        collector = StatsCollector(lambda _: ["stuck", "fine"], read, first=0.005, interval=0.005)
        until(lambda: collector.samples("task").keys() == {"fine"})
        collector.close()

    def test_after_an_error_the_next_request_begins_anew(self, until: Until, caplog: pytest.LogCaptureFixture) -> None:
        troubles = [RuntimeError("can't start new thread")]

        def containers(_: str) -> list[str]:
            if troubles:
                raise troubles.pop()
            return ["a"]

        collector = StatsCollector(containers, lambda _: {}, first=0.005, interval=0.005)
        until(lambda: collector.samples("task"))
        assert "can't start new thread" in caplog.text
        collector.close()

    def test_without_a_thread_the_next_request_begins_anew(self, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
        collector = StatsCollector(lambda _: ["a"], lambda _: {}, first=0.005, interval=0.005)
        with no_thread(monkeypatch, "stats"):
            assert collector.samples("task") == {}
        until(lambda: collector.samples("task"))
        collector.close()

    def test_each_task_is_read_by_one_thread(self, until: Until) -> None:
        threads: set[int] = set()

        def containers(_: str) -> list[str]:
            threads.add(threading.get_ident())
            return ["a"]

        collector = StatsCollector(containers, lambda _: {}, first=0.005, interval=0.005)
        until(lambda: collector.samples("task"))
        assert len(threads) == 1
        collector.close()


@pytest.mark.parametrize("raw", [{}, {"blkio_stats": None, "memory_stats": "?", "cpu_stats": []}])
def test_a_daemon_that_leaves_things_out_gives_zeros(raw: dict[str, Any]) -> None:
    found = container_stats("a", "b", Sample(raw, raw), None, limit_mib=None, task_limit_mib=None)
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert found["memory_stats"]["stats"]["rss"] == 0
    assert "networks" not in found
