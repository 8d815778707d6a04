"""Fault injection in a task that runs: what its packets do, asked for by the task itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.project import MakeProject, Project, daemon, wait_until

pytestmark = pytest.mark.docker

SERVE = "mkdir /srv; echo ok > /srv/name; httpd -p {port} -h /srv; trap 'exit 0' TERM; sleep 3600 & wait"
PATCHES = [{"op": "add", "path": "/Resources/TaskDefinition/Properties/EnableFaultInjection", "value": True}]
METADATA = "wget -T 2 -qO- $ECS_CONTAINER_METADATA_URI_V4/task"
SLOW = {"DelayMilliseconds": 200, "JitterMilliseconds": 0}


def manifest(name: str, port: int) -> str:
    words = json.dumps(["sh", "-c", SERVE.format(port=port)])
    return (
        f"name: {name}\ntype: Backend Service\ncpu: 256\nmemory: 512\n"
        f"image:\n  location: busybox:1.37\n  port: {port}\n"
        f"command: {words}\n"
    )


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """`client`, which may disturb its network, and `server`."""
    found = make_shared_project("")
    found.write("copilot/.workspace", f"application: {found.app}\n")
    found.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    for name, port in (("client", 8001), ("server", 8000)):
        found.write(f"copilot/{name}/manifest.yml", manifest(name, port))
    found.write("copilot/client/overrides/cfn.patches.yml", json.dumps(PATCHES))
    found.run("up", "-d").ok()
    return found


def inside(project: Project, script: str, name: str = "client", *arguments: str) -> str:
    """What a shell in a container prints."""
    with daemon() as client:
        command = client.exec_create(project.container(name), ["sh", "-c", script, "sh", *arguments], stderr=False)
        printed: bytes = client.exec_start(command["Id"])
    return printed.decode()


# Not wget, which prints no answer but one of 200.
REQUEST = r"""host=169.254.170.2; path="${ECS_AGENT_URI#http://$host}/fault/v1/$1"
printf "POST %s HTTP/1.0\r\nHost: %s\r\nContent-Length: %s\r\n\r\n%s" "$path" "$host" "${#2}" "$2" | nc $host 80"""


def fault(project: Project, path: str, **body: Any) -> tuple[int, dict[str, str]]:
    """What the endpoint answers to the task, once it may ask again."""
    answers: list[str] = []

    def asked() -> bool:
        answers.append(inside(project, REQUEST, "client", path, json.dumps(body) if body else ""))
        return " 429 " not in answers[-1].splitlines()[0]

    wait_until(asked, lambda: answers[-1])
    head, _, answer = answers[-1].replace("\r", "").partition("\n\n")
    return int(head.split(" ")[1]), json.loads(answer)


def reaches(project: Project) -> bool:
    """Whether the client gets an answer of the server within two seconds."""
    return "ok" in inside(project, f"wget -T 2 -qO- http://server.test.{project.app}.local:8000/name 2>&1")


RUNNING, STOPPED, NOT_RUNNING = ((200, {"Status": status}) for status in ("running", "stopped", "not-running"))


def test_a_black_hole_until_it_is_stopped(project: Project) -> None:
    hole = {"Port": 8000, "Protocol": "tcp", "TrafficType": "egress"}
    assert fault(project, "network-blackhole-port/status", **hole) == NOT_RUNNING
    wait_until(lambda: reaches(project), "an answer of the server")
    assert fault(project, "network-blackhole-port/start", **hole) == RUNNING
    assert not reaches(project)
    assert fault(project, "network-blackhole-port/start", **hole) == RUNNING, "again is fine"
    assert fault(project, "network-blackhole-port/status", **hole) == RUNNING
    assert fault(project, "network-blackhole-port/stop", **hole) == STOPPED
    assert fault(project, "network-blackhole-port/stop", **hole) == STOPPED, "again is fine"
    wait_until(lambda: reaches(project), "an answer of the server")


def test_a_black_hole_of_what_comes_in(project: Project) -> None:
    hole = {"Port": 8001, "Protocol": "tcp", "TrafficType": "ingress"}
    ask = f"wget -T 2 -qO- http://client.test.{project.app}.local:8001/name 2>&1"
    wait_until(lambda: "ok" in inside(project, ask, "server"), "an answer of the client")
    assert fault(project, "network-blackhole-port/start", **hole) == RUNNING
    assert "ok" not in inside(project, ask, "server")
    wait_until(lambda: reaches(project), "what goes out does")
    assert fault(project, "network-blackhole-port/stop", **hole) == STOPPED
    wait_until(lambda: "ok" in inside(project, ask, "server"), "an answer of the client")


def test_a_task_keeps_its_metadata_where_port_80_is_a_black_hole(project: Project) -> None:
    hole = {"Port": 80, "Protocol": "tcp", "TrafficType": "egress"}
    assert fault(project, "network-blackhole-port/start", **hole) == RUNNING
    assert "TaskARN" in inside(project, METADATA)
    assert fault(project, "network-blackhole-port/stop", **hole) == STOPPED


def test_packets_are_lost_on_the_way_to_the_sources_alone(project: Project) -> None:
    sources = [inside(project, "hostname -i", "server").split()[0]]
    assert fault(project, "network-packet-loss/start", LossPercent=100, Sources=sources) == RUNNING
    assert not reaches(project)
    assert "TaskARN" in inside(project, METADATA)
    assert fault(project, "network-packet-loss/status") == RUNNING
    already = (409, {"Error": "There is already one network packet loss fault running"})
    assert fault(project, "network-latency/start", **SLOW, Sources=sources) == already
    assert fault(project, "network-packet-loss/stop") == STOPPED
    assert fault(project, "network-packet-loss/status") == NOT_RUNNING
    wait_until(lambda: reaches(project), "an answer of the server")


def test_latency_or_the_reason_why_this_kernel_has_none(project: Project) -> None:
    sources = [inside(project, "hostname -i", "server").split()[0]]
    status, answer = fault(project, "network-latency/start", **SLOW, Sources=sources)
    [faults] = [one for one in json.loads(project.run("doctor", "--format", "json").out) if one["name"] == "faults"]
    assert ("but no latency" in faults["message"]) == (status == 500)
    if status == 500:
        assert "sch_netem" in faults["hint"]
        assert "the kernel that Docker runs on lacks sch_prio or sch_netem" in answer["Error"]
        assert fault(project, "network-latency/status") == NOT_RUNNING
    else:
        assert (status, answer) == RUNNING
        assert fault(project, "network-latency/status") == RUNNING
        assert fault(project, "network-latency/stop") == STOPPED
    wait_until(lambda: reaches(project), "an answer of the server")
