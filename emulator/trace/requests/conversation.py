"""HTTP/1 read from both directions of a connection, as they come. Pure.

h11 reads the messages: each with a parser of its own, since one that only listens must not wait for the other side to
speak. It is strict, as a proxy would be, so what it refuses is shown as malformed with its reason, and with its answer.
An answer belongs to the request that it comes for, however much of that request has been sent.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace

import h11

from emulator.trace.packets import tls
from emulator.trace.requests.exchange import BROKEN_OFF, Exchange, Headers, OnExchange, Outcome, Request, Response
from emulator.trace.requests.rough import rough_request

REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [^ \r\n]+ HTTP/1\.[01]\r?\n")
_BEGINS_HTTP = re.compile(rb"[\r\n]*[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}( |$)")
MOST_HEAD = 256 * 1024
"""Bytes of a message's head that h11 may hold; HAProxy and nginx refuse far shorter ones."""

_WRAP = 1 << 32


@dataclass
class _Open:
    """A request that has begun."""

    exchange: Exchange
    complete: bool = False
    switches: bool = False
    """It asks for another protocol on this connection: an `Upgrade`, or CONNECT."""
    expects: bool = False
    """It waits for a 100 before it sends its body."""
    malformed: str = ""
    """What in it breaks the rules of HTTP."""


class Conversation:
    """One connection. `emit` is given each exchange once, when it is over."""

    def __init__(self, client: str, server: str, emit: OnExchange, time: float, sequence: int) -> None:
        self._blank = Exchange(client, server, sequence, Outcome.UNFINISHED, time)
        self._emit = emit
        self._waiting: deque[_Open] = deque()
        """Requests without a whole answer, in order."""
        self._sending: _Open | None = None
        """The request whose body is being sent, which may have its answer already."""
        self._head = b""
        """What has come of a request whose head is not complete."""
        self._deaf = False
        """What the client sends cannot be read any more."""
        self._incoming: h11.Connection | None = None
        self._answer: h11.Connection | None = None
        self._held = b""
        self._began = time
        self._offset = 0
        self._message_start = 0
        self._opaque: Exchange | None = None
        self._hello: bytes | None = b""
        self._switched = False
        self._spoken = False

    # what the client sends

    def from_client(self, time: float, data: bytes) -> None:
        """Bytes of the client, in order."""
        if self._switched or self._deaf or not data:
            return
        if self._opaque is not None:
            self._count(sent=data)
            return
        if not self._spoken:
            self._spoken = True
            if tls.looks_like_tls(data):
                self._become(Outcome.TLS, time, "")
                self._count(sent=data)
                return
            if not _BEGINS_HTTP.match(data[:64]):
                self._become(Outcome.OPAQUE, time, "not HTTP")
                self._count(sent=data)
                return
        self._read_requests(time, data)

    def _read_requests(self, time: float, data: bytes) -> None:
        self._offset += len(data)
        if self._waiting and self._waiting[-1].complete and self._waiting[-1].switches:
            self._held += data  # what it is depends on the answer
            return
        if self._body_left_out(data):
            self._incoming = self._sending = None
            self._message_start = self._offset - len(data)
        while True:
            if self._incoming is None:
                self._incoming = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
                self._began, self._head = time, b""
            parser = self._incoming
            if self._sending is None:
                self._head = (self._head + data)[:MOST_HEAD]
            try:
                if data:
                    parser.receive_data(data)
                rest = self._request_events(parser)
            except h11.ProtocolError as error:
                self._malformed_request(f"the request{_first_line(data)}: {error}")
                return
            if rest is None:
                return
            self._incoming, data = None, rest
            if self._opaque is not None or not rest:
                return
            if self._waiting and self._waiting[-1].switches:
                self._held = rest
                return

    def _request_events(self, parser: h11.Connection) -> bytes | None:
        """The bytes behind the message; None where it goes on."""
        while True:
            event = parser.next_event()
            if isinstance(event, h11.Request):
                if event.http_version not in (b"1.0", b"1.1"):
                    self._become(Outcome.OPAQUE, self._began, f"HTTP/{event.http_version.decode()}, which is not read")
                    self._count(sent=parser.trailing_data[0])
                    return b""
                request = Request(
                    event.method.decode("latin-1"),
                    event.target.decode("latin-1"),
                    event.http_version.decode("latin-1"),
                    _headers(event.headers),
                )
                self._asked(request, switches=_switches(event), expects=_expects(event))
            elif isinstance(event, h11.Data):
                self._grow(len(event.data))
            elif isinstance(event, h11.EndOfMessage):
                if self._sending is not None:
                    self._sending.complete = True
                self._sending = None
                rest = bytes(parser.trailing_data[0])
                self._message_start = self._offset - len(rest)
                return rest
            else:
                return None

    def _asked(self, request: Request, *, switches: bool = False, expects: bool = False) -> None:
        """A request has begun. Its sequence number says where in the stream, the same in all captures of it."""
        sequence = (self._blank.sequence + self._message_start) % _WRAP
        started = replace(self._blank, began=self._began, request=request, sequence=sequence)
        self._sending = _Open(started, switches=switches, expects=expects)
        self._waiting.append(self._sending)
        self._head = b""

    def _grow(self, size: int) -> None:
        if self._sending is None:
            return
        request = self._sending.exchange.request
        assert request is not None
        self._sending.exchange = replace(self._sending.exchange, request=replace(request, body=request.body + size))

    def _body_left_out(self, data: bytes) -> bool:
        """Whether the client did not send a body for which it was given no 100, and asks for something else instead."""
        one = self._sending
        if one is None or not one.expects or one in self._waiting or one.exchange.request is None:
            return False
        return one.exchange.request.body == 0 and REQUEST_LINE.match(data) is not None

    def _malformed_request(self, note: str) -> None:
        """What follows cannot be read: nothing says where the next request begins. It may have an answer yet."""
        if self._sending is None:
            request = rough_request(self._head)
            if request is None or not request.version:
                self._become(Outcome.MALFORMED, self._began, note)
                return
            self._asked(request)
        assert self._sending is not None
        self._sending.complete, self._sending.malformed = True, note
        self._deaf = True

    # what the server sends

    def from_server(self, time: float, data: bytes) -> None:
        """Bytes of the server, in order."""
        if self._switched or not data:
            return
        if self._opaque is not None:
            self._count(received=data)
            return
        if not self._spoken:
            self._spoken = True
            self._become(Outcome.OPAQUE, time, "not HTTP: the server speaks first")
            self._count(received=data)
            return
        if not self._waiting and self._head and (request := rough_request(self._head)) is not None:
            self._asked(request)  # the server does not wait for the rest of it
            self._deaf = True
        while data and self._waiting:
            data = self._read_answer(time, data)

    def _read_answer(self, time: float, data: bytes) -> bytes:
        """The bytes behind the answer."""
        if self._answer is None:
            self._answer = _answer_parser(self._waiting[0])
        if self._waiting[0].exchange.answered is None:
            self._update(answered=time)
        try:
            self._answer.receive_data(data)
            return self._answer_events(self._answer, time)
        except h11.ProtocolError as error:
            self._malformed_answer(time, f"the answer{_first_line(data)}: {error}")
            return b""

    def _answer_events(self, parser: h11.Connection, time: float) -> bytes:
        while True:
            event = parser.next_event()
            if isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    self._switch(event, time)
                    return b""
                seen = (*self._waiting[0].exchange.informational, event.status_code)
                self._update(informational=seen)
            elif isinstance(event, h11.Response):
                if self._waiting[0].switches and _is_connect(self._waiting[0]) and event.status_code // 100 == 2:
                    self._switch(event, time)
                    return b""
                self._update(response=_response(event))
            elif isinstance(event, h11.Data):
                response = self._waiting[0].exchange.response
                assert response is not None
                self._update(response=replace(response, body=response.body + len(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                rest = bytes(parser.trailing_data[0])
                self._done(Outcome.ANSWERED, time)
                return rest
            else:
                return b""

    def _switch(self, event: h11.InformationalResponse | h11.Response, time: float) -> None:
        self._update(response=_response(event))
        self._done(Outcome.UPGRADED, time)
        self._switched = True

    # how it ends

    def server_closed(self, time: float) -> None:
        """The server sends no more."""
        if self._answer is not None and self._waiting:
            parser = self._answer
            try:
                parser.receive_data(b"")
                self._answer_events(parser, time)
            except h11.ProtocolError:
                self._done(Outcome.CUT, time, "the server closed the connection before the answer ended")
        self._end_waiting(time, "the server closed the connection")

    def reset(self, time: float, by_server: bool) -> None:
        """One end broke the connection off."""
        what = "the server reset the connection" if by_server else BROKEN_OFF
        if self._answer is not None and self._waiting:
            self._done(Outcome.CUT, time, f"{what} before the answer ended")
        self._end_waiting(time, what)
        self.end(time)

    def lost(self, time: float, note: str = "the capture missed packets of it") -> None:
        """The capture missed bytes: what is going on cannot be read to its end."""
        while self._waiting:
            self._done(Outcome.PARTLY_SEEN, time, note)
        self.end(time)

    def end(self, time: float) -> None:
        """The connection is over, for both sides."""
        if self._opaque is not None:
            opaque, self._opaque = self._opaque, None
            self._switched = True
            self._emit(replace(opaque, ended=time))
        self._end_waiting(time, "the connection was closed")

    @property
    def given_up(self) -> bool:
        """Nothing more of it can be read, and nothing of what could is left; its next request begins anew."""
        return self._deaf and not self._waiting

    def unfinished(self) -> list[Exchange]:
        """What goes on still."""
        return [one.exchange for one in self._waiting] + ([self._opaque] if self._opaque is not None else [])

    def _end_waiting(self, time: float, note: str) -> None:
        while self._waiting:
            partly = not self._waiting[0].complete
            self._done(Outcome.NO_ANSWER, time, note + (" before the request ended" if partly else ""))

    def _malformed_answer(self, time: float, note: str) -> None:
        self._done(Outcome.MALFORMED, time, note)
        self._end_waiting(time, note)
        self._deaf = True

    def _become(self, outcome: Outcome, time: float, note: str) -> None:
        sequence = (self._blank.sequence + self._message_start) % _WRAP
        self._opaque = replace(self._blank, outcome=outcome, began=time, note=note, sequence=sequence)

    def _count(self, sent: bytes = b"", received: bytes = b"") -> None:
        assert self._opaque is not None
        found = replace(
            self._opaque, sent=self._opaque.sent + len(sent), received=self._opaque.received + len(received)
        )
        if found.outcome is Outcome.TLS and self._hello is not None and sent:
            self._hello += sent
            name = tls.server_name(self._hello)
            if name is not None or len(self._hello) > tls.MOST_BYTES:
                found, self._hello = replace(found, server_name=name or ""), None
        self._opaque = found

    def _update(self, **fields: object) -> None:
        self._waiting[0].exchange = replace(self._waiting[0].exchange, **fields)  # type: ignore[arg-type]

    def _done(self, outcome: Outcome, time: float, note: str = "") -> None:
        one = self._waiting.popleft()
        self._answer = None
        if one.malformed:
            outcome, note = Outcome.MALFORMED, one.malformed
        elif outcome is Outcome.ANSWERED and not one.complete:
            note = _early(one, head_complete=one is self._sending and not self._deaf)
        self._emit(replace(one.exchange, outcome=outcome, ended=time, note=note))
        if one.switches and self._held:
            held, self._held = self._held, b""
            if outcome is Outcome.ANSWERED:  # it stays HTTP
                self._offset -= len(held)
                self._read_requests(time, held)


def _answer_parser(asked: _Open) -> h11.Connection:
    """A parser that knows what the answer's framing depends on: the method, and whether it may switch protocols."""
    request = asked.exchange.request
    assert request is not None
    headers = [("host", "x")]
    if asked.switches and request.method != "CONNECT":
        headers += [("connection", "upgrade"), ("upgrade", "x")]
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
    parser.send(h11.Request(method=request.method, target="/", headers=headers))
    parser.send(h11.EndOfMessage())
    return parser


def _switches(event: h11.Request) -> bool:
    names = {name: value.lower() for name, value in event.headers}
    return event.method == b"CONNECT" or (b"upgrade" in names and b"upgrade" in names.get(b"connection", b""))


def _expects(event: h11.Request) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in event.headers)


def _early(one: _Open, *, head_complete: bool) -> str:
    """What to say of an answer that came before the end of its request."""
    request = one.exchange.request
    assert request is not None
    if not head_complete:
        return "answered before the request's headers had been sent in full"
    length = next((value for name, value in request.headers if name.lower() == "content-length"), "")
    of = f" of {length}" if length else ""
    return f"answered before the request's body had been sent in full: {request.body}{of} bytes"


def _is_connect(asked: _Open) -> bool:
    return asked.exchange.request is not None and asked.exchange.request.method == "CONNECT"


def _response(event: h11.InformationalResponse | h11.Response) -> Response:
    return Response(
        event.status_code,
        event.reason.decode("latin-1"),
        event.http_version.decode("latin-1"),
        _headers(event.headers),
    )


def _first_line(data: bytes) -> str:
    """What a message begins with, if these bytes are its beginning; nothing else, which may be secret."""
    line = next(iter(data.lstrip(b"\r\n").splitlines()), b"")[:80].decode("latin-1")
    return f" {line!r}" if "HTTP/" in line else ""


def _headers(found: h11._headers.Headers) -> Headers:
    """As they were written, upper and lower case kept."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in found.raw_items())
