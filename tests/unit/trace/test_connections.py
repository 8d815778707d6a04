"""From segments to exchanges: handshakes, refusals, loss, connections that began before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.trace.packets.connections import Connections
from emulator.trace.packets.packets import Address
from emulator.trace.requests.conversation import Conversation
from emulator.trace.requests.exchange import Exchange, Outcome
from tests.unit.trace.wire import GET, OK, Wire, seen

POST = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"


def test_a_request_and_its_answer_with_their_times() -> None:
    wire = Wire()
    [found] = seen([*wire.open(), wire.asks(GET), wire.answers(OK)])
    assert found.outcome is Outcome.ANSWERED
    assert found.request is not None
    assert found.response is not None
    assert (found.request.method, found.request.target) == ("GET", "/api/x")
    assert found.request.headers == (("Host", "shop.test"),)
    assert (found.response.status, found.response.body) == (200, 5)
    assert (found.client, found.server) == ("172.30.0.2:40000", "172.30.0.3:80")
    assert found.answered is not None
    assert found.began < found.answered <= (found.ended or 0)


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_however_messages_are_cut_into_segments_they_are_read_the_same(ask: list[int], answer: list[int]) -> None:
    wire = Wire(client_next=2**32 - 30)
    segments = wire.open()
    segments += [wire.asks(piece) for piece in _cut(GET + POST, ask)]
    segments += [wire.answers(piece) for piece in _cut(OK + CHUNKED, answer)]
    first, second = seen([*segments, wire.ends(True), wire.ends(False)])
    assert first.request is not None
    assert second.request is not None
    assert first.response is not None
    assert second.response is not None
    assert [first.request.target, second.request.target] == ["/api/x", "/b"]
    assert [first.response.status, second.response.status] == [200, 404]
    assert (second.request.body, second.response.body) == (7, 2)
    assert (second.sequence - first.sequence) % 2**32 == len(GET)


def _cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


def test_after_a_request_that_cannot_be_read_the_next_one_is() -> None:
    wire = Wire()
    segments = [*wire.open(), wire.asks(b"GET /a HTTP/1.1\r\nHost: x\r\nFoo : bar\r\n\r\n"), wire.answers(OK)]
    found = seen([*segments, wire.asks(GET), wire.answers(OK), wire.ends(True), wire.ends(False)])
    assert [one.outcome for one in found] == [Outcome.MALFORMED, Outcome.ANSWERED]
    assert found[0].sequence != found[1].sequence


def test_a_conversation_that_makes_the_capture_fail_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Conversation.from_client

    def fails(self: Conversation, time: float, data: bytes) -> None:
        if b"/fails" in data:
            raise IndexError
        read(self, time, data)

    monkeypatch.setattr(Conversation, "from_client", fails)
    found: list[Exchange] = []
    connections = Connections(found.append)
    bad, good = Wire(), Wire(client=Address("172.30.0.2", 41000))
    for segment in [*bad.open(), *good.open(), good.asks(GET)]:
        connections.feed(segment)
    connections.feed(bad.asks(GET.replace(b"/api/x", b"/fails")))
    connections.feed(good.answers(OK))
    connections.feed(bad.answers(OK))
    assert [one.outcome for one in found] == [Outcome.ANSWERED]
    assert connections.unreadable == 1


def test_a_refused_connection_says_who_listens_instead() -> None:
    wire = Wire()
    attempt = wire.open()[0]
    wire.client_next = attempt.sequence + 1
    [found] = seen([attempt, replace(wire.breaks(by_client=False), sequence=0)])
    assert found.outcome is Outcome.REFUSED
    assert found.listening == ("0.0.0.0:80", "127.0.0.1:3000")


def test_an_attempt_without_an_answer_is_unreachable() -> None:
    wire = Wire()
    attempt = wire.open()[0]
    [found] = seen([attempt, replace(attempt, time=attempt.time + 1)])
    assert found.outcome is Outcome.UNREACHABLE


def test_a_connection_that_began_before_is_taken_up_at_its_next_request() -> None:
    wire = Wire()
    rest_of_an_answer = wire.answers(b"lo, this is the end of something")
    [found] = seen([rest_of_an_answer, wire.confirms(True), wire.asks(GET), wire.answers(OK)])
    assert found.outcome is Outcome.ANSWERED


def test_a_lost_segment_costs_its_request_and_no_other() -> None:
    wire = Wire()
    segments = [*wire.open(), wire.asks(GET)]
    wire.answers(OK[:20])  # the capture does not see it
    segments += [wire.answers(OK[20:]), wire.confirms(True)]
    wire.time += 1
    segments += [wire.confirms(True), wire.asks(GET), wire.answers(OK)]
    lost, whole = seen(segments)
    assert lost.outcome is Outcome.PARTLY_SEEN
    assert whole.outcome is Outcome.ANSWERED


def test_segments_of_two_processors_in_the_wrong_order_are_no_loss() -> None:
    wire = Wire()
    opened = wire.open()
    ask, answer, confirm = wire.asks(GET), wire.answers(OK), wire.confirms(True)
    [found] = seen([*opened, ask, confirm, answer])
    assert found.outcome is Outcome.ANSWERED


@given(st.integers(0, 2**32 - 1), st.data())
def test_neighbours_that_swap_places_change_nothing(seed: int, data: st.DataObject) -> None:
    """As on a machine with several processors: an answer may be seen before its request, an end before both."""
    wire = Wire(client_next=seed, server_next=seed ^ 0x5555)
    segments = wire.open()
    for number in range(4):
        segments += [wire.asks(GET.replace(b"/api/x", b"/%d" % number)), wire.confirms(by_client=False)]
        segments += [wire.answers(OK), wire.confirms(by_client=True)]
    segments += [wire.ends(True), wire.ends(False), wire.confirms(True)]
    at = 3
    while at < len(segments) - 1:
        if data.draw(st.booleans()):
            segments[at], segments[at + 1] = segments[at + 1], segments[at]
            at += 1
        at += 1
    found = seen(segments)
    assert [one.request.target if one.request else "" for one in found] == ["/0", "/1", "/2", "/3"]
    assert {one.outcome for one in found} == {Outcome.ANSWERED}


def test_a_server_that_closes_without_an_answer_gave_none() -> None:
    wire = Wire()
    [found] = seen([*wire.open(), wire.asks(GET), wire.ends(by_client=False), wire.ends(by_client=True)])
    assert (found.outcome, found.note) == (Outcome.NO_ANSWER, "the server closed the connection")


def test_a_reset_in_the_middle_of_an_answer_cuts_it_off() -> None:
    wire = Wire()
    [found] = seen([*wire.open(), wire.asks(GET), wire.answers(OK[:-2]), wire.breaks(by_client=False)])
    assert (found.outcome, found.note) == (Outcome.CUT, "the server reset the connection before the answer ended")


def test_a_request_without_an_answer_yet_is_unfinished() -> None:
    wire = Wire()
    [found] = seen([*wire.open(), wire.asks(GET)])
    assert (found.outcome, found.ended) == (Outcome.UNFINISHED, None)


def test_a_port_that_is_used_again_is_another_connection() -> None:
    first, second = Wire(), Wire(client_next=900_000, server_next=700_000, time=200)
    found = seen(
        [*first.open(), first.asks(GET), first.answers(OK), *second.open(), second.asks(GET), second.answers(OK)]
    )
    assert [one.outcome for one in found] == [Outcome.ANSWERED, Outcome.ANSWERED]
