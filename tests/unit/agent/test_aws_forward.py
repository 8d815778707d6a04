from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emulator.agent.metadata.aws_forward import serve


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what it got, once the other end has said that no more comes."""

    def handle(self) -> None:
        got = b""
        while data := self.request.recv(65536):
            got += data
        self.request.sendall(got + b" and back")


@pytest.fixture
def target() -> Iterator[tuple[str, int]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield "127.0.0.1", server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def forwarded(target: tuple[str, int]) -> Iterator[socket.socket]:
    """A client's connection by way of the forwarder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, target))
        thread.start()
        with socket.create_connection(listener.getsockname(), timeout=30) as client:
            yield client
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        thread.join()


def test_both_directions_are_passed_on_to_their_end(target: tuple[str, int]) -> None:
    sent = bytes(range(256)) * 4000
    with forwarded(target) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while data := client.recv(65536):
            got += data
    assert got == sent + b" and back"


def test_where_nothing_listens_the_connection_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address: tuple[str, int] = closed.getsockname()
    with forwarded(address) as client:
        assert client.recv(1) == b""
