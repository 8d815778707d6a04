"""Requests that are not as they should be: what the load balancer refuses by itself, and what it says then."""

from __future__ import annotations

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
from emulator.frontdoor.routing.explain import explain
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Front, Make, StartFront, Upstream

pytestmark = pytest.mark.docker

RULE = ListenerRule(
    name="rule",
    conditions=[PathPattern(values=["*"])],
    action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
    priority=1,
)
CHECK = TargetHealthCheck(path="/health", interval=300)
SERVICES = [
    service_with([RULE], [TargetGroup(name="default", container_name=SERVICE, container_port=80, health_check=CHECK)])
]


@pytest.fixture(scope="module")
def shared(make_front: StartFront, make_upstream: Make) -> tuple[Front, Upstream]:
    one = make_upstream("one")
    target = Target("one", SERVICE, "default", "127.0.0.1", one.port, Placement.JUDGED)
    return make_front(SERVICES, [target], idle_timeout=5), one


@pytest.fixture
def one(shared: tuple[Front, Upstream]) -> Upstream:
    shared[1].forget()
    return shared[1]


@pytest.fixture
def front(shared: tuple[Front, Upstream]) -> Front:
    return shared[0]


def request(line: bytes = b"GET /a HTTP/1.1", *headers: bytes, host: bytes = b"Host: h.test") -> bytes:
    return b"\r\n".join([line, *filter(None, [host]), *headers, b"Connection: close", b"", b""])


def refused(front: Front, one: Upstream, data: bytes, status: bytes, page: bytes) -> None:
    """The load balancer's own answer, and nothing for the target."""
    head, _, body = front.raw(data, half_close=False).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 " + status)
    assert b"Server: awselb/2.0" in lines
    assert any(line.startswith(b"Date: ") for line in lines)
    assert b"<h1>" + page + b"</h1>" in body
    assert one.paths == []


@pytest.mark.parametrize("version", ["2.0", "3.0", "9.9", "0.9", "0.1"])
def test_another_version_is_505(front: Front, one: Upstream, version: str) -> None:
    data = request(b"GET /a HTTP/" + version.encode())
    refused(front, one, data, b"505", b"505 HTTP Version Not Supported")


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.9"])
def test_versions_of_http_1_are_forwarded(front: Front, one: Upstream, version: str) -> None:
    assert front.raw(request(b"GET /a HTTP/" + version.encode()), half_close=False).startswith(b"HTTP/1.1 200")
    assert one.paths == ["/a"]


@pytest.mark.parametrize(
    "host",
    ["", " ", ":80", "h.test:x", "h.test:99999", "h.test:123456", "h..test", ".test", ".", "<x>", "h:80:90", "::1"],
)
def test_an_empty_or_malformed_host_is_400(front: Front, one: Upstream, host: str) -> None:
    refused(front, one, request(host=b"Host: " + host.encode()), b"400", b"400 Bad Request")
    assert explain(SERVICES, "GET", "/a", [("Host", host.strip())]).status == 400


@pytest.mark.parametrize(
    "host", ["h", "h.test.", "h.test:80", "h.test:", "a_b.test", "192.0.2.1:8080", "[::1]:8080", "[::1]"]
)
def test_a_host_as_it_should_be_is_forwarded(front: Front, one: Upstream, host: str) -> None:
    assert front.raw(request(host=b"Host: " + host.encode()), half_close=False).startswith(b"HTTP/1.1 200")
    assert one.paths == ["/a"]
    assert explain(SERVICES, "GET", "/a", [("Host", host)]).destinations


def headers(kilobytes: int) -> list[bytes]:
    return [b"X-%03d: %s" % (number, b"v" * 1015) for number in range(kilobytes)]


def test_more_than_64_kb_of_headers_are_400(front: Front, one: Upstream) -> None:
    refused(front, one, request(b"GET /a HTTP/1.1", *headers(70)), b"400", b"400 Bad Request")
    pairs = [(f"X-{number:03}", "v" * 1015) for number in range(70)]
    assert explain(SERVICES, "GET", "/a", pairs).status == 400


def test_just_less_is_forwarded(front: Front, one: Upstream) -> None:
    assert front.raw(request(b"GET /a HTTP/1.1", *headers(62)), half_close=False).startswith(b"HTTP/1.1 200")
    assert one.paths == ["/a"]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        request(b"POST /a HTTP/1.1", b"Transfer-Encoding: gzip, chunked"),
        request(b"POST /a HTTP/1.1", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
        request(b"POST /a HTTP/1.1", b"Transfer-Encoding: xchunked"),
        request(b"POST /a HTTP/1.1", b"Content-Length: 4", b"Content-Length: 5"),
        request(b"POST /a HTTP/1.1", b"Content-Length: 3, 4"),
        request(b"GET /a http/1.1"),
        request(b"GET /a HTTP/11.1"),
        request(b"G{}T /a HTTP/1.1"),
        request(host=b"Host: a b"),
        request(b"GET /a HTTP/1.1", *headers(100)),
    ],
)
def test_what_cannot_be_read_reaches_no_target(front: Front, one: Upstream, data: bytes) -> None:
    assert front.raw(data, half_close=False).startswith(b"HTTP/1.1 4")
    assert one.paths == []
    assert front.get("/after").status == 200


@pytest.mark.parametrize(("kilobytes", "status"), [(30, 200), (34, 502)])
def test_more_than_32_kb_of_headers_from_a_target_are_502(
    front: Front, one: Upstream, kilobytes: int, status: int
) -> None:
    one.more_headers = [(f"X-{number}", "v" * 1015) for number in range(kilobytes)]
    answer = front.get("/a")
    assert answer.status == status
    assert (answer.header("Server") == "awselb/2.0") == (status == 502)
