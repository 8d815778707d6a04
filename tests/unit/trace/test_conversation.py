"""HTTP/1 of a connection: keep-alive, pipelining, 100, HEAD, upgrades, and what is no HTTP/1."""

from __future__ import annotations

import contextlib
import ssl

from hypothesis import given
from hypothesis import strategies as st

from emulator.trace.requests.conversation import Conversation
from emulator.trace.requests.exchange import Exchange, Outcome

HOST = b"Host: x\r\n"


class Talk:
    """A conversation, and what comes of it."""

    def __init__(self) -> None:
        self.found: list[Exchange] = []
        self.conversation = Conversation("172.30.0.2:40000", "172.30.0.3:80", self.found.append, 1.0, 100)
        self.time = 1.0

    def asks(self, data: bytes) -> Talk:
        self.time += 1
        self.conversation.from_client(self.time, data)
        return self

    def answers(self, data: bytes) -> Talk:
        self.time += 1
        self.conversation.from_server(self.time, data)
        return self

    def ends(self) -> list[Exchange]:
        self.conversation.server_closed(self.time)
        self.conversation.end(self.time)
        return self.found

    def statuses(self) -> list[tuple[str, int | None]]:
        return [
            (one.request.target if one.request else "", one.response.status if one.response else None)
            for one in self.found
        ]


def test_pipelined_requests_get_their_answers_in_order() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\nGET /b HTTP/1.1\r\n" + HOST + b"\r\n")
    talk.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    assert talk.statuses() == [("/a", 200), ("/b", 404)]


def test_an_expected_100_comes_before_the_answer() -> None:
    talk = Talk().asks(b"PUT /a HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    talk.answers(b"HTTP/1.1 100 Continue\r\n\r\n").asks(b"abc").answers(b"HTTP/1.1 204 No Content\r\n\r\n")
    [found] = talk.found
    assert found.informational == (100,)
    assert found.request is not None
    assert found.request.body == 3
    assert talk.statuses() == [("/a", 204)]


def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    talk = Talk().asks(b"HEAD /a HTTP/1.1\r\n" + HOST + b"\r\nGET /b HTTP/1.1\r\n" + HOST + b"\r\n")
    talk.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n")
    assert talk.statuses() == [("/a", 200), ("/b", 304)]


def test_an_answer_may_end_with_the_connection() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.0\r\n\r\n").answers(b"HTTP/1.0 200 OK\r\n\r\nall ").answers(b"of it")
    [found] = talk.ends()
    assert found.outcome is Outcome.ANSWERED
    assert found.response is not None
    assert found.response.body == 9


def test_an_answer_that_does_not_wait_for_the_body_is_the_answer() -> None:
    ask = b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n"
    talk = Talk().asks(ask + b"x" * 100).answers(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").asks(b"x" * 300)
    [found] = talk.found
    assert (found.outcome, found.response and found.response.status) == (Outcome.ANSWERED, 413)
    assert found.note == "answered before the request's body had been sent in full: 100 of 1000 bytes"
    talk.asks(b"x" * 600 + b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n").answers(b"HTTP/1.1 204 No\r\n\r\n")
    assert talk.statuses() == [("/a", 413), ("/b", 204)]


def test_an_answer_that_does_not_wait_for_a_chunked_body() -> None:
    talk = Talk().asks(b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    talk.answers(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").asks(b"2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n")
    talk.asks(b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n").answers(b"HTTP/1.1 204 No\r\n\r\n")
    assert talk.statuses() == [("/a", 413), ("/b", 204)]


def test_a_connection_that_breaks_while_a_body_is_sent_keeps_the_answer() -> None:
    ask = b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n"
    talk = Talk().asks(ask + b"x" * 100).answers(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").asks(b"x")
    talk.conversation.reset(talk.time, by_server=True)
    assert talk.statuses() == [("/a", 413)]
    talk = Talk().asks(ask + b"x" * 100)
    talk.conversation.reset(talk.time, by_server=True)
    [found] = talk.found
    assert (found.outcome, found.note) == (
        Outcome.NO_ANSWER,
        "the server reset the connection before the request ended",
    )


def test_a_body_that_the_server_did_not_want_is_not_the_next_request() -> None:
    talk = Talk().asks(b"PUT /a HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 300\r\n\r\n")
    talk.answers(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
    talk.asks(b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n").answers(b"HTTP/1.1 204 No\r\n\r\n")
    assert talk.statuses() == [("/a", 413), ("/b", 204)]


def test_an_answer_to_headers_that_are_not_complete() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n" + HOST + b"X-A: " + b"x" * 9000)
    talk.answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").asks(b"x" * 100)
    [found] = talk.ends()
    assert talk.statuses() == [("/a", 400)]
    assert found.outcome is Outcome.ANSWERED
    assert found.note == "answered before the request's headers had been sent in full"
    assert found.request is not None
    assert found.request.headers == (("Host", "x"),)


def test_what_breaks_the_rules_has_the_answer_that_it_got() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n" + HOST + b"Foo : bar\r\n\r\n")
    talk.answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    [found] = talk.found
    assert (found.outcome, found.response and found.response.status) == (Outcome.MALFORMED, 400)
    assert found.request is not None
    assert found.request.target == "/a"
    talk = Talk().asks(b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    talk.answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    assert [(one.outcome, one.response and one.response.status) for one in talk.found] == [(Outcome.MALFORMED, 400)]


def test_early_hints_are_no_answer() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n").answers(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    talk.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
    [found] = talk.found
    assert (found.informational, found.response and found.response.body) == ((103,), 2)


def test_an_upgrade_is_shown_and_what_follows_is_left_alone() -> None:
    ask = b"GET /ws HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    talk = Talk().asks(ask)
    talk.answers(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi")
    talk.asks(b"\x81\x82\0\0\0\0hi")
    [found] = talk.ends()
    assert (found.outcome, found.response and found.response.status) == (Outcome.UPGRADED, 101)


def test_an_upgrade_that_is_not_granted_leaves_http() -> None:
    ask = (
        b"GET /ws HTTP/1.1\r\n"
        + HOST
        + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /b HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
    )
    talk = Talk().asks(ask).answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    talk.answers(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    assert talk.statuses() == [("/ws", 200), ("/b", 404)]


def test_what_breaks_the_rules_of_http_is_shown_with_the_reason() -> None:
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n\r\n")
    [found] = talk.ends()
    assert found.outcome is Outcome.MALFORMED
    assert "'GET /a HTTP/1.1': Missing mandatory Host: header" in found.note
    talk = Talk().asks(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n").answers(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n")
    assert [one.outcome for one in talk.found] == [Outcome.MALFORMED]


def test_http_2_and_other_protocols_are_named_not_guessed() -> None:
    [found] = Talk().asks(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nabc").answers(b"defg").ends()
    assert (found.outcome, found.note) == (Outcome.OPAQUE, "HTTP/2.0, which is not read")
    [found] = Talk().answers(b"220 mail.test ESMTP\r\n").asks(b"EHLO x\r\n").ends()
    assert (found.note, found.sent, found.received) == ("not HTTP: the server speaks first", 8, 21)
    [found] = Talk().asks(b"\x00\x00\x00\x08\x04\xd2\x16\x2f").answers(b"N").ends()
    assert (found.note, found.sent, found.received) == ("not HTTP", 8, 1)


def hello(name: str | None) -> bytes:
    """A ClientHello as OpenSSL writes it."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_tls_shows_its_server_name_and_its_sizes_however_it_is_cut() -> None:
    data = hello("api.example.com")
    for size in (1, 7, 100, len(data)):
        talk = Talk()
        talk.asks(data[: max(size, 3)])
        for at in range(max(size, 3), len(data), size):
            talk.asks(data[at : at + size])
        [found] = talk.answers(b"x" * 40).ends()
        assert (found.outcome, found.server_name) == (Outcome.TLS, "api.example.com")
        assert (found.sent, found.received) == (len(data), 40)


def test_tls_without_a_server_name() -> None:
    [found] = Talk().asks(hello(None)).ends()
    assert (found.outcome, found.server_name) == (Outcome.TLS, "")


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=80)), max_size=12), st.booleans())
def test_no_bytes_make_it_fail(turns: list[tuple[bool, bytes]], http: bool) -> None:
    talk = Talk()
    if http:
        talk.asks(b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n")
    for by_client, data in turns:
        (talk.asks if by_client else talk.answers)(data)
    talk.conversation.reset(talk.time + 1, by_server=True)
    assert talk.conversation.unfinished() == []
