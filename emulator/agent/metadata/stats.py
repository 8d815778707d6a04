"""Docker's statistics in the shape that Fargate gives them. Pure.

Source: the ECS developer guide's sample of `/v4/<id>/task/stats` on Fargate: cgroup version 1 whatever the machine has,
the task's network interface `eth1`, transfer rates of our own making.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNLIMITED = 9223372036854771712
"""The memory limit of a container that has none, in cgroup version 1's words."""
MIB = 1024 * 1024
_INTERFACES = {"eth0": "eth1"}
_BLOCK_IO = (
    "io_service_bytes_recursive",
    "io_serviced_recursive",
    "io_queue_recursive",
    "io_service_time_recursive",
    "io_wait_time_recursive",
    "io_merged_recursive",
    "io_time_recursive",
    "sectors_recursive",
)
_MEMORY_V1 = {
    "active_anon": "active_anon",
    "active_file": "active_file",
    "cache": "file",
    "dirty": "file_dirty",
    "inactive_anon": "inactive_anon",
    "inactive_file": "inactive_file",
    "mapped_file": "file_mapped",
    "pgfault": "pgfault",
    "pgmajfault": "pgmajfault",
    "pgpgin": "pgpgin",
    "pgpgout": "pgpgout",
    "rss": "anon",
    "rss_huge": "anon_thp",
    "unevictable": "unevictable",
    "writeback": "file_writeback",
}
"""Counters of cgroup version 1 and what version 2 calls the same thing; what it does not count is 0."""

Json = dict[str, Any]
Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sample:
    """Two statistics of one container in Docker's shape, one after the other."""

    previous: Raw
    latest: Raw


def container_stats(
    name: str, id: str, own: Sample, network: Sample | None, *, limit_mib: int | None, task_limit_mib: int | None
) -> Json:
    """The statistics of one container. `network` is the sample of the namespace's owner, limits are the task
    definition's."""
    block_io = _mapping(own.latest.get("blkio_stats"))
    document: Json = {
        "read": own.latest.get("read"),
        "preread": own.previous.get("read"),
        "pids_stats": {},
        "blkio_stats": {name: _operations(block_io.get(name)) for name in _BLOCK_IO},
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(_mapping(own.latest.get("cpu_stats"))),
        "precpu_stats": _cpu(_mapping(own.previous.get("cpu_stats"))),
        "memory_stats": _memory(_mapping(own.latest.get("memory_stats")), limit_mib, limit_mib or task_limit_mib),
        "name": name,
        "id": id,
    }
    if network is not None:
        document["networks"] = _networks(network.latest)
        document["network_rate_stats"] = _rates(network)
    return document


def _cpu(stats: Raw) -> Json:
    usage = _mapping(stats.get("cpu_usage"))
    total = _number(usage.get("total_usage"))
    online = _number(stats.get("online_cpus")) or 1
    throttling = _mapping(stats.get("throttling_data"))
    return {
        "cpu_usage": {
            "total_usage": total,
            # cgroup version 2 does not count by processor: equal shares.
            "percpu_usage": _numbers(usage.get("percpu_usage")) or [total // online] * online,
            "usage_in_kernelmode": _number(usage.get("usage_in_kernelmode")),
            "usage_in_usermode": _number(usage.get("usage_in_usermode")),
        },
        "system_cpu_usage": _number(stats.get("system_cpu_usage")),
        "online_cpus": online,
        "throttling_data": {
            name: _number(throttling.get(name)) for name in ("periods", "throttled_periods", "throttled_time")
        },
    }


def _memory(stats: Raw, limit_mib: int | None, effective_mib: int | None) -> Json:
    usage = _number(stats.get("usage"))
    counters = _mapping(stats.get("stats"))
    if "cache" not in counters:
        own = {name: _number(counters.get(theirs)) for name, theirs in _MEMORY_V1.items()}
        counters = {
            **own,
            **{f"total_{name}": value for name, value in own.items()},
            "hierarchical_memory_limit": effective_mib * MIB if effective_mib else UNLIMITED,
            "hierarchical_memsw_limit": UNLIMITED,
        }
    return {
        "usage": usage,
        "max_usage": _number(stats.get("max_usage")) or usage,
        "stats": dict(sorted(counters.items())),
        "limit": limit_mib * MIB if limit_mib else UNLIMITED,
    }


def _operations(found: object) -> list[Json]:
    """Counters of each device and operation. Version 2 of cgroup only tells reads and writes, in lower case."""
    rows = [_mapping(row) for row in found] if isinstance(found, Sequence) else []
    if all(str(row.get("op", ""))[:1].isupper() for row in rows):
        return [dict(row) for row in rows]
    devices: dict[tuple[int, int], dict[str, int]] = {}
    for row in rows:
        device = (_number(row.get("major")), _number(row.get("minor")))
        operation = str(row.get("op", "")).capitalize()
        devices.setdefault(device, {})[operation] = _number(row.get("value"))
    operations = []
    for (major, minor), values in devices.items():
        read, write = values.get("Read", 0), values.get("Write", 0)
        counted = {"Read": read, "Write": write, "Sync": read + write, "Async": 0, "Total": read + write}
        operations += [{"major": major, "minor": minor, "op": op, "value": value} for op, value in counted.items()]
    return operations


def _networks(stats: Raw) -> Json:
    found = _mapping(stats.get("networks"))
    return {_INTERFACES.get(name, name): dict(_mapping(counters)) for name, counters in found.items()}


def _rates(network: Sample) -> Json:
    """Bytes a second between the two samples, over all interfaces."""
    seconds = _seconds(network.previous.get("read"), network.latest.get("read"))
    rates = {}
    for direction in ("rx", "tx"):
        before, after = (_bytes(raw, f"{direction}_bytes") for raw in (network.previous, network.latest))
        rates[f"{direction}_bytes_per_sec"] = (after - before) / seconds if seconds > 0 else 0.0
    return rates


def _bytes(raw: Raw, counter: str) -> int:
    return sum(_number(_mapping(counters).get(counter)) for counters in _mapping(raw.get("networks")).values())


def _seconds(before: object, after: object) -> float:
    try:
        return (datetime.fromisoformat(str(after)) - datetime.fromisoformat(str(before))).total_seconds()
    except ValueError:
        return 0.0


def _mapping(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _numbers(value: object) -> list[int]:
    return [_number(item) for item in value] if isinstance(value, Sequence) else []
