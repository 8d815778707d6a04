"""Sends one request to the load balancer, as it was asked for and with nothing added."""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from emulator.errors import UsageError

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = "".join(chr(code) for code in range(33, 127))
_CHUNK = 65536
_STALLED = 1.0
"""Seconds after which a server that takes no more of a body is asked whether it has answered."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that can be sent."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    data: bytes | None = None
    tls_name: str = ""
    """The name that the server's certificate has to be for; empty without TLS."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client got: a status, or why there is none."""

    status: int | None
    fault: str = ""
    certificate_for: tuple[str, ...] = ()
    """The names that the server's certificate is for, where the one that was asked for is not among them."""


def prepare(method: str, url: str, headers: Sequence[tuple[str, str]] = (), data: bytes | None = None) -> Outgoing:
    """A path, or a whole URL whose host is the request's. Raises UsageError for what HTTP cannot say."""
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"{method!r} is no HTTP method")
    host, target, tls_name = "", url, ""
    if not url.startswith("/"):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(f"{url!r} is neither a path such as /api/x nor a URL such as http://host/api/x")
        host = parts.netloc.rpartition("@")[2]
        tls_name = (parts.hostname or host) if parts.scheme == "https" else ""
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or re.search(r"[\r\n\0]", value) or not _latin(value):
            raise UsageError(f"-H {name}: {value!r} is no header that HTTP can send")
    sent = list(headers)
    names = {name.lower() for name, _ in sent}
    if host and "host" not in names:
        sent.insert(0, ("Host", host))
    if data is not None and not names & {"content-length", "transfer-encoding"}:
        sent.append(("Content-Length", str(len(data))))
    if data is not None and "content-type" not in names:
        sent.append(("Content-Type", "application/x-www-form-urlencoded"))
    return Outgoing(method, quote(target, safe=_PRINTABLE), tuple(sent), data, tls_name)


def send(port: int, request: Outgoing, timeout: float, trust: ssl.SSLContext | None = None) -> Answer:
    """Sends it to a port of this machine and reads the answer to its end, for `timeout` seconds at most.

    `trust` is what a certificate is checked with. One for other names is accepted, and said: what is behind the load
    balancer can be looked at all the same.
    """
    deadline = time.monotonic() + timeout
    others: tuple[str, ...] = ()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if request.tls_name:
            connection.connect()
            context = trust or ssl.create_default_context()
            context.check_hostname = False
            secured = context.wrap_socket(connection.sock, server_hostname=request.tls_name)
            connection.sock = secured
            names = certificate_names(secured)
            others = () if any(_is_for(name, request.tls_name) for name in names) else names
        connection.putrequest(
            request.method,
            request.target,
            skip_host=any(name.lower() == "host" for name, _ in request.headers),
            skip_accept_encoding=True,
        )
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders()
        _send_body(connection.sock, request.data or b"", deadline, plain=not request.tls_name)
        response = connection.getresponse()
    except TimeoutError:
        return Answer(None, f"no answer within {timeout:g} s", others)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return Answer(None, str(error) or type(error).__name__, others)
    try:
        while response.read1(_CHUNK):
            if time.monotonic() > deadline:
                return Answer(response.status, f"the answer did not end within {timeout:g} s", others)
        return Answer(response.status, certificate_for=others)
    except (OSError, http.client.HTTPException) as error:
        return Answer(response.status, f"the answer did not end: {str(error) or type(error).__name__}", others)
    finally:
        connection.close()


def certificate_names(secured: ssl.SSLSocket) -> tuple[str, ...]:
    """The names and addresses that the server's certificate is for."""
    found = (secured.getpeercert() or {}).get("subjectAltName", ())
    return tuple(str(entry[1]) for entry in found if isinstance(entry, tuple) and len(entry) > 1)


def _is_for(name: str, asked: str) -> bool:
    """Whether a name of a certificate covers a host. `*.` stands for one label. Source: RFC 6125 §6.4."""
    name, asked = name.lower(), asked.lower().rstrip(".")
    return name == asked or (name.startswith("*.") and asked.partition(".")[1:] == (".", name[2:]))


def _send_body(sock: socket.socket, data: bytes, deadline: float, *, plain: bool) -> None:
    """Sends a body until it is sent, or until the server answers or closes: then its answer is what counts."""
    view = memoryview(data)
    while view and (left := deadline - time.monotonic()) > 0:
        readable, writable, _ = select.select([sock], [sock], [], min(left, _STALLED))
        if plain and readable and _answers(sock):
            return
        if not writable:
            if readable:
                return  # over TLS nothing else says that an answer has come
            continue
        try:
            view = view[sock.send(view[:_CHUNK]) :]
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            return


def _answers(sock: socket.socket) -> bool:
    """Whether what can be read is an answer, or the end, and not one of the statuses before it, such as 100."""
    try:
        begins = sock.recv(len(b"HTTP/1.1 1"), socket.MSG_PEEK)
    except OSError:
        return True
    return re.match(rb"HTTP/1\.[01] 1", begins) is None


def _latin(value: str) -> bool:
    return all(ord(character) < 256 for character in value)
