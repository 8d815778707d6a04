"""A system that has no file or no thread left for a moment."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def no_file(monkeypatch: pytest.MonkeyPatch, address: object) -> None:
    """The next connection that a listener of that address would accept finds no file."""
    accept, left = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")]

    def refuse_once(listener: socket.socket) -> tuple[socket.socket, object]:
        if listener.getsockname() == address and left:
            raise left.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", refuse_once)


@contextmanager
def no_thread(monkeypatch: pytest.MonkeyPatch, name: str = "") -> Iterator[None]:
    """Meanwhile no thread can be started whose name begins so."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        yield
