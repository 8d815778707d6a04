"""The programs `aws` and `copilot-local` of a workflow's steps, each call forked from a process that has imported it.

What the shell starts hands its words, folder, environment and streams over, and ends with the exit code of the call.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.docker import command

_PROGRAM = """\
#!{python} -IS
import json, os, socket, sys
task = {{"words": sys.argv, "folder": os.getcwd(), "variables": dict(os.environ)}}
with socket.socket(socket.AF_UNIX) as to:
    to.connect({address!r})
    socket.send_fds(to, [{letter!r}], [0, 1, 2])
    to.sendall(json.dumps(task).encode() + b"\\n")
    process, code = to.makefile().read().split()
sys.exit(int(code))
"""
_PROGRAMS = {b"a": "aws", b"c": "copilot-local"}


@contextmanager
def programs(folder: Path) -> Iterator[None]:
    """While this is entered, programs in this folder can be called."""
    address = str(folder / "socket")
    for letter, name in _PROGRAMS.items():
        program = folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, address=address, letter=letter))
        program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        answering = threading.Thread(target=_answer, args=(listener,))
        answering.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(address)
            answering.join()


def _answer(listener: socket.socket) -> None:
    """Hands each call over, until one connects that says nothing."""
    while True:
        one, _ = listener.accept()
        with one:
            letter, streams, _, _ = socket.recv_fds(one, 1, 3)
            if not letter:
                return
            server = _aws() if _PROGRAMS[letter] == "aws" else command._server()
            socket.send_fds(server, [b"+"], [*streams, one.fileno()])
            for stream in streams:
                os.close(stream)


@cache
def _aws() -> socket.socket:
    """Where calls of the AWS command line go."""
    return command.start_server(["-m", "tests.stacks.warm_aws"])
