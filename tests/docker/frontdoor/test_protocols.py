"""HTTPS, HTTP/2, gRPC, WebSocket, and the listeners of network load balancers."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Literal

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    NetworkListener,
    PathPattern,
    Redirect,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.frontdoor.options import Https, Target
from emulator.model import from_plain
from tests.docker.frontdoor.conftest import fetch, free_port
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Front, Make, StartFront, Upstream

pytestmark = pytest.mark.docker

Version = Literal["HTTP1", "HTTP2", "GRPC"]

DEFAULTS = """
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
"""


def rule(listener: Literal["HTTP", "HTTPS"], redirect: bool = False) -> ListenerRule:
    forward = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
    return ListenerRule(
        name=listener,
        listener=listener,
        conditions=[PathPattern(values=["/*"])],
        action=Redirect(protocol="HTTPS", port="443") if redirect else forward,
        root=True,
    )


def service(rules: list[ListenerRule], version: Version = "HTTP1", **check: object) -> Service:
    health_check = from_plain(TargetHealthCheck, {"path": "/health", "interval": 5, "timeout": 2, **check})
    group = TargetGroup(
        name="default",
        container_name=SERVICE,
        container_port=80,
        protocol_version=version,
        health_check=health_check,
    )
    return service_with(rules, [group])


def target(port: int) -> Target:
    return Target("one", SERVICE, "default", "127.0.0.1", port)


@pytest.fixture
def one(upstream: Make) -> Upstream:
    return upstream("one")


@pytest.fixture
def https(certificate: str) -> Https:
    port = free_port()
    return Https({SERVICE: certificate}, listener_port=port, bind_port=port)


def insecure() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_https_with_its_own_rules_and_headers(start_front: StartFront, one: Upstream, https: Https) -> None:
    front = start_front([service([rule("HTTP", redirect=True), rule("HTTPS")])], https=https)
    front.targets = [target(one.port)]
    front.settle(one="healthy")
    moved = front.get("/a?b=c")
    assert (moved.status, moved.header("Location")) == (301, f"https://h.test:{https.listener_port}/a?b=c")
    connection = http.client.HTTPSConnection("127.0.0.1", https.bind_port, context=insecure(), timeout=10)
    connection.request("GET", "/a", headers={"Host": "h.test"})
    answer = connection.getresponse()
    seen = dict(json.loads(answer.read())["headers"])
    connection.close()
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-port"] == str(https.listener_port)
    assert seen["host"] == f"h.test:{https.listener_port}"


def test_the_certificate_is_the_one_given(start_front: StartFront, https: Https) -> None:
    start_front([service([rule("HTTPS")])], https=https)
    context = ssl.create_default_context(cadata=https.certificates[SERVICE].partition("-----BEGIN PRIVATE")[0])
    with (
        socket.create_connection(("127.0.0.1", https.bind_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="h.test") as secure,
    ):
        assert secure.getpeercert()


def http2_client(front: Front, https: Https) -> int:
    """A port where HTTP/1.1 goes out to the front as HTTP/2 over TLS."""
    port = free_port()
    front.run_beside(
        f"{DEFAULTS}listen client\n  bind 127.0.0.1:{port}\n"
        f"  server front 127.0.0.1:{https.bind_port} ssl verify none alpn h2\n"
    )
    return port


def test_http_2_reaches_an_http_1_target(start_front: StartFront, one: Upstream, https: Https) -> None:
    front = start_front([service([rule("HTTPS")])], https=https)
    front.targets = [target(one.port)]
    front.settle(one="healthy")
    port = http2_client(front, https)
    answer = fetch(port, "POST", "/x?y=1", [("Host", "h.test"), ("X-Mixed", "Case")], b"body")
    assert answer.seen["path"] == "/x?y=1"
    assert answer.seen["body"] == "body"
    assert answer.seen_header("Host") == [f"h.test:{https.listener_port}"]
    grpc = fetch(port, "POST", "/pkg.Svc/Call", [("Host", "h.test"), ("Content-Type", "application/grpc")], b"x")
    assert grpc.status == 464


ECHO = (
    "http-request return status 200 content-type text/plain lf-string '%[req.ver] %[method] %[path]'"
    " if !{ path /health }"
)


@pytest.mark.parametrize(
    ("version", "statuses"), [("HTTP2", {"GET": 200, "POST": 200}), ("GRPC", {"POST": 200, "GET": 464})]
)
def test_http_2_and_grpc_target_groups(
    start_front: StartFront, https: Https, version: Version, statuses: dict[str, int]
) -> None:
    codes = {"success_codes": "12"} if version == "GRPC" else {}
    front = start_front([service([rule("HTTPS"), rule("HTTP")], version, **codes)], https=https)
    port, client = free_port(), free_port()
    health = (
        "http-request return status 200 hdr grpc-status 12" if version == "GRPC" else "http-request return status 200"
    )
    front.run_beside(
        f"{DEFAULTS}listen client\n  bind 127.0.0.1:{client}\n"
        f"  server front 127.0.0.1:{https.bind_port} ssl verify none alpn h2\n"
        f"frontend target\n  bind 127.0.0.1:{port} proto h2\n  {ECHO}\n  {health}\n"
    )
    front.targets = [target(port)]
    front.settle(one="healthy")
    for method, status in statuses.items():
        answer = fetch(client, method, "/pkg.Svc/Call", [("Host", "h.test")])
        assert answer.status == status
        if status == 200:
            assert answer.body == f"2.0 {method} /pkg.Svc/Call".encode()
    assert front.get("/").status == 464


GRPC_CHECKS = (
    ("12", "hdr grpc-status 12", "healthy"),
    ("12", "hdr grpc-status 14", "unhealthy"),
    ("12", "", "unhealthy"),
    ("0", "", "healthy"),
    ("0", "hdr grpc-status 12", "unhealthy"),
    ("0-12", "hdr grpc-status 12", "healthy"),
    ("200", "hdr grpc-status 12", "healthy"),
)
"""Success codes, what a target answers, and the state of it."""


def test_grpc_health_checks(start_front: StartFront, https: Https) -> None:
    """One target group for each of the success codes, and for each answer one target that speaks HTTP/2 without TLS, as
    gRPC servers in containers do."""
    groups = {codes: f"group{number}" for number, codes in enumerate(sorted({codes for codes, _, _ in GRPC_CHECKS}))}
    made = service([rule("HTTPS")], "GRPC", path="/grpc.health.v1.Health/Check")
    [like] = made.target_groups
    made.target_groups = [
        like.model_copy(
            update={"name": name, "health_check": like.health_check.model_copy(update={"success_codes": codes})}
        )
        for codes, name in groups.items()
    ]
    weighted = [WeightedTargetGroup(target_group=name) for name in groups.values()]
    made.listener_rules[0].action = Forward(target_groups=weighted)
    front = start_front([made], https=https, check_interval=0.1)
    ports = {header: free_port() for _, header, _ in GRPC_CHECKS}
    asked = "{ method POST } { path /grpc.health.v1.Health/Check } { req.hdr(content-type) application/grpc }"
    front.run_beside(
        DEFAULTS
        + "".join(
            f"frontend target{port}\n  bind 127.0.0.1:{port} proto h2\n"
            f"  http-request return status 200 {header} if {asked}\n  http-request return status 500\n"
            for header, port in ports.items()
        )
    )
    front.targets = [
        Target(f"target{number}", SERVICE, groups[codes], "127.0.0.1", ports[header])
        for number, (codes, header, _) in enumerate(GRPC_CHECKS)
    ]
    front.settle(**{f"target{number}": state for number, (_, _, state) in enumerate(GRPC_CHECKS)})


def test_a_websocket_is_a_tunnel_that_may_be_idle_no_longer_than_a_connection(
    start_front: StartFront, one: Upstream
) -> None:
    front = start_front([service([rule("HTTP")])], idle_timeout=1)
    front.targets = [target(one.port)]
    front.settle(one="healthy")
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: h.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        for text in (b"one", b"two"):
            connection.sendall(text)
            assert connection.recv(100) == text
        since = time.monotonic()
        assert connection.recv(100) == b""
        assert 0.5 < time.monotonic() - since < 5


def network_service(protocol: Literal["TCP", "TLS"]) -> Service:
    check = TargetHealthCheck(protocol="TCP", interval=5, timeout=2)
    group = TargetGroup(name="nlb", container_name=SERVICE, container_port=80, protocol="TCP", health_check=check)
    made = service_with([], [group])
    made.network_listeners = [NetworkListener(port=5000, protocol=protocol, target_group="nlb")]
    return made


@pytest.mark.parametrize("protocol", ["TCP", "TLS"])
def test_network_listeners(
    start_front: StartFront, upstream: Make, https: Https, protocol: Literal["TCP", "TLS"]
) -> None:
    made = {name: upstream(name) for name in ("one", "two")}
    port = free_port()
    front = start_front([network_service(protocol)], https=https, network_ports={(SERVICE, 5000): port})
    front.targets = [Target(name, SERVICE, "nlb", "127.0.0.1", made[name].port) for name in made]

    def ask() -> str:
        connection = (
            http.client.HTTPSConnection("127.0.0.1", port, context=insecure(), timeout=10)
            if protocol == "TLS"
            else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        )
        try:
            connection.request("GET", "/", headers={"Host": "h.test"})
            seen = json.loads(connection.getresponse().read())
            assert "x-forwarded-for" not in dict(seen["headers"])
            return str(seen["target"])
        finally:
            connection.close()

    with pytest.raises((OSError, http.client.HTTPException)):
        ask()
    front.settle(one="healthy", two="healthy")
    assert {ask() for _ in range(40)} == {"one", "two"}


def test_a_network_target_that_drains_keeps_its_connections(start_front: StartFront, upstream: Make) -> None:
    made = {name: upstream(name) for name in ("one", "two")}
    port = free_port()
    front = start_front([network_service("TCP")], network_ports={(SERVICE, 5000): port})
    front.targets = [Target(name, SERVICE, "nlb", "127.0.0.1", made[name].port) for name in made]
    front.settle(one="healthy", two="healthy")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": "h.test"})
    mine = json.loads(connection.getresponse().read())["target"]
    front.draining = [item for item in front.targets if item.name == mine]
    front.targets = [item for item in front.targets if item.name != mine]
    front.settle(**{mine: "draining"})
    connection.request("GET", "/", headers={"Host": "h.test"})
    assert json.loads(connection.getresponse().read())["target"] == mine
    assert {fetch(port, "GET", "/", [("Host", "h.test")]).seen["target"] for _ in range(40)} == {"one", "two"} - {mine}
    front.draining = []
    front.settle()
    assert connection.sock.recv(1) == b""
    connection.close()
