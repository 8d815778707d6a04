from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.engine.docker.containers import create_body, label_filter, parse_container
from emulator.engine.interface import (
    ContainerSpec,
    ContainerState,
    Health,
    HealthCheckSpec,
    Mount,
    PublishedPort,
    UlimitSpec,
)


def row(**fields: Any) -> dict[str, Any]:
    return {
        "Id": "0123",
        "Names": ["/other/alias", "/hello"],
        "Image": "busybox",
        "State": "running",
        "Status": "Up 3 seconds",
        "Labels": {"a": "b"},
        "Created": 1790000000,
        "Ports": [],
        "NetworkSettings": {"Networks": {"net": {"IPAddress": "172.18.0.2"}}},
        **fields,
    }


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("exited", "Exited (0) Less than a second ago", 0),
        ("exited", "Exited (137) 2 minutes ago", 137),
        ("exited", "Exited (-1) 2 minutes ago", -1),
        ("restarting", "Restarting (1) 3 seconds ago", 1),
        ("running", "Up 3 seconds", None),
        ("paused", "Up 3 seconds (Paused)", None),
        ("created", "Created", None),
        ("dead", "Dead", None),
        ("removing", "Removal In Progress", None),
    ],
)
def test_state_and_exit_code_come_from_the_listing(state: str, status: str, code: int | None) -> None:
    container = parse_container(row(State=state, Status=status))
    assert (container.state, container.exit_code) == (ContainerState(state), code)


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 seconds", Health.NONE),
        ("Up 3 seconds (healthy)", Health.HEALTHY),
        ("Up 3 seconds (unhealthy)", Health.UNHEALTHY),
        ("Up 3 seconds (health: starting)", Health.STARTING),
    ],
)
def test_health_comes_from_the_listing(status: str, health: Health) -> None:
    assert parse_container(row(Status=status)).health is health


def test_names_addresses_and_ports() -> None:
    ports = [
        {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 443, "Type": "tcp"},
    ]
    container = parse_container(row(Ports=ports))
    assert container.name == "hello"
    assert container.addresses == {"net": "172.18.0.2"}
    assert container.ports == (PublishedPort(80, 8080),)


@pytest.mark.parametrize("state", ["created", "exited"])
def test_a_container_that_does_not_run_has_no_address(state: str) -> None:
    assert parse_container(row(State=state)).addresses == {}


def test_a_row_may_lack_what_is_empty() -> None:
    container = parse_container({"Id": "1", "Names": None, "State": "created", "Labels": None, "Ports": None})
    assert (container.name, container.labels, container.ports) == ("", {}, ())


def test_an_empty_label_value_asks_for_any() -> None:
    assert label_filter({"a": "b", "c": ""}) == ["a=b", "c"]


def test_a_bare_spec_leaves_the_image_s_own_settings() -> None:
    body = create_body(ContainerSpec(name="hello", image="busybox"))
    assert set(body) == {"Image", "Labels", "Env", "ExposedPorts", "Tty", "OpenStdin", "HostConfig"}
    assert set(body["HostConfig"]) == {"PortBindings", "LogConfig", "RestartPolicy"}


def test_an_empty_entrypoint_is_not_the_same_as_none() -> None:
    assert create_body(ContainerSpec(name="a", image="b", entrypoint=(), command=()))["Entrypoint"] == []


def test_a_full_spec_in_docker_s_words() -> None:
    body = create_body(
        ContainerSpec(
            name="hello",
            image="busybox",
            network="net",
            network_aliases=("alias",),
            ports=(PublishedPort(80, 0), PublishedPort(53, 5353, "0.0.0.0", "udp")),
            mounts=(Mount("data", "/data", read_only=True, copy=False), Mount("/host", "/in", bind=True)),
            health_check=HealthCheckSpec(("CMD", "true"), interval=1.5, timeout=2, retries=4, start_period=0.25),
            ulimits=(UlimitSpec("nofile", 1, 2),),
            log_driver="fluentd",
            log_options={"tag": "x"},
            restart="unless-stopped",
        )
    )
    host = body["HostConfig"]
    assert host["NetworkMode"] == "net"
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"net": {"Aliases": ["alias"]}}}
    assert body["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "5353"}],
    }
    assert host["Mounts"] == [
        {
            "Type": "volume",
            "Source": "data",
            "Target": "/data",
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True},
        },
        {"Type": "bind", "Source": "/host", "Target": "/in", "ReadOnly": False},
    ]
    assert body["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 1_500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 4,
        "StartPeriod": 250_000_000,
    }
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert host["LogConfig"] == {"Type": "fluentd", "Config": {"tag": "x"}}
    assert host["RestartPolicy"] == {"Name": "unless-stopped"}
    json.dumps(body)


def test_a_member_of_a_namespace_has_no_network_of_its_own() -> None:
    body = create_body(ContainerSpec(name="a", image="b", network="container:0123", network_aliases=("x",)))
    assert body["HostConfig"]["NetworkMode"] == "container:0123"
    assert "NetworkingConfig" not in body


@pytest.mark.parametrize(
    ("test", "expected"),
    [((), None), (("NONE",), {"Test": ["NONE"]})],
)
def test_a_health_check_may_be_left_or_disabled(test: tuple[str, ...], expected: object) -> None:
    body = create_body(ContainerSpec(name="a", image="b", health_check=HealthCheckSpec(test)))
    assert body.get("Healthcheck") == expected
