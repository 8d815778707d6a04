"""What a proxy of Service Connect does with connections and requests, as deployed."""

from __future__ import annotations

import json
import shlex
import threading
from typing import Any, get_args

import pytest

from emulator.service_connect.access_log import AccessLog
from emulator.service_connect.envoy import CLUSTERS_FILE, FOLDER, bootstrap, files, listeners_file
from emulator.service_connect.model import Endpoint, Protocol, Served
from tests.docker.project import docker, wait_until
from tests.docker.service_connect.conftest import Asked, Mesh, proxy_of, task_of

pytestmark = pytest.mark.docker


def test_requests_of_one_http_connection_go_to_all_tasks(mesh: Mesh) -> None:
    client = mesh.tasks("tcp")[0]
    mesh.found_all(client)
    asked = mesh.ask(client, "kept", "http", 20)
    assert (asked.answers, asked.failed) == ([10, 10], {})
    assert asked.from_where == {"127.0.0.1"}, "what comes in goes through the proxy of the task"


def test_calls_of_one_grpc_channel_go_to_all_tasks_and_are_tried_again_elsewhere(mesh: Mesh) -> None:
    client, *_, bad = mesh.tasks("grpc")
    wait_until(lambda: len(mesh.call(client, 12).by) == 2, "all of grpc")
    asked = mesh.call(client, 20)
    assert (asked.answers, asked.failed) == ([10, 10], {})
    docker("kill", "--signal", "USR1", bad)
    wait_until(lambda: "refused" in docker("exec", bad, "ls", "/tmp"), "it listens no more")
    asked = mesh.call(client, 20)
    assert asked.failed == {}
    assert len(asked.by) == 1


def test_tcp_is_balanced_by_connection(mesh: Mesh) -> None:
    client = mesh.tasks("tcp")[0]
    mesh.found_all(client, "tcp")
    assert mesh.ask(client, "each", "tcp", 20).answers == [10, 10]
    assert mesh.ask(client, "kept", "tcp", 20).answers == [20]


def test_a_task_that_fails_five_times_is_avoided(mesh: Mesh) -> None:
    [client], bad = mesh.tasks("client"), mesh.tasks("http")[0]
    mesh.found_all(client)
    docker("exec", bad, "sh", "-c", "echo 500 > /tmp/status")
    try:
        asked = mesh.ask(client, "kept", "http", 90)
    finally:
        docker("exec", bad, "rm", "/tmp/status")
    assert set(asked.failed) == {"500"}
    assert 5 <= asked.failed["500"] <= 15, "five, and those before Envoy's main thread avoids it"
    assert len(asked.by) == 1
    assert "failed_outlier_check" in docker("exec", proxy_of(client), "proxy-admin", "GET", "/clusters")

    def shown() -> tuple[dict[str, Any], dict[str, Any]]:
        found = json.loads(mesh.project.run("connect", "client", "--format", "json").ok().out)
        [calls] = [one for one in found["calls"] if one["name"] == "http" and one["task_id"] == task_of(client)]
        return found, calls

    wait_until(lambda: shown()[1]["p50_ms"] is not None, "Envoy's next look at the times of calls")
    found, calls = shown()
    assert (calls["failed"], [one["task_id"] for one in calls["avoided"]]) == (asked.failed["500"], [task_of(bad)])
    assert calls["avoided"][0]["until"] is not None
    assert calls["calls"] >= 90
    [name] = [one for one in found["names"] if one["name"] == "http"]
    assert (name["protocol"], len(name["servers"])) == ("http", 2)


def test_a_503_is_tried_again_elsewhere(mesh: Mesh) -> None:
    client, bad = mesh.tasks("tcp")[1], mesh.tasks("http")[-1]
    mesh.found_all(client)
    docker("exec", bad, "sh", "-c", "echo 503 > /tmp/status")
    try:
        asked = mesh.ask(client, "each", "http", 30)
    finally:
        docker("exec", bad, "rm", "/tmp/status")
    assert asked.failed == {}
    assert len(asked.by) == 1


def test_a_refused_connection_is_tried_again_elsewhere(mesh: Mesh) -> None:
    client, bad = mesh.tasks("http")
    mesh.found_all(client)
    docker("kill", "--signal", "USR1", bad)
    try:
        wait_until(lambda: "refused" in docker("exec", bad, "ls", "/tmp"), "it listens no more")
        asked = mesh.ask(client, "each", "http", 30)
    finally:
        docker("kill", "--signal", "USR1", bad)
        wait_until(lambda: "refused" not in docker("exec", bad, "ls", "/tmp"), "it listens again")
    assert asked.failed == {}
    assert len(asked.by) == 1


def test_a_program_on_its_own_address_alone_is_named(mesh: Mesh) -> None:
    found: list[str] = []

    def named() -> bool:
        names = json.loads(mesh.project.run("connect", "own", "--format", "json").ok().out)["names"]
        [name] = [one for one in names if one["name"] == "own"]  # and those that it calls as a client
        found[:] = [server["own_address"] for server in name["servers"]]
        return any(found)

    wait_until(named, "it listens")
    [address] = found
    assert address.endswith(":8080")
    printed = mesh.project.run("connect", "own").ok().out
    assert f"listens on {address} alone" in printed
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [(), ("client",)])
def test_a_screen_fits_into_80_columns(mesh: Mesh, arguments: tuple[str, ...]) -> None:
    mesh.ask(mesh.tasks("client")[0], "each", "http", 1)  # a client has what it called
    lines = mesh.project.run("connect", *arguments).ok().out.splitlines()
    assert lines[0].split() == ["NAME", "ADDRESS", "PROTOCOL", "TASK", "STATE"]
    assert max(map(len, lines)) <= 80


def test_the_configuration_is_for_programs(mesh: Mesh) -> None:
    found = json.loads(mesh.project.run("connect", "client", "--config").ok().out)
    assert found["bootstrap"]["static_resources"] == {"listeners": [], "clusters": []}, "a client serves nothing"
    assert "endpoint-grpc.json" in found["files"]


def test_proxies_write_an_access_log_as_ecs_does(mesh: Mesh) -> None:
    client = mesh.tasks("tcp")[0]
    assert mesh.ask(client, "each", "http", 3).failed == {}

    def requests() -> list[dict[str, object]]:
        printed = mesh.project.run("logs", "-c", "ecs-service-connect", "tcp", "--grep", "request_id").ok().out
        return [json.loads(line[line.index("{") :]) for line in printed.splitlines()]

    wait_until(lambda: [one["path"] for one in requests()[-1:]] == ["/2"], "the client's proxy writes the last one")
    one = requests()[-1]
    assert (one["method"], one["authority"], one["response_code"]) == ("GET", "http:8080", 200)

    def served() -> bool:
        found = mesh.project.run("logs", "-c", "ecs-service-connect", "http", "--grep", str(one["request_id"])).ok()
        return '"upstream_host":"127.0.0.1:8080"' in found.out

    wait_until(served, "the server's proxy has the same id")
    assert "request_id" not in mesh.project.run("logs", "tcp").ok().out, "it is no container of the task definition"


def test_http_1_0_is_refused_by_http(mesh: Mesh) -> None:
    ask = "import socket; s = socket.create_connection(('{}', 8080)); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); "
    ask += "print(s.recv(4096).decode())"
    client = mesh.tasks("tcp")[0]
    assert " 426 Upgrade Required" in docker("exec", client, "python3", "-c", ask.format("http"))
    assert " 200 OK" in docker("exec", client, "python3", "-c", ask.format("tcp")), "TCP knows no versions"


class Load:
    """Requests of services, two at a time, until it is enough."""

    def __init__(self, mesh: Mesh, client: str, how: str, *hosts: str) -> None:
        self.found: dict[str, Asked] = {}
        self._client = client
        docker("exec", client, "rm", "-f", "/tmp/enough", "/tmp/begun")
        self._threads = [threading.Thread(target=self._run, args=(mesh, how, host)) for host in hosts]
        for thread in self._threads:
            thread.start()

    def _run(self, mesh: Mesh, how: str, host: str) -> None:
        self.found[host] = mesh.ask(self._client, how, host, 0, 2)

    def begun(self) -> bool:
        return "begun" in docker("exec", self._client, "ls", "/tmp")

    def end(self) -> dict[str, Asked]:
        docker("exec", self._client, "touch", "/tmp/enough")
        for thread in self._threads:
            thread.join(240)
        return self.found


def test_a_rolling_replacement_costs_no_new_connection(mesh: Mesh) -> None:
    before = {service: mesh.tasks(service) for service in ("http", "tcp")}
    client = mesh.tasks("own")[0]
    for service in before:
        mesh.found_all(client, service)
    load = Load(mesh, client, "each", "http", "tcp")
    try:
        mesh.project.run("restart", "http", "tcp").ok()
    finally:
        found = load.end()
    for service, asked in found.items():
        assert asked.failed == {}, service
        assert len(asked.by) >= 2 * len(before[service]), "old tasks and new ones answered"
        assert not set(before[service]) & set(mesh.tasks(service))


def test_a_task_that_is_killed_costs_what_it_has_in_hand(mesh: Mesh) -> None:
    client, victim = mesh.tasks("tcp")[0], mesh.tasks("http")[0]
    mesh.found_all(client)
    host = docker("exec", victim, "cat", "/etc/hostname").strip()
    load = Load(mesh, client, "kept", "http")
    try:
        wait_until(load.begun, "answers")
        docker("kill", victim)
        wait_until(lambda: len(mesh.tasks("http")) == 2 and victim not in mesh.tasks("http"), "a task in its place")
    finally:
        asked = load.end()["http"]
    assert sum(asked.failed.values()) <= 2, asked.failed
    assert host in {body.split()[0] for body in asked.by}, "it answered until then"


def test_a_proxy_cannot_change_its_task_and_is_nothing_to_it(mesh: Mesh) -> None:
    proxy = proxy_of(mesh.tasks("tcp")[0])
    status = docker("exec", proxy, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["20000"] * 4
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert fields["NoNewPrivs"] == "1"
    assert "ecs-service-connect" not in mesh.project.run("ps").ok().out
    assert "ecs-service-connect" in mesh.project.run("ps", "--all").ok().out
    ask = (
        "import os, urllib.request as r; print(r.urlopen(os.environ['ECS_CONTAINER_METADATA_URI_V4'] + '/task').read())"
    )
    assert "service-connect" not in docker("exec", mesh.tasks("tcp")[0], "python3", "-c", ask)


def test_envoy_takes_the_configuration_of_every_protocol(mesh: Mesh) -> None:
    """What comes from files is looked at as if it stood in the bootstrap: Envoy checks no files."""
    log = AccessLog("json")
    protocols: tuple[Protocol, ...] = get_args(Protocol)
    script = [f"mkdir -p {FOLDER}"]
    for protocol in protocols:
        content = files([Endpoint("api", 1, 80, protocol, 300, 15)], {}, [log])
        found = {name: json.loads(text) for name, text in content.items()}
        whole = json.loads(json.dumps(bootstrap("t", "s", Served(80, protocol), log)))
        for kind, file in (("listeners", listeners_file(log)), ("clusters", CLUSTERS_FILE)):
            whole["static_resources"][kind] += [
                {k: v for k, v in one.items() if k != "@type"} for one in found[file]["resources"]
            ]
        script += [f"touch {FOLDER}/{name}" for name in found]
        script.append(f"envoy --mode validate --config-yaml {shlex.quote(json.dumps(whole))}")
    image = docker("inspect", "--format", "{{.Image}}", proxy_of(mesh.tasks("tcp")[0])).strip()
    check = ("-c", " && ".join(script))
    printed = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", image, *check)
    assert printed.count("OK") == len(protocols) == 4
