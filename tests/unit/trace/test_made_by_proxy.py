"""What is said of a 5xx that a proxy made itself: what it asked answered well, or it asked nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.made_by_proxy import said_of
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import Hop, Place, assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, chain, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
PASSES = "server {\n listen 80;\n location /api {\n proxy_pass http://localhost:3000; %s } }"
TOO_BIG = (
    "2026/11/29 12:38:10 [error] 29#29: *5 upstream sent too big header while reading response header from upstream,"
    ' client: 172.30.0.2, server: , request: "GET /api/x HTTP/1.1", upstream: "http://127.0.0.1:3000/api/x",'
    ' host: "shop.test"'
)
ACCESS = '172.30.0.2 - - [29/Nov/2026:12:38:10 +0000] "GET /api/x HTTP/1.1" 502 157 "-" "curl/8" "172.30.0.1"'
Seen = list[tuple[Place, Exchange]]


def made(
    status: int, inner: Exchange | None = None, *, answer: tuple[tuple[str, str], ...] = (), path: str = "/api/x"
) -> Seen:
    """The client and nginx see `status`; the main container answered `inner`, or 200 with these headers."""
    first, second = (pair[1] for pair in chain("1-a", 10, (path,) * 3, status=status)[:0:-2])
    asked = inner or exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, path, trace="1-a", answer=answer)
    return [(FRONT, first), (HELLO, second), (HELLO, asked)]


def named(seen: Seen, configuration: str = "", lines: Sequence[str] = ()) -> list[Diagnosis]:
    [trace] = assemble(seen, PLACES)
    read = nginx.parse(FILE + configuration) if configuration else ()
    return diagnose(
        trace,
        lambda container: read if container == "cl-hello-nginx" else (),
        printed=lambda hop: lines if hop.container == "nginx" else (),
    )


def test_an_address_that_leads_nowhere_is_named_with_its_line() -> None:
    said = (
        "2026/11/29 12:38:10 [error] 29#29: *5 nowhere could not be resolved (3: Host not found), client: 172.30.0.2,"
        ' server: , request: "GET /api/x HTTP/1.1", host: "shop.test"'
    )
    seen = made(502)[:2]
    configuration = "server {\n listen 80;\n location / {\n proxy_pass http://nowhere:3000; } }"
    [fault] = named(seen, configuration, [said])
    assert fault.message == (
        'nginx answered 502 itself; it asked no other container; its log: "nowhere could not be resolved (3: Host not'
        ' found)"'
    )
    assert fault.hint == (
        "is `proxy_pass http://nowhere:3000;` right? Containers of the task are at localhost; `copilot-local connect`"
        " has the names and ports of other services, `copilot-local logs -c nginx` what it said"
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:4"


LARGE = (("X-Trail", "a" * 6000),)


def test_headers_that_nginx_has_no_room_for() -> None:
    [fault] = named(made(502, answer=LARGE), PASSES % "", [ACCESS, TOO_BIG])
    assert fault.certain
    assert fault.hop == 1
    assert fault.message == (
        "nginx answered 502 although hello:3000 answered 200: the answer's headers have 6028 bytes (X-Trail alone 6009)"
        ", and proxy_buffer_size is nginx's default of one memory page, 4k or 8k; its log: "
        '"upstream sent too big header'
        ' while reading response header from upstream"'
    )
    assert fault.hint == (
        "write `proxy_buffer_size 8k; proxy_buffers 4 8k;` beside its `proxy_pass`, or let hello send less"
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:4"


def test_headers_larger_than_the_buffer_that_is_written() -> None:
    [fault] = named(made(502, answer=LARGE), PASSES % "\nproxy_buffer_size 2k;")
    assert "and proxy_buffer_size is 2k" in fault.message
    assert fault.hint == "write `proxy_buffer_size 8k; proxy_buffers 4 8k;`, not `proxy_buffer_size 2k;`"
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:5"


def test_a_buffer_that_is_written_around_a_nested_location_holds_in_it() -> None:
    nested = "location /api/ {\n proxy_buffer_size 2k;\n location /api/x { proxy_pass http://localhost:3000; } }"
    [fault] = named(made(502, answer=LARGE), f"http {{ proxy_buffer_size 16k; server {{ listen 80;\n {nested} }} }}")
    assert "and proxy_buffer_size is 2k" in fault.message
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:3"


RESET = "the client reset the connection before the answer ended"


def test_an_answer_that_nginx_broke_off_is_no_fault_of_the_one_that_gave_it() -> None:
    """nginx closes the connection as soon as it has no room for the headers, and of a long answer the end is left."""
    cut = exchange(
        "127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", answer=LARGE, outcome=Outcome.CUT, note=RESET
    )
    [fault] = named(made(502, cut), PASSES % "", [ACCESS, TOO_BIG])
    assert fault.hop == 1
    assert fault.message.startswith("nginx answered 502 although hello:3000 answered 200: the answer's headers have")
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:4"
    [fault] = named(made(502, cut))
    assert fault.message == "nginx answered 502 although hello:3000 answered 200"


def test_a_client_that_answers_without_the_rest_of_what_it_asked_for_has_no_fault() -> None:
    cut = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", outcome=Outcome.CUT, note=RESET)
    assert named(made(200, cut)) == []


def test_an_answer_that_its_server_broke_off_is_its_fault() -> None:
    note = "the server reset the connection before the answer ended"
    cut = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", outcome=Outcome.CUT, note=note)
    [fault] = named(made(502, cut), PASSES % "")
    assert fault.message == f"hello:3000 gave nginx no whole answer: {note}"


CLOSED = "the server closed the connection"
SILENT = "server { listen 80 default_server; location = /healthz { return 200; } location / {\n return 444; } }"
SHOP = "\nserver { listen 80; server_name www.shop.test; location / { proxy_pass http://localhost:3000; } }"


def unanswered(configuration: str, path: str = "/api/x") -> list[Diagnosis]:
    first, _ = (pair[1] for pair in chain("1-a", 10, (path,) * 3, status=502)[:0:-2])
    closed = exchange(
        *("172.30.0.2", "172.30.0.3:80", 10.1, 10.2, path),
        trace="1-a",
        status=None,
        outcome=Outcome.NO_ANSWER,
        note=CLOSED,
    )
    return named([(FRONT, first), (HELLO, closed)], configuration)


def test_a_connection_that_nginx_closes_on_purpose() -> None:
    """A default server with `return 444;` is the common way to refuse scanners, and gets health checks by address."""
    [fault] = unanswered(SILENT + SHOP)
    assert fault.message == (
        "nginx closed the connection without an answer, as `return 444;` says; Host shop.test fits no server_name, so"
        " nginx takes its default server"
    )
    assert fault.hint == "add `shop.test` to the server_name at /etc/nginx/conf.d/default.conf:3"
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"
    [fault] = unanswered(SHOP.replace("proxy_pass http://localhost:3000", "return 444"))
    assert fault.hint == "a request that is to be told gets another status, such as 404"


@pytest.mark.parametrize(
    "configuration",
    [
        "server { listen 80; if ($cookie_a) { return 444; } location / { proxy_pass http://localhost:3000; } }",
        "server { listen 80; error_page 404 =444 /x; location / { return 404; } }",
    ],
)
def test_one_that_it_may_have_closed_for_another_reason(configuration: str) -> None:
    [fault] = unanswered(configuration)
    assert fault.message == f"nginx:80 gave front no whole answer: {CLOSED}"


def test_a_secret_header_counts_with_its_size_on_the_wire() -> None:
    [fault] = named(made(502, answer=(("Set-Cookie", "a=" + "b" * 9000),)), PASSES % "")
    assert "(Set-Cookie alone 9014)" in fault.message
    assert "bbbb" not in fault.message


def test_another_line_of_nginx_s_log_is_quoted() -> None:
    line = TOO_BIG.replace("too big header", "invalid header")
    [fault] = named(made(502), PASSES % "", [line])
    assert fault.message == (
        'nginx answered 502 although hello:3000 answered 200; its log: "upstream sent invalid header while reading'
        ' response header from upstream"'
    )
    assert fault.hint == "nginx made this 502 itself; see `copilot-local logs -c nginx`"


def test_where_nothing_is_known_the_fault_is_named_all_the_same() -> None:
    [fault] = named(made(502))
    assert fault.certain
    assert fault.message == "nginx answered 502 although hello:3000 answered 200"
    assert fault.hint == "nginx made this 502 itself; see `copilot-local logs -c nginx`"


@pytest.mark.parametrize("status", [204, 302, 404])
def test_every_answer_below_500_is_an_answer(status: int) -> None:
    inner = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", status=status)
    [fault] = named(made(503, inner))
    assert fault.message == f"nginx answered 503 although hello:3000 answered {status}"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_answer_of_the_application_that_is_passed_on_is_no_fault_of_a_proxy(status: int) -> None:
    inner = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, trace="1-a", status=status)
    assert not any("although" in fault.message for fault in named(made(status, inner)) if fault.hop == 1)


def test_an_application_that_asks_another_one_may_answer_500_for_its_own_reasons() -> None:
    inner = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7, "/stock/7", trace="1-a")
    assert named(made(500, inner)) == []


def test_nginx_answers_502_and_asks_nothing() -> None:
    line = "2026/11/29 12:38:10 [error] 29#29: *5 no live upstreams while connecting to upstream, client: 172.30.0.2"
    [fault] = named(made(502)[:2], PASSES % "", [line])
    assert fault.message == (
        'nginx answered 502 itself; it asked no other container; its log: "no live upstreams while connecting to'
        ' upstream"'
    )


def test_a_sidecar_that_answers_503_itself() -> None:
    line = '172.30.0.2:41 [29/Nov/2026] web web/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0 "GET /api/x HTTP/1.1"'
    [fault] = named(made(503)[:2], lines=[line])
    assert fault.message.startswith("nginx answered 503 itself; it asked no other container; its log: ")
    assert "SC--" in fault.message


def test_a_status_that_nginx_is_configured_to_return() -> None:
    [fault] = named(made(503)[:2], "server {\n listen 80;\n location /api { return 503; } }")
    assert fault.message == "nginx answered 503 itself; it asked no other container, as `return 503;` says"
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:3"


def test_an_answer_that_nginx_did_not_wait_for() -> None:
    inner = exchange(
        *("127.0.0.1", "127.0.0.1:3000", 10.2, 10.7), trace="1-a", status=None, outcome=Outcome.NO_ANSWER, note="gone"
    )
    [fault] = named(made(504, inner), PASSES % "proxy_read_timeout 1s;")
    assert fault.message == "hello:3000 did not answer nginx in time, and nginx answered 504"
    assert fault.hint == "it waits for 1s (`proxy_read_timeout`): raise that, or let hello answer sooner"
    unfinished = replace(inner, outcome=Outcome.UNFINISHED, ended=None)
    [fault] = named(made(504, unfinished))
    assert fault.message == "nginx answered 504 before hello:3000 had answered"


def test_a_proxy_that_closes_without_an_answer() -> None:
    seen = made(502)
    gone = replace(seen[1][1], outcome=Outcome.NO_ANSWER, response=None, note="the server closed the connection")
    faults = named([seen[0], (HELLO, gone), seen[2]])
    assert [fault.message for fault in faults] == [
        "nginx:80 gave front no whole answer: the server closed the connection, although hello:3000 answered 200"
    ]


def test_more_headers_than_a_load_balancer_takes() -> None:
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, status=502, trace="1-a")
    answer = (("X-Trail", "a" * 40_000),)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, trace="1-a", answer=answer)
    [fault] = named([(FRONT, first), (HELLO, second)])
    assert fault.message.endswith("(X-Trail alone 40009), and it takes no more than 32768")


def hop() -> Hop:
    [trace] = assemble(made(502), PLACES)
    return trace.hops[1]


def test_the_line_of_another_request_is_not_quoted() -> None:
    assert said_of([TOO_BIG.replace("/api/x", "/other")], hop()) == ""
    assert said_of([ACCESS], hop()) == ""


def test_a_quoted_line_shows_no_password() -> None:
    said = said_of([TOO_BIG.replace("upstream sent", "http://user:hunter22@shop/ sent")], hop())
    assert "sent too big header" in said
    assert "hunter22" not in said
