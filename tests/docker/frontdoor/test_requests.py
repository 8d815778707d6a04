"""What targets see of a request and clients of an answer: headers, limits, errors, stickiness, weights."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    PathPattern,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.frontdoor.options import Placement, Target
from tests.docker.frontdoor.conftest import targets_hit
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Front, Make, Response, StartFront, Upstream

pytestmark = pytest.mark.docker

TRACE = re.compile(r"1-([0-9a-f]{8})-[0-9a-f]{24}")


def service(
    groups: dict[str, int], stickiness: bool = False, group_stickiness: int | None = None, priority: int = 1
) -> Service:
    """Everything goes to these target groups by weight."""
    forward = Forward(
        target_groups=[WeightedTargetGroup(target_group=name, weight=weight) for name, weight in groups.items()],
        stickiness_duration=group_stickiness,
    )
    rule = ListenerRule(name="rule", priority=priority, conditions=[PathPattern(values=["/*"])], action=forward)
    check = TargetHealthCheck(path="/health", interval=5, timeout=2)
    return service_with(
        [rule],
        [
            TargetGroup(name=name, container_name=SERVICE, container_port=80, health_check=check, stickiness=stickiness)
            for name in groups
        ],
    )


def judged(upstream: Upstream, group: str = "default") -> Target:
    return Target(upstream.name, SERVICE, group, "127.0.0.1", upstream.port, Placement.JUDGED)


@pytest.fixture(scope="module")
def shared(make_upstream: Make) -> Upstream:
    """The target of all fronts of this file that have one."""
    return make_upstream("one")


@pytest.fixture(scope="module")
def listening(make_front: StartFront, shared: Upstream) -> Callable[[int], Front]:
    """A front whose listener has this port, one for all tests."""
    options = {"idle_timeout": 2}
    return cache(lambda port: make_front([service({"default": 1})], [judged(shared)], listener_port=port, **options))


@pytest.fixture
def one(shared: Upstream) -> Upstream:
    shared.forget()
    return shared


@pytest.fixture
def front(listening: Callable[[int], Front], one: Upstream) -> Front:
    return listening(8080)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ([], ["127.0.0.1"]),
        (["127.0.0.4"], ["127.0.0.4, 127.0.0.1"]),
        (["127.0.0.4, 127.0.0.8"], ["127.0.0.4, 127.0.0.8, 127.0.0.1"]),
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2", "127.0.0.1"]),
    ],
)
def test_x_forwarded_for_gains_the_peer(front: Front, sent: list[str], seen: list[str]) -> None:
    answer = front.request("GET", "/", [("Host", "h.test"), *(("X-Forwarded-For", value) for value in sent)])
    assert answer.seen_header("X-Forwarded-For") == seen


def test_x_forwarded_proto_and_port_are_the_listeners(front: Front) -> None:
    answer = front.get("/", X_Forwarded_Proto="https", X_Forwarded_Port="1", X_Forwarded_Host="kept.test")
    assert answer.seen_header("X-Forwarded-Proto") == ["http"]
    assert answer.seen_header("X-Forwarded-Port") == ["8080"]
    assert answer.seen_header("X-Forwarded-Host") == ["kept.test"]


def test_a_trace_id_is_made_of_the_time(front: Front) -> None:
    (value,) = front.get("/").seen_header("X-Amzn-Trace-Id")
    found = TRACE.fullmatch(value.removeprefix("Root="))
    assert found
    assert abs(int(found[1], 16) - time.time()) < 60
    assert front.get("/").seen_header("X-Amzn-Trace-Id") != [value]


@pytest.mark.parametrize(
    ("sent", "rest"),
    [
        ("Root=R;CalledFrom=app", ";Root=R;CalledFrom=app"),
        ("Self=S;Root=R", ";Root=R"),
        ("Root=R;Self=S;X=1", ";Root=R;X=1"),
    ],
)
def test_a_trace_id_is_extended(front: Front, sent: str, rest: str) -> None:
    (value,) = front.get("/", X_Amzn_Trace_Id=sent).seen_header("X-Amzn-Trace-Id")
    assert value.startswith("Self=")
    assert value.endswith(rest)
    assert TRACE.fullmatch(value.removeprefix("Self=").removesuffix(rest))


@pytest.mark.parametrize("sent", ["CalledFrom=app", "Root=" + "R" * 8000])
def test_a_trace_id_without_root_or_among_too_many_headers_is_replaced(front: Front, sent: str) -> None:
    (value,) = front.get("/", X_Amzn_Trace_Id=sent).seen_header("X-Amzn-Trace-Id")
    assert TRACE.fullmatch(value.removeprefix("Root="))


@pytest.mark.parametrize(
    ("listener_port", "host", "seen"),
    [
        (80, "ex.com", "ex.com"),
        (80, "ex.com:8443", "ex.com"),
        (443, "Ex.com:1", "ex.com"),
        (8080, "ex.com", "ex.com:8080"),
        (8080, "ex.com:9", "ex.com:9"),
        (8080, "localhost:8080", "localhost:8080"),
        (8080, "[::1]:8080", "[::1]:8080"),
    ],
)
def test_host(listening: Callable[[int], Front], one: Upstream, listener_port: int, host: str, seen: str) -> None:
    assert listening(listener_port).get("/", Host=host).seen_header("Host") == [seen]


def test_http_1_0_without_host_gets_one(front: Front) -> None:
    answer = front.raw(b"GET / HTTP/1.0\r\n\r\n")
    assert b'["host", "localhost:8080"]' in answer


def test_other_headers_and_bodies_pass(front: Front) -> None:
    headers = [("Host", "h.test"), ("Cookie", "a=1; b=2"), ("X_Under", "1"), ("Authorization", "Basic x")]
    answer = front.request("POST", "/", headers, body=b"some body")
    assert answer.seen["body"] == "some body"
    assert answer.seen_header("Cookie") == ["a=1; b=2"]
    assert answer.seen_header("X_Under") == ["1"]
    assert answer.seen_header("Authorization") == ["Basic x"]
    assert (
        answer.header(
            "Server",
        )
        != "awselb/2.0"
    )


def test_expect_100_continue_is_answered_by_the_front(front: Front) -> None:
    answer = front.raw(
        b"POST / HTTP/1.1\r\nHost: h.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n")
    assert b"HTTP/1.1 200 OK" in answer
    assert b'"expect"' not in answer


def test_a_target_that_refuses_connections_is_a_502(start_front: StartFront, upstream: Make) -> None:
    one = upstream("one")
    front = start_front([service({"default": 1})], [judged(one)])
    one.stop()
    assert_page(front.get("/"), 502, "Bad Gateway", 122)


@pytest.mark.parametrize("fault", ["reset", "garbage"])
def test_a_broken_answer_is_a_502(front: Front, one: Upstream, fault: str) -> None:
    one.fault = fault
    assert_page(front.get("/"), 502, "Bad Gateway", 122)


def test_no_answer_in_time_is_a_504(front: Front, one: Upstream) -> None:
    one.fault = "hang"
    assert_page(front.get("/"), 504, "Gateway Time-out", 132)


def test_half_a_request_is_a_408(front: Front) -> None:
    answer = front.raw(b"GET / HTTP/1.1\r\nHost: h.te", half_close=False)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_pages_have_a_date_and_their_length(front: Front) -> None:
    answer = front.request("TRACE", "/")
    assert_page(answer, 405, "Not Allowed", 122)
    assert abs((parsedate_to_datetime(answer.header("Date") or "") - datetime.now(UTC)).total_seconds()) < 60
    assert answer.header("Content-Length") == "122"
    assert answer.header("Content-Type") == "text/html"


def assert_page(answer: Response, status: int, reason: str, length: int) -> None:
    assert (answer.status, answer.reason, answer.header("Server")) == (status, reason, "awselb/2.0")
    assert len(answer.body) == length
    assert f"<h1>{status} {reason}</h1>".encode() in answer.body


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h.test\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_malformed_requests_are_a_400_and_a_closed_connection(front: Front, data: bytes) -> None:
    answer = front.raw(data, half_close=False)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_http_2_is_only_spoken_on_https(front: Front) -> None:
    answer = front.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), half_close=False)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_sticky_client_keeps_its_target_until_it_is_gone(start_front: StartFront, upstream: Make) -> None:
    made = {name: upstream(name) for name in ("one", "two")}
    front = start_front([service({"default": 1}, stickiness=True)], check_interval=0.1)
    front.targets = [Target(name, SERVICE, "default", "127.0.0.1", made[name].port) for name in made]
    front.settle(one="healthy", two="healthy")
    first = front.get("/")
    cookies = [cookie.split("=", 1)[0] for cookie in first.all("Set-Cookie")]
    assert cookies == ["AWSALB", "AWSALBCORS"]
    assert "; Path=/" in first.all("Set-Cookie")[0]
    assert "SameSite=None" in first.all("Set-Cookie")[1]
    expires = re.search(r"Expires=([^;]+)", first.all("Set-Cookie")[0])
    assert expires
    age = parsedate_to_datetime(expires[1]) - datetime.now(UTC)
    assert abs(age.total_seconds() - 7 * 86400) < 60
    chosen = first.seen["target"]
    cookie = first.all("Set-Cookie")[0].partition(";")[0]
    assert {front.get("/", Cookie=f"x=1; {cookie}").seen["target"] for _ in range(8)} == {chosen}
    assert front.get("/", Cookie=cookie).all("Set-Cookie")  # renewed on every answer
    assert targets_hit(front) == {"one", "two"}
    front.draining = [target for target in front.targets if target.name == chosen]
    front.targets = [target for target in front.targets if target.name != chosen]
    front.settle()
    moved = front.get("/", Cookie=cookie)
    assert moved.seen["target"] != chosen
    assert not moved.all("Set-Cookie")[0].startswith(cookie)


def test_weights_share_the_requests(start_front: StartFront, upstream: Make) -> None:
    targets = [judged(upstream(name), name) for name in ("tga", "tgb")]
    front = start_front([service({"tga": 10, "tgb": 20}, group_stickiness=3600)], targets)
    answers = [front.get("/") for _ in range(300)]
    share = Counter(answer.seen["target"] for answer in answers)
    assert 65 <= share["tga"] <= 135  # 100 is the mean, more than four standard deviations either way
    cookies = answers[0].all("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["AWSALBTG", "AWSALBTGCORS"]
    cookie = cookies[0].partition(";")[0]
    assert {front.get("/", Cookie=cookie).seen["target"] for _ in range(10)} == {answers[0].seen["target"]}


def test_a_group_without_targets_is_no_reason_to_take_another(start_front: StartFront, upstream: Make) -> None:
    front = start_front([service({"tga": 1, "tgb": 1})], [judged(upstream("tga"), "tga")])
    assert Counter(front.get("/").status for _ in range(40)).keys() == {200, 503}
