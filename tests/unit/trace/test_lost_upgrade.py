"""A WebSocket's handshake that a proxy passes on as a plain request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
PASSES = FILE + "server { listen 80;\n location / {\n proxy_pass http://localhost:3000; } }"
ASKED = (("Upgrade", "websocket"), ("Connection", "Upgrade"))


def found(
    headers: tuple[tuple[str, str], ...],
    status: int = 426,
    *,
    version: str = "1.1",
    asked: tuple[tuple[str, str], ...] = ASKED,
    configuration: str = PASSES,
) -> list[Diagnosis]:
    """What is said where nginx was asked with some headers, and asked the main container with others."""

    def made(client: str, server: str, began: float, given: tuple[tuple[str, str], ...]) -> Exchange:
        outcome = Outcome.UPGRADED if status == 101 else Outcome.ANSWERED
        return exchange(
            client, server, began, 11 - began / 100, trace="1-a", status=status, headers=given, outcome=outcome
        )

    first = made(OUTSIDE, "172.30.0.2:8080", 10, asked)
    second = made("172.30.0.2", "172.30.0.3:80", 10.1, asked)
    third = made("127.0.0.1", "127.0.0.1:3000", 10.2, headers)
    assert third.request is not None
    third = replace(third, request=replace(third.request, version=version))
    [trace] = assemble([(FRONT, first), (HELLO, second), (HELLO, third)], PLACES)
    directives = nginx.parse(configuration) if configuration else ()
    return diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())


@pytest.mark.parametrize(
    ("headers", "version", "missing"),
    [
        ((("Connection", "close"),), "1.0", "without its header Upgrade"),
        ((("Upgrade", "websocket"), ("Connection", "close")), "1.1", "without `Connection: upgrade`"),
        (ASKED, "1.0", "in HTTP/1.0"),
    ],
)
def test_what_is_missing_is_named_with_what_to_write(
    headers: tuple[tuple[str, str], ...], version: str, missing: str
) -> None:
    [fault] = found(headers, version=version)
    assert fault.certain
    assert fault.message == (
        f"nginx was asked to open a WebSocket and passed that on {missing}: hello took it for a plain request and"
        " answered 426"
    )
    assert fault.hint == (
        "pass the handshake on: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header"
        ' Connection "upgrade";`'
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:3"


def test_another_answer_may_be_about_something_else_and_another_proxy_has_other_words() -> None:
    [fault] = found((("Connection", "close"),), 404)
    assert not fault.certain
    [fault] = found((("Connection", "close"),), configuration="")
    assert "on; in nginx: `proxy_http_version" in fault.hint


def test_a_handshake_that_is_passed_on_is_none() -> None:
    assert found((("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade")), 101) == []
    assert found(ASKED, 403) == []


@pytest.mark.parametrize(
    ("status", "headers", "hint"),
    [
        (400, ASKED, "a WebSocket's handshake needs the header Sec-WebSocket-Key"),
        (
            414,
            (),
            "unless a rule says so (`copilot-local route GET /api/x` says which rules there are), it does not take",
        ),
        (503, ASKED, "`copilot-local route GET /api/x` says which rules there are, `copilot-local targets` whether"),
    ],
)
def test_what_the_load_balancer_answers_itself_has_a_hint_that_fits(
    status: int, headers: tuple[tuple[str, str], ...], hint: str
) -> None:
    asked = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, status=status, headers=headers)
    [trace] = assemble([(FRONT, asked)], PLACES)
    [fault] = diagnose(trace)
    assert fault.message == f"the load balancer answered {status} itself; no container was asked"
    assert fault.hint.startswith(hint)


@pytest.mark.parametrize("asked", [(), (("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"))])
def test_other_requests_are_none(asked: tuple[tuple[str, str], ...]) -> None:
    assert found((("Connection", "close"),), 426, version="1.0", asked=asked) == []
