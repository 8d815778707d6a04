from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emulator.agent.metadata.aws_forward import serve
from tests.unit.agent.exhausted import no_file, no_thread


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
def serving(
    target: tuple[str, int], before: Callable[[socket.socket], None] = lambda _: None
) -> Iterator[socket.socket]:
    """The forwarder's listener; `before` gets it before the forwarder does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before(listener)
        thread = threading.Thread(target=serve, args=(listener, target), name="forwarder")
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            thread.join()


@contextmanager
def forwarded(target: tuple[str, int]) -> Iterator[socket.socket]:
    """A client's connection by way of the forwarder."""
    with serving(target) as listener, socket.create_connection(listener.getsockname(), timeout=30) as client:
        yield client


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


def answer(listener: socket.socket) -> bytes:
    """What a client gets that says nothing."""
    with socket.create_connection(listener.getsockname(), timeout=30) as client:
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_connection_for_which_no_file_is_left_waits_for_one(
    target: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(target, before=lambda listener: no_file(monkeypatch, listener.getsockname())) as listener:
        assert answer(listener) == b" and back"


def test_a_connection_for_which_no_thread_is_left_is_closed_and_the_next_one_is_served(
    target: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(target) as listener:
        with no_thread(monkeypatch, "Thread-"):
            assert answer(listener) == b""
        assert answer(listener) == b" and back"
