"""Hostile input at what `up` starts: it goes on serving, and no container sees what a load balancer would not send."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct

import pytest

from tests.docker.listeners import http2
from tests.docker.listeners.conftest import NAME, Shop
from tests.docker.listeners.http2 import Client, frame
from tests.docker.project import docker

pytestmark = pytest.mark.docker

IDLE_CONNECTIONS = 10_000
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: nobody.test\r\n\r\n"


@pytest.fixture(autouse=True)
def unharmed(shop: Shop) -> object:
    """The front is the same one afterwards, and answers on both listeners."""
    before = shop.front_started
    yield
    assert shop.plain("/plain/after").status_code == 200
    assert shop.get("/after", NAME).status_code == 200
    assert shop.front_started == before


def send(shop: Shop, data: bytes, *, secure: bool = False) -> bytes:
    """Everything that comes back until the front closes the connection, or is silent for a second."""
    with contextlib.ExitStack() as stack:
        port = shop.https_port if secure else shop.http_port
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        if secure:
            connection = stack.enter_context(shop.context().wrap_socket(connection, server_hostname="localhost"))
        answer = b""
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.settimeout(1)
            while block := connection.recv(65536):
                answer += block
        return answer


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_smuggled_requests_reach_no_container(shop: Shop, secure: bool) -> None:
    start = b"POST /plain/x HTTP/1.1\r\nHost: localhost\r\n"
    for attack in (
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
        b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
        b"Content-Length: 0,50\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
        b"X: a\rGET /smuggled HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ):
        send(shop, start + attack + SMUGGLED, secure=secure)
    assert not [path for service in ("plain", "shop") for path in shop.asked(service) if "smuggled" in path]


def test_a_megabyte_of_headers_is_refused(shop: Shop) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000))
    answer = send(shop, b"GET /plain/megabyte HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") or not answer
    assert "/plain/megabyte" not in shop.asked("plain")


def test_slow_clients_block_no_other(shop: Shop) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", shop.http_port), timeout=20))
            slow.sendall(b"GET /plain/slow HTTP/1.1\r\nHost: ")
        for _ in range(5):
            assert shop.plain("/plain/x").status_code == 200
    assert "/plain/slow" not in shop.asked("plain")


def test_ten_thousand_idle_connections_block_no_other(shop: Shop) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE_CONNECTIONS + 500:
        pytest.skip(f"this process may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # At the port that tasks use: a published one takes fewer, as Docker's own proxy for it needs files for each.
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = docker("inspect", "-f", template, shop.front).strip()
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(IDLE_CONNECTIONS):
                stack.enter_context(socket.create_connection((address, 80), timeout=20))
            assert shop.plain("/plain/x").status_code == 200
            assert shop.get("/x", NAME).status_code == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _headers_on_no_stream(client: Client) -> None:
    client.raw(frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 0, _block(client)))


def _too_long_a_frame(client: Client) -> None:
    client.raw(struct.pack(">I", 1 << 20)[1:] + bytes([http2.HEADERS, 0]) + struct.pack(">I", 1) + b"\0" * (1 << 16))


def _headers_that_never_end(client: Client) -> None:
    client.raw(frame(http2.HEADERS, 0, 1, _block(client)))
    for _ in range(2000):
        client.raw(frame(http2.CONTINUATION, 0, 1, http2.field("x-more", "x" * 100)))


def _nonsense_instead_of_headers(client: Client) -> None:
    client.raw(frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, b"\xff" * 64))


def _requests_that_are_taken_back(client: Client) -> None:
    # To the targets that have time for them: others, of a quarter of a processor, would be found unhealthy.
    block = http2.request_block("GET", client.authority, "/greeter.Greeter/malformed")
    for stream in range(1, 4001, 2):
        client.raw(frame(http2.HEADERS, http2.END_HEADERS, stream, block))
        client.raw(frame(http2.RST_STREAM, 0, stream, struct.pack(">I", 8)))


def _a_stream_that_depends_on_itself(client: Client) -> None:
    client.raw(frame(http2.PRIORITY, 0, 1, struct.pack(">IB", 1, 16)))


def _a_window_that_overflows(client: Client) -> None:
    for _ in range(3):
        client.raw(frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)))


def _headers_that_only_http_1_has(client: Client) -> None:
    smuggling = http2.field("transfer-encoding", "chunked") + http2.field("x", "a\r\nGET /smuggled HTTP/1.1")
    client.raw(frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, _block(client) + smuggling))


def _block(client: Client) -> bytes:
    return http2.request_block("GET", client.authority, "/malformed")


ATTACKS = (
    _headers_on_no_stream,
    _too_long_a_frame,
    _headers_that_never_end,
    _nonsense_instead_of_headers,
    _a_stream_that_depends_on_itself,
    _a_window_that_overflows,
    _headers_that_only_http_1_has,
)


def test_malformed_http_2_is_refused_and_reaches_no_container(shop: Shop) -> None:
    before = shop.front_started
    for attack in ATTACKS:
        client = Client(shop.https_port, shop.context(), NAME, timeout=5)
        with contextlib.suppress(OSError):
            attack(client)
        with contextlib.closing(client):
            assert client.refused(), attack.__name__
        assert shop.front_started == before, attack.__name__
    asked = shop.asked("shop")
    assert not [path for path in asked if "malformed" in path or "smuggled" in path]


def test_two_thousand_requests_taken_back_block_no_other(shop: Shop) -> None:
    client = Client(shop.https_port, shop.context(), NAME, timeout=5)
    with contextlib.closing(client), contextlib.suppress(OSError):
        _requests_that_are_taken_back(client)
        assert shop.get("/during", NAME).status_code == 200
