"""Hostile input: the front goes on serving, and no target sees a request that a load balancer would not have sent."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    PathPattern,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.frontdoor.options import Placement, Target
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Front, Make, StartFront, Upstream

pytestmark = pytest.mark.docker

IDLE_CONNECTIONS = 2000
"""Of a test process with its own limit of open files; the front's own is `FrontOptions.maxconn`."""


@pytest.fixture(scope="module")
def shared(make_front: StartFront, make_upstream: Make) -> tuple[Front, Upstream]:
    one = make_upstream("one")
    rule = ListenerRule(
        name="rule",
        conditions=[PathPattern(values=["/open/*"])],
        action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
        priority=1,
    )
    check = TargetHealthCheck(path="/health", interval=300)
    group = TargetGroup(name="default", container_name=SERVICE, container_port=80, health_check=check)
    target = Target("one", SERVICE, "default", "127.0.0.1", one.port, Placement.JUDGED)
    return make_front([service_with([rule], [group])], [target], idle_timeout=2), one


@pytest.fixture
def one(shared: tuple[Front, Upstream]) -> Upstream:
    shared[1].forget()
    return shared[1]


@pytest.fixture
def front(shared: tuple[Front, Upstream]) -> Front:
    return shared[0]


SMUGGLED = b"GET /secret HTTP/1.1\r\nHost: h.test\r\n\r\n"


@pytest.mark.parametrize(
    "attack",
    [
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: 0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\nContent-Length: 50\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nContent-Length: +0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\n X: folded\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost: h.test\r\nX: a\rGET /secret HTTP/1.1\r\n\r\n",
        b"GET /open/x\r\nGET /secret HTTP/1.1\r\nHost: h.test\r\n\r\n",
    ],
)
def test_smuggling_brings_no_request_past_the_rules(front: Front, one: Upstream, attack: bytes) -> None:
    front.raw(attack + SMUGGLED)
    assert not [path for path in one.paths if not path.startswith("/open/")]
    assert front.get("/open/after").status == 200


@pytest.mark.parametrize("path", ["/open/../secret", "/open/%2e%2e/secret", "/open/..%2fsecret", "//secret", "/open"])
def test_paths_that_only_look_as_if_they_match_reach_no_target(front: Front, one: Upstream, path: str) -> None:
    assert front.request("GET", path).status == 503
    assert one.paths == []


def test_a_megabyte_of_headers_is_refused(front: Front, one: Upstream) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000))
    with contextlib.suppress(ConnectionError):
        answer = front.raw(b"GET /open/x HTTP/1.1\r\nHost: h.test\r\n" + lines + b"\r\n", half_close=False)
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert one.paths == []
    assert front.get("/open/after").status == 200


def test_slow_clients_are_sent_away_and_block_no_other(front: Front) -> None:
    slow = [socket.create_connection(("127.0.0.1", front.port), timeout=10) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /open/slow HTTP/1.1\r\nHost: ")
    began = time.monotonic()
    assert front.get("/open/x").status == 200
    assert time.monotonic() - began < 1.5
    for connection in slow:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        connection.close()


def test_many_idle_connections_block_no_other(front: Front) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE_CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=10))
        assert front.get("/open/x").status == 200
    assert front.get("/open/x").status == 200
