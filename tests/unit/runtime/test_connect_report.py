"""`connect`: what proxies of Service Connect say of themselves, and the screen made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from emulator.cli.observe.connect import lines, nothing, of_service
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, ExecResult
from emulator.runtime.reports.connect import Calls, Connected, connected, proxy_configuration
from emulator.service_connect.envoy import files
from emulator.service_connect.model import Endpoint
from tests.unit.runtime.test_connect_proxy import ProxyWorld
from tests.unit.runtime.world import DEMO, World
from tests.unit.runtime.world import connected as connected_service

API, WEB = connected_service("api", serves="api"), connected_service("web")
EVERYWHERE = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 1 1 0\n"
"""Something listens on 0.0.0.0:8080, as the kernel says it."""
EJECTED = "2026-11-29T05:00:10.394Z"


def host(address: str, *, calls: int, avoided: bool = False) -> dict[str, Any]:
    """A task as Envoy's `/clusters?format=json` has it: counts that are zero have no value."""
    ip, _, port = address.partition(":")
    return {
        "address": {"socket_address": {"address": ip, "port_value": int(port)}},
        "stats": [{"name": "cx_connect_fail"}, {"name": "rq_total", "value": str(calls)}, {"name": "cx_total"}],
        "health_status": {"eds_health_status": "HEALTHY", **({"failed_outlier_check": True} if avoided else {})},
    }


def cluster(name: str, *hosts: dict[str, Any], api: bool = True) -> dict[str, Any]:
    return {"name": name, "host_statuses": list(hosts), **({"added_via_api": True} if api else {})}


def statistics(**counts: int) -> str:
    """The counts of `api`, and the histogram of its answers' times, as Envoy has them."""
    stats: list[dict[str, Any]] = [{"name": f"cluster.api.{name}", "value": value} for name, value in counts.items()]
    stats.append({"name": "cluster.api.external.upstream_rq_5xx", "value": 99})
    values = [{"cumulative": value, "interval": None} for value in (1.0, 2.5, 90.0)]
    computed = [{"name": "cluster.api.upstream_rq_time", "values": values}]
    stats.append({"histograms": {"supported_quantiles": [0, 50, 99], "computed_quantiles": computed}})
    return json.dumps({"stats": stats})


class Mesh:
    """Two tasks behind `api`, one not ready, and a client; what the client's proxy says is up to the test."""

    def __init__(self, protocol: Literal["http", "tcp"] = "http") -> None:
        self.world = ProxyWorld(connected_service("api", serves="api", count=3), WEB)
        self.engine = FakeEngine()
        self.engine.add_image("envoy:1")
        self.servers = [self.world.runs_task("api"), self.world.runs_task("api")]
        self.world.runs_task("api", {"api": "created"})
        self.client = self.world.runs_task("web")
        for task_id in (*self.servers, self.client):
            self.world.runs_proxy(task_id)
            self.engine.behave(DEMO.proxy(task_id), Behaviour(exec=self.quiet))
        self.engine.behave(DEMO.proxy(self.client), Behaviour(exec=self.answer))
        for task_id in (*self.servers, self.client):
            self.engine.start(self.engine.create_container(ContainerSpec(name=DEMO.proxy(task_id), image="envoy:1")))
        self.files = files([Endpoint("api", 1, 8080, protocol, 300, 15)], {"api": []})
        self.statistics = statistics(upstream_rq_completed=40, upstream_rq_5xx=5, upstream_rq_retry=2)
        self.avoided = True
        self.broken = False
        self.listening = EVERYWHERE

    def parts(self, clusters: list[dict[str, Any]], statistics: str, events: str) -> ExecResult:
        parts = ["", json.dumps({"cluster_statuses": clusters}), statistics, events]
        parts += [self.files["listeners.json"], self.files["clusters.json"], self.listening]
        return ExecResult(0, "\x1e".join(parts).encode(), b"")

    def quiet(self, _: Sequence[str]) -> ExecResult:
        return self.parts([cluster("api")], '{"stats": []}', "")

    def answer(self, _: Sequence[str]) -> ExecResult:
        if self.broken:
            return ExecResult(1, b"", b"connection refused")
        pauses = [self.world.observed.tasks[task_id].pause for task_id in self.servers]
        first, second = (f"{pause.addresses[DEMO.network]}:8080" for pause in pauses if pause is not None)
        hosts = [host(first, calls=12, avoided=self.avoided), host(second, calls=28)]
        event: dict[str, object] = {"timestamp": EJECTED, "cluster_name": "api", "action": "EJECT"}
        event |= {"upstream_url": first, "num_ejections": 2}
        clusters = [cluster("nowhere"), cluster("app-8080", host("127.0.0.1:8080", calls=7), api=False)]
        return self.parts([*clusters, cluster("api", *hosts)], self.statistics, json.dumps(event) + '\n{"type": "CON')

    @property
    def found(self) -> Connected:
        return connected(self.engine, DEMO, self.world.observed)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


def test_names_have_their_address_protocol_and_tasks(mesh: Mesh) -> None:
    [name] = mesh.found.names
    assert (name.name, name.port, name.address, name.protocol) == ("api", 8080, "127.255.0.1", "http")
    assert [(one.service, one.state) for one in name.servers] == [
        *[("api", "healthy")] * 2,
        ("api", "not ready"),
    ]


def test_calls_are_as_the_client_saw_them(mesh: Mesh) -> None:
    [calls] = mesh.found.calls
    assert (calls.service, calls.task_id, calls.name) == ("web", mesh.client, "api")
    assert (calls.calls, calls.failed, calls.retries, calls.p50_ms) == (40, 5, 2, 2.5)
    assert calls.by_task == dict(zip(mesh.servers, (12, 28), strict=True))


def test_a_task_that_is_avoided_has_its_end(mesh: Mesh) -> None:
    [calls] = mesh.found.calls
    [avoided] = calls.avoided
    assert avoided.task_id == mesh.servers[0]
    assert avoided.until == datetime(2026, 11, 29, 5, 1, 10, 394000, UTC), "twice 30 s after it began"


def test_connections_count_where_there_are_no_requests() -> None:
    mesh = Mesh("tcp")
    mesh.statistics = statistics(upstream_cx_total=9, upstream_cx_connect_fail=3)
    [calls] = mesh.found.calls
    assert (calls.calls, calls.failed, calls.p50_ms) == (9, 3, None)
    assert mesh.found.names[0].protocol == "tcp"


def test_a_proxy_that_does_not_answer_is_said(mesh: Mesh) -> None:
    mesh.broken = True
    found = mesh.found
    assert (found.calls, found.silent) == ((), {mesh.client: "connection refused"})
    assert found.names[0].address == "127.255.0.1", "the others say it"


def test_without_proxies_there_are_the_names_and_why() -> None:
    world = World(API, WEB)
    world.runs_task("api")
    world.runs_task("web")
    found = connected(FakeEngine(), DEMO, world.observed)
    assert not found.proxied
    text = "\n".join(lines(found))
    assert "api:8080" in text
    assert '`[service_connect] proxy = "none"`' in text
    assert max(map(len, text.split("\n"))) <= 80


def test_the_screen_fits_into_80_columns(mesh: Mesh) -> None:
    text = "\n".join(lines(mesh.found)).split("\n")
    assert max(map(len, text)) <= 80
    assert text[0].split() == ["NAME", "ADDRESS", "PROTOCOL", "TASK", "STATE"]
    assert f"web {mesh.client[:8]}   api    40      5        2         2.5 ms" in text
    local = datetime(2026, 11, 29, 5, 1, 10, tzinfo=UTC).astimezone()
    assert f"web {mesh.client[:8]} avoids api {mesh.servers[0][:8]} until {local:%H:%M:%S}: calls failed" in text
    assert max(len(line) for line in "\n".join(lines(Mesh("tcp").found)).split("\n")) <= 80


def test_a_program_that_its_proxy_does_not_reach_is_named(mesh: Mesh) -> None:
    assert not any(server.own_address for server in mesh.found.names[0].servers)
    mesh.listening = EVERYWHERE.replace("00000000:1F90", "0300001E:1F90", 1)
    text = "\n".join(lines(mesh.found)).split("\n")
    first = next(number for number, line in enumerate(text) if "listens on" in line)
    assert text[first] == f"api {mesh.servers[0][:8]} listens on 30.0.0.3:8080 alone:"
    assert text[first + 1] == "its proxy leads to 127.0.0.1, and calls fail; let it listen on 0.0.0.0"
    assert max(map(len, text)) <= 80


def test_the_screen_of_one_service_fits_into_80_columns(mesh: Mesh) -> None:
    for service in ("web", "api"):
        text = "\n".join(lines(of_service(mesh.found, service))).split("\n")
        assert text[0].split() == ["NAME", "ADDRESS", "PROTOCOL", "TASK", "STATE"]
        assert max(map(len, text)) <= 80


def test_one_service_has_its_names_and_the_calls_of_it_and_to_it(mesh: Mesh) -> None:
    other = Calls("db", "f" * 32, "cache", 1, 0, 0, None, {}, ())
    found = replace(mesh.found, calls=(*mesh.found.calls, other))
    assert [one.name for one in of_service(found, "web").names] == ["api"]
    assert [one.service for one in of_service(found, "api").calls] == ["web"]
    assert of_service(found, "db").names == ()


def test_the_configuration_is_that_of_the_proxy_that_runs(mesh: Mesh) -> None:
    task = mesh.world.observed.tasks[mesh.client]
    said = '/bin/sh\x1e/usr/local/bin/run-envoy\x1e{"node": {"id": "x"}}\x1eF231\x1eF23A\x1e'
    said += '\x1e/a/listeners.json\x1e{"resources": []}'
    mesh.engine.behave("other", Behaviour(exec=lambda _: ExecResult(0, said.encode(), b"")))
    mesh.engine.start(mesh.engine.create_container(ContainerSpec(name="other", image="envoy:1")))
    assert task.proxy is not None
    task.proxy = replace(task.proxy, name="other")
    assert proxy_configuration(mesh.engine, task) == {
        "bootstrap": {"node": {"id": "x"}},
        "files": {"listeners.json": {"resources": []}},
    }


@pytest.mark.parametrize(
    ("service", "is_client", "others", "said"),
    [
        (None, False, False, "nothing of demo/test is connected (`network.connect`)"),
        ("web", False, False, "nothing of demo/test is connected (`network.connect`)"),
        ("web", False, True, "web is not connected (`network.connect`)"),
        ("web", True, True, "web has called no name yet; `copilot-local connect` lists those that it may call"),
    ],
)
def test_why_there_is_nothing_to_show(service: str | None, is_client: bool, others: bool, said: str) -> None:
    assert nothing(DEMO, service, is_client=is_client, others=others) == said
