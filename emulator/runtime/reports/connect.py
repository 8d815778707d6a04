"""What Service Connect's proxies do: names, the tasks behind each, and what each client had from them.

Asked of the proxies that run, each for itself: which tasks it avoids, how many calls it made and repeated. Sources:
Envoy's admin interface (`/clusters`, `/stats`) and its log of ejections; the files that the agent writes for proxies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.engine.interface import ContainerState, Engine
from emulator.engine.sockets import parse_listeners
from emulator.errors import EngineError
from emulator.runtime.health.own_address import own_address
from emulator.runtime.health.ports import Listening
from emulator.runtime.specs.connect.names import is_client, is_ready, runs, serves
from emulator.runtime.state.names import CONNECT, CONNECT_PORT, Names
from emulator.runtime.state.observed import Observed, Task
from emulator.service_connect.envoy import (
    BASE_EJECTION,
    CLUSTERS_FILE,
    EJECTIONS_LOG,
    FOLDER,
    LISTENERS_FILE,
    LONGEST_EJECTION,
    NOWHERE,
)

Json = dict[str, Any]
_PARTS = f"""
part() {{ printf '\\036'; "$@" 2> /dev/null; }}
part proxy-admin GET '/clusters?format=json'
part proxy-admin GET '/stats?format=json&filter=upstream_(rq_(retry|time|completed|5xx)|cx_(total|connect_fail))$'
part cat {EJECTIONS_LOG}
part cat {FOLDER}/{LISTENERS_FILE}
part cat {FOLDER}/{CLUSTERS_FILE}
part cat /proc/net/tcp
"""
_COUNT = 6
"""How many parts an answer has."""
_CONFIGURATION = "tr '\\0' '\\036' < /proc/1/cmdline"
_TIMEOUT = 15.0
_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Server:
    """A task behind a name. `state`: `healthy`; `running`, where no task is healthy yet; `draining`, where
    it goes and gets nothing new; `not ready`. `own_address`: where its program listens, if the proxy does not reach it
    there; empty else."""

    service: str
    task_id: str
    address: str
    state: str
    own_address: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of Service Connect. `address` is the virtual one, empty where no proxy runs; `protocol` too."""

    name: str
    port: int
    address: str
    protocol: str
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Avoided:
    """A task that a client's proxy sends nothing to, since calls to it failed. `until` is the earliest end, in UTC;
    None where the proxy does not say."""

    task_id: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Calls:
    """What a client's task had from a name that it called. `calls` and `failed` (5xx) are requests, for TCP
    connections; one that was repeated counts once, also where it failed in between. `by_task`: the calls that server
    tasks have got, of those that are there. `p50_ms` is the median of the answers' times; None for TCP."""

    service: str
    task_id: str
    name: str
    calls: int
    failed: int
    retries: int
    p50_ms: float | None
    by_task: Mapping[str, int]
    avoided: tuple[Avoided, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """Service Connect of an environment. `proxied`: proxies run. `silent`: client tasks whose proxy did not answer,
    with the reason."""

    names: tuple[Name, ...]
    calls: tuple[Calls, ...]
    proxied: bool
    silent: Mapping[str, str]


def connected(engine: Engine, environment: Names, observed: Observed) -> Connected:
    """Service Connect as it is: asks every proxy once."""
    names = _names(observed, environment.network)
    clients = [task for task in observed.tasks.values() if task.proxy is not None and is_client(task)]
    asked: list[Task] = [task for task in clients if task.proxy and task.proxy.state is ContainerState.RUNNING]
    silent: dict[str, str] = {}

    def ask(task: Task) -> tuple[Task, list[str]]:
        assert task.proxy is not None
        try:
            done = engine.exec(task.proxy.name, ("sh", "-c", _PARTS), timeout=_TIMEOUT)
        except EngineError as error:
            silent[task.id] = error.message
            return task, []
        parts = done.stdout.decode(errors="replace").split("\x1e")[1:]
        if len(parts) != _COUNT or not parts[0].strip():
            silent[task.id] = done.stderr.decode(errors="replace").strip() or "its proxy does not answer"
            return task, []
        return task, parts

    with ThreadPoolExecutor(_PARALLEL) as pool:
        answers = [answer for answer in pool.map(ask, asked) if answer[1]]
    by_address = {server.address: server.task_id for name in names for server in name.servers}
    calls: list[Calls] = []
    for task, parts in answers:
        calls += calls_of(task.service, task.id, parts, by_address)
    if answers:
        tables = {task.id: parts[5] for task, parts in answers}
        names = [with_own_addresses(with_listener(name, *answers[0][1][3:5]), tables) for name in names]
    calls.sort(key=lambda one: (one.service, one.task_id, one.name))
    return Connected(tuple(names), tuple(calls), bool(clients), silent)


def proxy_configuration(engine: Engine, task: Task) -> Json:
    """What the proxy of a task runs on: its own part as `bootstrap`, and the files that all proxies read. Raises
    `EngineError`."""
    assert task.proxy is not None
    command = f'{_CONFIGURATION}; for file in {FOLDER}/*.json; do printf "\\036%s\\036" "$file"; cat "$file"; done'
    done = engine.exec(task.proxy.name, ("sh", "-c", command), timeout=_TIMEOUT)
    words = done.stdout.decode(errors="replace").split("\x1e")
    at = next((number for number, word in enumerate(words) if word.startswith("{")), None)
    if done.exit_code or at is None:
        raise EngineError(f"the proxy of {task.service} {task.short_id} does not say what it runs on")
    rest = [word for word in words[at + 1 :] if word[:1] in ("/", "{")]  # its ports come between
    files = {path.rpartition("/")[2]: json.loads(text) for path, text in zip(rest[::2], rest[1::2], strict=False)}
    return {"bootstrap": json.loads(words[at]), "files": files}


def calls_of(service: str, task_id: str, parts: Sequence[str], by_address: Mapping[str, str]) -> list[Calls]:
    """What a proxy says of the names that were called, from the parts of its answer. `by_address`: server tasks."""
    counted, ends = _statistics(parts[1]), _ejections(parts[2])
    found = []
    for cluster in json.loads(parts[0]).get("cluster_statuses", []):
        name, hosts = cluster["name"], [_Host.of(one) for one in cluster.get("host_statuses", [])]
        if not cluster.get("added_via_api") or name == NOWHERE:
            continue
        by_task = {by_address.get(host.address, host.address): host.calls for host in hosts}
        avoided = tuple(
            Avoided(by_address.get(host.address, host.address), ends.get((name, host.address)))
            for host in hosts
            if host.avoided
        )
        counts = counted.get(name, _Counts())
        if not counts.requests and not counts.connections and not avoided:
            continue
        calls, failed = counts.connections, counts.refused
        if counts.requests:
            calls, failed = counts.requests, counts.errors
        median = counts.median if counts.requests else None
        found.append(Calls(service, task_id, name, calls, failed, counts.retries, median, by_task, avoided))
    return found


@dataclass(frozen=True, slots=True)
class _Host:
    """A task as a proxy sees it."""

    address: str
    calls: int
    avoided: bool

    @classmethod
    def of(cls, host: Json) -> _Host:
        place = host.get("address", {}).get("socket_address", {})
        counts = {one["name"]: int(one.get("value", 0)) for one in host.get("stats", [])}
        avoided = bool(host.get("health_status", {}).get("failed_outlier_check"))
        calls = counts.get("rq_total", 0) or counts.get("cx_total", 0)
        return cls(f"{place.get('address', '')}:{place.get('port_value', '')}", calls, avoided)


def with_listener(name: Name, listeners: str, clusters: str) -> Name:
    """The name with its virtual address and protocol, from the files that proxies read."""
    for listener in _resources(listeners):
        for chain in listener.get("filter_chains", []):
            if chain.get("name") == name.name:
                match = chain["filter_chain_match"]
                kind = chain["filters"][0]["name"]
                protocol = "tcp" if kind.endswith("tcp_proxy") else _http_version(name.name, clusters)
                address = match["prefix_ranges"][0]["address_prefix"]
                return replace(name, address=address, port=match["destination_port"], protocol=protocol)
    return name


def with_own_addresses(name: Name, tables: Mapping[str, str]) -> Name:
    """The name, with where programs behind it listen that proxies do not reach. `tables`: by task, the kernel's table
    of what listens there."""
    servers = []
    for server in name.servers:
        port = int(server.address.rpartition(":")[2] or 0)
        listening = [Listening(one.port, one.host) for one in parse_listeners(tables.get(server.task_id, ""))]
        wrong = own_address(listening, port)
        servers.append(replace(server, own_address=f"{wrong.host}:{wrong.port}" if wrong is not None else ""))
    return replace(name, servers=tuple(servers))


def _http_version(name: str, clusters: str) -> str:
    cluster = next((one for one in _resources(clusters) if one.get("name") == name), {})
    return "http2" if "http2_protocol_options" in json.dumps(cluster) else "http"


def _resources(text: str) -> list[Json]:
    found: list[Json] = json.loads(text).get("resources", []) if text.strip() else []
    return found


def _names(observed: Observed, network: str) -> list[Name]:
    """The names that tasks serve, from labels: with the tasks that run of each."""
    servers: dict[tuple[str, int], list[tuple[bool, bool, Server]]] = {}
    for task in sorted(observed.tasks.values(), key=lambda task: (task.service, task.id)):
        if not runs(task.pause) or not serves(task):
            continue
        port = task.pause.labels.get(CONNECT_PORT, "")
        key = (task.pause.labels[CONNECT].lower(), int(port) if port.isdecimal() else 0)
        address = f"{task.pause.addresses.get(network, '')}:{port}"
        going = task.fault(()) is not None
        servers.setdefault(key, []).append((is_ready(task), going, Server(task.service, task.id, address, "")))
    found = []
    for (name, number), tasks in sorted(servers.items()):
        some = any(ready for ready, _, _ in tasks)
        named = [
            replace(one, state="healthy" if ready else "draining" if going else "not ready" if some else "running")
            for ready, going, one in tasks
        ]
        found.append(Name(name, number, "", "", tuple(named)))
    return found


@dataclass(frozen=True, slots=True)
class _Counts:
    """A proxy's own counts of what one name was called for: as its task saw it, whatever was repeated."""

    requests: int = 0
    """Answered over HTTP."""
    errors: int = 0
    retries: int = 0
    connections: int = 0
    refused: int = 0
    median: float | None = None


_COUNTS = {
    "upstream_rq_completed": "requests",
    "upstream_rq_5xx": "errors",
    "upstream_rq_retry": "retries",
    "upstream_cx_total": "connections",
    "upstream_cx_connect_fail": "refused",
}


def _statistics(text: str) -> dict[str, _Counts]:
    """By name, what a proxy has counted."""
    found: dict[str, dict[str, Any]] = {}
    for one in json.loads(text).get("stats", []) if text.strip() else []:
        histograms = one.get("histograms")
        if histograms is None:
            cluster, _, what = one.get("name", "").removeprefix("cluster.").rpartition(".")
            if what in _COUNTS:
                found.setdefault(cluster, {})[_COUNTS[what]] = int(one.get("value", 0))
            continue
        quantiles = histograms.get("supported_quantiles", [])
        at = quantiles.index(50) if 50 in quantiles else -1
        for computed in histograms.get("computed_quantiles", []) if at >= 0 else []:
            cluster, _, what = computed["name"].removeprefix("cluster.").rpartition(".")
            value = computed["values"][at].get("cumulative")
            if what == "upstream_rq_time" and value is not None:
                found.setdefault(cluster, {})["median"] = float(value)
    return {cluster: _Counts(**counts) for cluster, counts in found.items()}


def _ejections(text: str) -> dict[tuple[str, str], datetime]:
    """By name and address, when the last ejection ends at the earliest: Envoy looks every ten seconds."""
    ends: dict[tuple[str, str], datetime] = {}
    for line in text.splitlines():
        try:
            event = json.loads(line)
            key = (event["cluster_name"], event["upstream_url"])
            began = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).astimezone(UTC)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # the last line is being written
        if event.get("action", "EJECT") == "EJECT":
            times = int(event.get("num_ejections", 1))
            ends[key] = began + timedelta(seconds=min(BASE_EJECTION * times, LONGEST_EJECTION))
    return ends
