"""Fault injection as the ECS agent answers it: checks in its order, its texts, its limits. What packets do is tried in
tests/docker/agent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from emulator.agent.metadata.fault_commands import NOT_HERE, RUNNING, start_blackhole, start_disturbance
from emulator.agent.metadata.fault_requests import LOSS, Disturbance, blackhole
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult
from tests.unit.agent.metadata.conftest import World, service

HELLO = {"name": "hello", "image": "hello:1"}
PORT = {"Port": 80, "Protocol": "tcp", "TrafficType": "egress"}
SLOW = {"DelayMilliseconds": 100, "JitterMilliseconds": 10, "Sources": ["10.0.0.0/8"]}
LOSSY = {"LossPercent": 5, "Sources": ["10.0.0.1"]}
MISSING = "required parameter {} is missing"
INVALID = "invalid value {} for parameter {}"


class Shell:
    """What runs in the pause of the task."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.result = ExecResult(0, b"", b"")
        self.scripts: list[str] = []
        world.engine.behave("*-pause", Behaviour(exec=self._run))
        world.start(service(HELLO, enableFaultInjection=True))

    def _run(self, command: Sequence[str]) -> ExecResult:
        self.scripts.append(command[-1])
        return self.result

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; each request comes long after the one before."""
        self.world.now += 60
        raw = b"" if body is None else json.dumps(body).encode()
        return self.world.ask(f"/api/{{hello}}/fault/v1/{path}", "POST", raw)


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(world)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("network-blackhole-port/start", None, "required request body is missing"),
        ("network-blackhole-port/status", None, "required request body is missing"),
        ("network-blackhole-port/start", [], "the request body is no JSON object"),
        *(
            (f"network-blackhole-port/{verb}", without(PORT, name), MISSING.format(name))
            for verb in ("start", "stop", "status")
            for name in PORT
        ),
        ("network-blackhole-port/start", {**PORT, "Protocol": "sctp"}, INVALID.format("sctp", "Protocol")),
        ("network-blackhole-port/start", {**PORT, "TrafficType": "both"}, INVALID.format("both", "TrafficType")),
        ("network-blackhole-port/start", {**PORT, "Port": 70000}, INVALID.format(70000, "Port")),
        ("network-blackhole-port/start", {**PORT, "Port": "80"}, INVALID.format("80", "Port")),
        (
            "network-blackhole-port/start",
            {**PORT, "SourcesToFilter": ["1.2.3.4; reboot"]},
            INVALID.format("1.2.3.4; reboot", "SourcesToFilter"),
        ),
        *(("network-latency/start", without(SLOW, name), MISSING.format(name)) for name in SLOW),
        ("network-latency/start", {**SLOW, "Sources": []}, MISSING.format("Sources")),
        ("network-latency/start", {**SLOW, "Sources": ["::1"]}, INVALID.format("::1", "Sources")),
        ("network-latency/start", {**SLOW, "FlowsPercent": 0}, INVALID.format(0, "FlowsPercent")),
        (
            "network-latency/start",
            {**SLOW, "DelayMilliseconds": 0, "JitterMilliseconds": 0},
            "required either DelayMilliseconds or JitterMilliseconds to be non-zero",
        ),
        *(("network-packet-loss/start", without(LOSSY, name), MISSING.format(name)) for name in LOSSY),
        ("network-packet-loss/start", {**LOSSY, "LossPercent": 101}, INVALID.format(101, "LossPercent")),
    ],
)
def test_what_is_refused(shell: Shell, path: str, body: object, message: str) -> None:
    assert shell.ask(path, body) == (400, {"Error": message})
    assert shell.scripts == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("network-blackhole-port/start", PORT, "running"),
        ("network-blackhole-port/stop", PORT, "stopped"),
        ("network-blackhole-port/status", PORT, "running"),
        ("network-latency/start", SLOW, "running"),
        ("network-latency/stop", None, "stopped"),
        ("network-latency/status", None, "running"),
        ("network-packet-loss/start", LOSSY, "running"),
    ],
)
def test_what_is_answered(shell: Shell, path: str, body: object, status: str) -> None:
    assert shell.ask(path, body) == (200, {"Status": status})
    assert len(shell.scripts) == 1


def test_what_the_network_says(shell: Shell) -> None:
    shell.result = ExecResult(1, b"", b"")
    assert shell.ask("network-packet-loss/status") == (200, {"Status": "not-running"})
    assert shell.ask("network-blackhole-port/start", PORT) == (500, {"Error": "internal error"})
    shell.result = ExecResult(RUNNING, b"network-packet-loss\n", b"")
    answer = (409, {"Error": "There is already one network packet loss fault running"})
    assert shell.ask("network-latency/start", SLOW) == answer
    shell.result = ExecResult(NOT_HERE, b"Error: Specified qdisc kind is unknown.\n", b"")
    status, found = shell.ask("network-latency/start", SLOW)
    assert status == 500
    assert found["Error"].startswith("internal error: the kernel that Docker runs on lacks sch_prio or sch_netem")


def test_one_request_in_five_seconds_for_the_same(shell: Shell, world: World) -> None:
    path = "/api/{hello}/fault/v1/network-latency/status"
    assert world.ask(path, "POST")[0] == 200
    world.now += 4.9
    limited = world.answer(path.replace("{hello}", "any"), "POST")
    assert (limited.status, limited.body) == (429, b"You have reached maximum request limit.")
    assert world.ask(path.replace("status", "stop"), "POST")[0] == 200
    world.now += 0.2
    assert world.ask(path, "POST")[0] == 200


def test_only_of_a_task_that_allows_it_and_by_itself(world: World) -> None:
    path = "/api/{hello}/fault/v1/network-latency/stop"
    world.start(service(HELLO))
    status, answer = world.ask(path, "POST")
    assert status == 400
    assert answer["Error"].startswith("enableFaultInjection is not enabled for task: arn:aws:ecs:")
    world.now += 60
    assert world.ask(path.replace("{hello}", "x"), "POST") == (404, {"Error": "unable to lookup container: x"})
    assert world.answer(path, "GET").status == 405
    assert world.answer(path.replace("latency", "fire"), "POST").status == 404


def test_the_pause_of_such_a_task_has_iptables(shell: Shell) -> None:
    images = {one.name.rpartition("-")[2]: one.image for one in shell.world.engine.list_containers({})}
    assert images["pause"] == "agent:1"


class TestScripts:
    def test_a_black_hole_of_port_80_spares_the_metadata_endpoint(self) -> None:
        script = start_blackhole(blackhole(json.dumps(PORT).encode()))
        spared, dropped = "-d 169.254.170.2 --dport 80 -j ACCEPT", "-d 0.0.0.0/0 --dport 80 -j DROP"
        assert script.index(spared) < script.index(dropped) < script.index("-I OUTPUT")
        for other in ({**PORT, "TrafficType": "ingress"}, {**PORT, "Port": 81}, {**PORT, "Protocol": "udp"}):
            assert "169.254.170.2" not in start_blackhole(blackhole(json.dumps(other).encode()))

    def test_a_share_of_the_connections(self) -> None:
        script = start_disturbance(Disturbance(LOSS, ("10.0.0.0/8",), ("10.0.0.1/32",), loss=7, flows=30))
        assert [f"parent 100:{band} handle" in script for band in (1, 2, 3, 4)] == [True, True, True, False]
        assert script.index("dst 10.0.0.1/32 flowid 1:3") < script.index("dst 10.0.0.0/8 flowid 1:1")
        assert "statistic" not in script
