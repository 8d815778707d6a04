"""The agent's socket in a folder of this user, which the agent's container mounts: a connection without `docker exec`.

Only where the Docker daemon runs on this machine; everywhere else the agent is reached through `docker exec`. A process
that accepts the connection is the proof that the agent runs: the socket of one that is gone refuses it.

Imports next to nothing, since the commands that only look begin with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError, EngineError
from emulator.runtime.control.http import AgentError, Connection, Message, Query, closed_after, done, request

if TYPE_CHECKING:
    from emulator.engine.interface import EngineInfo
    from emulator.runtime.state.names import Names

SOCKET = "agent.sock"
DAEMON = "daemon"
"""The file beside the socket that holds the address of the agent's daemon."""
_LONGEST_PATH = 100
"""Bytes of a socket's path; the kernel takes 107."""
_CHUNK = 65536
_LOCKS = "0123456789abcdef"
ANSWER_TIMEOUT = 25.0
"""Seconds for an answer that the agent has at hand; an agent that was just started takes some until it listens."""
RETIRE_TIMEOUT = 2.0
"""Seconds for which an agent is waited for that may hang, where its environment goes away."""
FIRST_ANSWER_TIMEOUT = 5.0
"""Seconds for the begin of an answer that Docker's own listing can stand in for."""


def folder_of(environment: Names) -> Path:
    """The folder of an environment's agent: below `$XDG_RUNTIME_DIR`, otherwise below the user's cache folder."""
    return _folder() / hashlib.sha256(environment.prefix.encode()).hexdigest()[:16]


def _folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or ""
    if not (base and os.access(base, os.W_OK | os.X_OK)):
        base = f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}"
    return Path(base) / "copilot-local" / "run"


def make_folder(environment: Names, info: EngineInfo) -> Path | None:
    """Makes the folder for an agent that is about to be created on that daemon; None where the daemon cannot have it,
    or the folder would not be the user's own."""
    folder = folder_of(environment)
    if not info.shares_folders or len(bytes(folder / SOCKET)) > _LONGEST_PATH:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return None
        (folder / DAEMON).write_text(info.host, encoding="utf-8")
    except OSError:
        return None
    return folder


@contextlib.contextmanager
def alone(environment: Names) -> Iterator[None]:
    """Within this block no other command of this user creates the environment's agent, or takes one back: a network
    that one of them removes is not taken for there by the next. Without a lock where there can be no file."""
    folder = folder_of(environment)
    with _locked(folder.parent, folder.name[0]):
        yield


@contextlib.contextmanager
def none_is_made() -> Iterator[None]:
    """Within this block no other command of this user creates the agent of any environment, or what that lives in."""
    folder = _folder()
    with contextlib.ExitStack() as stack:
        for digit in _LOCKS:
            stack.enter_context(_locked(folder, digit))
        yield


@contextlib.contextmanager
def _locked(folder: Path, digit: str) -> Iterator[None]:
    """Holds one of sixteen locks, so that names that are used once leave no file each."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = stack.enter_context((folder / f"{digit}.lock").open("w", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_folder(environment: Names) -> None:
    """Removes the folder of an agent that is gone."""
    shutil.rmtree(folder_of(environment), ignore_errors=True)


def connect(environment: Names, host: str) -> SocketStream | None:
    """A connection to the environment's agent on the daemon at that address; None where there is none this way."""
    folder = folder_of(environment)
    with contextlib.suppress(OSError):
        if daemon_of(environment) != host:
            return None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(folder / SOCKET))
        except OSError:
            connection.close()
            raise
        return SocketStream(connection)
    return None


def daemon_of(environment: Names) -> str:
    """The address of the daemon that the agent runs on; empty where no agent was given the folder."""
    try:
        return (folder_of(environment) / DAEMON).read_text(encoding="utf-8")
    except OSError:
        return ""


class SocketStream:
    """A connection to the agent's socket, with the methods of a command's streams."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb", buffering=_CHUNK)
        self._reading = threading.Lock()
        self._closed = False

    def write(self, data: bytes) -> None:
        """Sends to the agent. Raises EngineError where it is gone."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise EngineError(f"the agent ended the connection: {error.strerror or error}") from None

    def close_stdin(self) -> None:
        """The agent sees the end of what is sent; its answer still arrives."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def chunks(self) -> Iterator[bytes]:
        """The answer as it comes, until the connection ends."""
        for line in self.lines():
            yield line + b"\n"

    def lines(self) -> Iterator[bytes]:
        """Lines of the answer, without line ends, until the connection ends."""
        while line := self._line():
            yield line.removesuffix(b"\n")

    def _line(self) -> bytes:
        """The next line with its end; empty where the connection has ended, and the file goes with it then."""
        with self._reading:
            try:
                line = self._file.readline()
            except (OSError, ValueError):  # closed by us, or the agent is gone
                line = b""
            if not line:
                self._file.close()
        if self._closed:  # while the line was read, after it had come
            self._close_file()
        return line

    def error_output(self) -> bytes:
        """Nothing: there is no command that could say anything beside the answer."""
        return b""

    def exit_code(self) -> int | None:
        """None while the agent has not ended the connection, otherwise 0."""
        try:
            return None if self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) else 0
        except BlockingIOError:
            return None
        except OSError:
            return 0

    def close(self) -> None:
        """Ends the connection; from any thread, also while another one waits for a line."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._closed = True
        self._close_file()

    def _close_file(self) -> None:
        """The socket is open as long as its file is. A thread that reads a line closes it when it has read."""
        if self._reading.acquire(blocking=False):
            try:
                self._file.close()
            finally:
                self._reading.release()


def answer(environment: Names, verb: str, query: Query | None = None) -> Message | None:
    """The one document that the agent answers over its socket on this machine; None as for `messages`."""
    found = messages(environment, verb, query)
    return next(found, None) if found is not None else None


def messages(environment: Names, verb: str, query: Query | None = None) -> Iterator[Message] | None:
    """The messages of the agent's answer over its socket on this machine, as they come; None where it has no socket
    here, does not begin to answer in time, or is of a version that does not know the request.

    The iterator raises `AgentError` where the agent fails later, and EngineError where it breaks off.
    """
    connection = _connected(environment)
    if connection is None:
        return None
    found = connection.ask(request("GET", verb, query, last=True))
    try:
        with closed_after(connection, FIRST_ANSWER_TIMEOUT):
            first = next(found, None)
    except (AgentError, EngineError):
        connection.close()
        return None  # who asks Docker is told why
    except BaseException:
        connection.close()
        raise
    rest = _rest(connection, first, found)
    next(rest)  # a generator that has not begun closes nothing when it is dropped
    return rest


def retire(environment: Names, timeout: int | None) -> Connection | None:
    """Has the agent begin what `down` does: it retires, as long as the connection that is returned lasts, and stops
    tasks; `timeout` shortens their stop timeouts. None where it has no socket here, or does not answer at once."""
    connection = _connected(environment)
    if connection is None:
        return None
    body = {"app": environment.app, "environment": environment.environment, "stop": True, "timeout": timeout}
    try:
        with closed_after(connection, RETIRE_TIMEOUT):
            done(connection.ask(request("POST", "retire", body=body)))
    except (CopilotLocalError, OSError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _rest(connection: Connection, first: Message | None, others: Iterator[Message]) -> Iterator[Message]:
    try:
        yield {}
        if first is not None:
            yield first
            yield from others
    finally:
        connection.close()


def _connected(environment: Names) -> Connection | None:
    """To the agent's socket on this machine, where its daemon is the one that the `docker` command would find."""
    if not daemon_of(environment):
        return None
    from emulator.engine.docker.endpoint import find_endpoint

    try:
        stream = connect(environment, find_endpoint(os.environ, Path.home()).host)
    except CopilotLocalError:
        return None  # who asks Docker is told why
    return Connection(stream) if stream is not None else None
