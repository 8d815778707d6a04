"""The access log of a running front, as it arrives at its listener."""

from __future__ import annotations

import contextlib
import shlex
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Condition,
    FixedResponse,
    Forward,
    ListenerRule,
    PathPattern,
    Redirect,
    Rewrite,
    TargetGroup,
    TargetHealthCheck,
    Transform,
    WeightedTargetGroup,
)
from emulator.frontdoor.access_log import AccessRecord, LoadBalancerName, alb_line, as_json, parse_record
from emulator.frontdoor.options import Placement, Target
from tests.docker.frontdoor.conftest import wait_until
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Front, Make, StartFront, Upstream

pytestmark = pytest.mark.docker

NAME = LoadBalancerName("app", "test")


@dataclass
class Listener:
    """Takes the records that a front sends."""

    records: list[AccessRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        rest = b""
        with connection, contextlib.suppress(ConnectionResetError):  # a worker that ends
            while data := connection.recv(65536):
                *lines, rest = (rest + data).split(b"\n")
                self.records += [parse_record(line) for line in lines]

    def wait(self, count: int = 1) -> AccessRecord:
        """The last record, once there are that many."""
        wait_until(lambda: len(self.records) >= count, f"{count} records")
        return self.records[count - 1]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def shared_listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_target(make_upstream: Make) -> Upstream:
    return make_upstream("one")


@pytest.fixture
def listener(shared_listener: Listener) -> Listener:
    """Each test waits for the records of all its requests, so that none comes later."""
    shared_listener.records.clear()
    return shared_listener


@pytest.fixture
def one(shared_target: Upstream) -> Upstream:
    shared_target.forget()
    return shared_target


@pytest.fixture(scope="module")
def shared_front(make_front: StartFront, shared_target: Upstream, shared_listener: Listener) -> Front:
    return logging_front(make_front, shared_target, shared_listener)


@pytest.fixture
def front(shared_front: Front, one: Upstream) -> Front:
    return shared_front


def logging_front(start: StartFront, one: Upstream, listener: Listener) -> Front:
    def rule(priority: int, path: str, action: Forward | Redirect | FixedResponse) -> ListenerRule:
        conditions: list[Condition] = [PathPattern(values=[path])]
        return ListenerRule(name=path, priority=priority, conditions=conditions, action=action)

    check = TargetHealthCheck(path="/health", interval=5)
    groups = [
        TargetGroup(name=name, container_name=SERVICE, container_port=80, health_check=check)
        for name in ("default", "empty")
    ]
    rules = [
        rule(10, "/api*", Forward(target_groups=[WeightedTargetGroup(target_group="default")])),
        rule(20, "/old*", Redirect(path="/new")),
        rule(30, "/fixed", FixedResponse(status_code=503, message_body="busy", content_type="text/plain")),
        rule(15, "/health*", Forward(target_groups=[WeightedTargetGroup(target_group="default")])),
        rule(40, "/empty", Forward(target_groups=[WeightedTargetGroup(target_group="empty")])),
    ]
    rules[-2].transforms = [
        Transform(type="url-rewrite", rewrites=[Rewrite(regex="^/health", replace="/y")]),
        Transform(type="host-header-rewrite", rewrites=[Rewrite(regex="^h", replace="new")]),
    ]
    target = Target("one", SERVICE, "default", "127.0.0.1", one.port, Placement.JUDGED)
    return start([service_with(rules, groups)], [target], access_log=True, log_port=listener.port, idle_timeout=2)


def line(front: Front, record: AccessRecord) -> list[str]:
    """The fields of the log line; a split as a shell does it is one that respects the quotes."""
    lexer = shlex.shlex(alb_line(record, NAME, front.options), posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    return list(lexer)


def test_a_forwarded_request(front: Front, one: Upstream, listener: Listener) -> None:
    answer = front.get('/api/x?a="b"', User_Agent='curl "8"')
    fields = line(front, listener.wait())
    assert len(fields) == 33
    assert fields[0] == "http"
    assert fields[2].startswith("app/app-test/")
    assert fields[3].startswith("127.0.0.1:")
    assert fields[4] == f"127.0.0.1:{one.port}"
    assert all(float(value) >= 0 for value in fields[5:8])
    assert fields[8:10] == ["200", "200"]
    assert int(fields[10]) > 60
    assert int(fields[11]) > len(answer.body)
    assert fields[12] == r"GET http://h.test:8080/api/x?a=\x22b\x22 HTTP/1.1"
    assert fields[13] == r"curl \x228\x22"
    assert fields[14:16] == ["-", "-"]
    assert fields[16].startswith(
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/app-test-web-default/"
    )
    assert fields[17] == answer.seen_header("X-Amzn-Trace-Id")[0]
    assert fields[20] == "10"
    assert fields[22:24] == ["forward", "-"]
    assert fields[25:27] == [f"127.0.0.1:{one.port}", "200"]
    assert fields[21] <= fields[1]


def test_a_transformed_request_keeps_its_url_and_host(front: Front, one: Upstream, listener: Listener) -> None:
    answer = front.get("/health/x?a=1")
    record = listener.wait()
    fields = line(front, record)
    assert (answer.seen["path"], answer.seen_header("Host")) == ("/y/x?a=1", ["new.test:8080"])
    assert fields[12] == "GET http://h.test:8080/health/x?a=1 HTTP/1.1"
    assert fields[30:] == ["new.test", "/y/x?a=1", "TransformSuccess"]
    assert as_json(record, NAME, front.options)["transformed_uri"] == "/y/x?a=1"
    front.settle(one="healthy")
    assert {probe.request_line for probe in one.probes} == {"GET /health HTTP/1.1"}


@pytest.mark.parametrize(
    ("method", "path", "statuses", "priority", "actions", "has_arn"),
    [
        ("GET", "/old?x=1", ["301", "-"], "20", ["redirect", "http://h.test:8080/new?x=1"], False),
        ("GET", "/fixed", ["503", "-"], "30", ["fixed-response", "-"], False),
        ("GET", "/empty", ["503", "-"], "40", ["forward", "-"], True),
        ("GET", "/none", ["503", "-"], "0", ["forward", "-"], True),
        ("TRACE", "/api", ["405", "-"], "-", ["-", "-"], False),
    ],
)
def test_answers_of_the_load_balancer(
    front: Front,
    listener: Listener,
    method: str,
    path: str,
    statuses: list[str],
    priority: str,
    actions: list[str],
    has_arn: bool,
) -> None:
    front.request(method, path)
    fields = line(front, listener.wait())
    assert fields[4:8] == ["-", "-1", "-1", "-1"]
    assert fields[8:10] == statuses
    assert fields[16].startswith("arn:") is has_arn
    assert fields[20] == priority
    assert fields[22:24] == actions


def test_a_target_that_breaks_off(front: Front, one: Upstream, listener: Listener) -> None:
    one.fault = "reset"
    front.get("/api")
    fields = line(front, listener.wait())
    assert fields[4] == f"127.0.0.1:{one.port}"
    assert fields[6:10] == ["-1", "-1", "502", "-"]


def test_a_request_that_cannot_be_read(front: Front, listener: Listener) -> None:
    front.raw(b"nonsense\r\n\r\n", half_close=False)
    fields = line(front, listener.wait())
    assert fields[8] == "400"
    assert fields[12] == "- http://localhost:8080- -"


def test_no_record_is_lost_over_a_reload(start_front: StartFront, one: Upstream, listener: Listener) -> None:
    front = logging_front(start_front, one, listener)
    for number in range(20):
        front.get(f"/api/{number}")
    listener.wait(20)
    front.reload(front.services)
    for number in range(20, 40):
        front.get(f"/api/{number}")
    listener.wait(40)
    assert sorted(int(record.uri.rpartition("/")[2]) for record in listener.records) == list(range(40))


def test_as_json_it_has_the_same_names_and_no_empty_fields(front: Front, listener: Listener) -> None:
    front.get("/api/x")
    fields = as_json(listener.wait(), NAME, front.options)
    assert fields["request"] == "GET http://h.test:8080/api/x HTTP/1.1"
    assert (fields["service"], fields["target_group"], fields["matched_rule_priority"]) == (SERVICE, "default", 10)
    assert "redirect_url" not in fields
    assert "ssl_cipher" not in fields
