"""A Python process that has imported the command line, and forks for each command that a test runs.

A command costs up to 0.7 s of processor time before it does anything: Python starts, imports hundreds of modules and
builds the models' schemas. Here that happens once for each worker. What is forked is a process as any other, with
its own folder, environment, standard streams, signals and exit code, and starts where `copilot-local` starts
(`emulator.cli.main`).

Run as a program, this file is the process that forks: see `serve` for what it reads and writes.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

NO_COMMANDS = ("emulator.aws", "emulator.testing")
"""Packages that no command imports."""
DESCRIPTORS = 4
"""What each request brings: standard input, output and error, and a socket of its own."""


class Request(NamedTuple):
    """What a process shall run, and with what."""

    descriptors: tuple[int, ...]
    answers: socket.socket


class Task(NamedTuple):
    """A command: its words, its folder and its whole environment."""

    words: list[str]
    folder: str
    variables: dict[str, str]


def preload() -> None:
    """Imports what commands import, makes every command, and builds the schemas of all models."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")  # as emulator.cli.main does
    for name in _modules(importlib.import_module("emulator").__path__, "emulator."):
        importlib.import_module(name)
    from emulator.cli.shell.app import command_line
    from emulator.model import Model

    for command in _every(command_line()):
        _ = getattr(command, "command", None)  # a verb reads its options when it is first asked for
    for model in _below(Model):
        model.model_rebuild()
    gc.collect()
    gc.freeze()  # nothing of this is garbage, and a look at it would copy it into each child


def _modules(path: Iterable[str], prefix: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(path, prefix):
        if found.name in NO_COMMANDS or found.name.endswith(".__main__"):
            continue
        yield found.name
        if found.ispkg:
            yield from _modules(importlib.import_module(found.name).__path__, f"{found.name}.")


def _every(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        yield command
        if hasattr(command, "commands"):
            yield from _every(command)


def _below(model: type[Any]) -> Iterator[type[Any]]:
    yield model
    for derived in model.__subclasses__():
        yield from _below(derived)


def serve(control: socket.socket) -> Task | None:
    """Forks for each request, until the other end is closed. Returns the command in a forked process, else None.

    A request is one byte with four descriptors. The last is a socket from which the forked process reads its command,
    one line of JSON, and into which this process writes the line `PID`, and the line `CODE` when it has ended:
    negative where a signal ended it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the commands
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            _reap(running)
        if control.fileno() in ready:
            request = _receive(control)
            if request is None:
                return None
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                for socket_of_server in (control, *running.values()):
                    socket_of_server.close()
                os.close(woken)
                os.close(wake)
                return _become(request)
            for descriptor in request.descriptors:
                os.close(descriptor)
            running[process] = request.answers
            _say(request.answers, process)


def _receive(control: socket.socket) -> Request | None:
    found, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize))
    if not found:
        return None
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return Request(tuple(descriptors[:-1]), socket.socket(fileno=descriptors[-1]))


def _reap(running: dict[int, socket.socket]) -> None:
    for process in list(running):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            with running.pop(process) as answers:
                _say(answers, os.waitstatus_to_exitcode(status))


def _say(answers: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # a test that has ended does not listen any more
        answers.sendall(f"{number}\n".encode())


def _become(request: Request) -> Task:
    """Turns this forked process into one that looks as if it had been started for the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(request.descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    _open_streams()
    faulthandler.register(signal.SIGUSR1)  # a command that does not end says where it is
    with request.answers as answers, answers.makefile("r", encoding="utf-8") as lines:
        task = Task(**json.loads(lines.readline()))
    os.chdir(task.folder)
    os.environ.clear()
    os.environ.update(task.variables)
    time.tzset()
    return task


def _open_streams() -> None:
    """As Python opens them when it starts: what they can do depends on what they lead to."""
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def _start() -> int:
    preload()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        task = serve(control)
    if task is None:
        return 0
    sys.argv = task.words
    from emulator.cli.main import main

    code = main()
    _end(code)
    return code


def _end(code: int) -> None:
    """Ends as Python does, but for taking apart what was imported: that would copy all of it into this process."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(_start())
