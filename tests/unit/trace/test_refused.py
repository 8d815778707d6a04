"""Connections that are refused: what a request led to, what goes on beside it, and repeated attempts."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import BROKEN_OFF, Exchange, Outcome
from emulator.trace.requests.hops import Place, assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, exchange

LISTENING = ("0.0.0.0:80", "127.0.0.1:3000")
FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
DEAD = "upstream app {\n server 127.0.0.1:4318;\n server 127.0.0.1:3000; }"
PASSES = FILE + DEAD + "\nserver { listen 80; location / { proxy_pass http://app; } }"


def refused(began: float = 10.3) -> Exchange:
    return exchange("127.0.0.1", "127.0.0.1:4318", began, began, outcome=Outcome.REFUSED, listening=LISTENING)


def found(status: int, inner: Exchange, *beside: Exchange, configuration: str = "") -> list[Diagnosis]:
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.9, status=status, trace="1-a")
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, status=status, trace="1-a")
    seen: list[tuple[Place, Exchange]] = [(FRONT, first), (FRONT, second), (HELLO, second)]
    [trace] = assemble([*seen, *((HELLO, one) for one in (inner, *beside))], PLACES)
    directives = nginx.parse(configuration) if configuration else ()
    return diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())


def answered(status: int | None = 200, outcome: Outcome = Outcome.ANSWERED, note: str = "") -> Exchange:
    return exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", status=status, outcome=outcome, note=note)


def test_one_during_a_request_that_was_answered_is_perhaps_another_programs() -> None:
    [fault] = found(200, answered(), refused())
    assert not fault.certain
    assert fault.message == (
        "hello, or another program of its task, connects to localhost:4318, where nothing listens (connection refused);"
        " in this task listen: nginx on 80, hello on 3000"
    )
    assert fault.hint == "let a container listen there, or correct the port"


def test_one_while_a_proxy_waited_too_long_is_perhaps_another_programs() -> None:
    late, other = found(504, answered(None, Outcome.NO_ANSWER, BROKEN_OFF), refused())
    assert late.certain
    assert late.message == "hello:3000 did not answer nginx in time, and nginx answered 504"
    assert not other.certain


@pytest.mark.parametrize(
    "inner",
    [
        answered(500),
        answered(None, Outcome.NO_ANSWER, "the server closed the connection"),
        answered(None, Outcome.UNFINISHED),
    ],
)
def test_one_of_a_request_that_failed_or_goes_on_is_its_fault(inner: Exchange) -> None:
    fault = found(502, inner, refused())[0]
    assert fault.certain
    assert fault.message.startswith("hello connects to localhost:4318, where nothing listens")


def test_one_that_nginx_is_configured_to_ask_is_a_fault_also_where_another_server_answered() -> None:
    [fault] = found(200, answered(), refused(10.15), configuration=PASSES)
    assert fault.certain
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"


def test_attempts_of_one_request_are_told_once() -> None:
    attempts = [refused(10.2 + number / 10) for number in range(4)]
    [fault] = found(503, attempts[0], *attempts[1:])
    assert fault.message == (
        "nginx connects to localhost:4318, where nothing listens (connection refused); in this task listen:"
        " nginx on 80, hello on 3000"
    )
