"""A Docker daemon behind SSH, `ssh://user@host`, reached as the `docker` command does it: each connection is one
`ssh … docker system dial-stdio`, whose standard streams are the connection.

The `ssh` command brings keys, agents, jump hosts and `~/.ssh/config` with it. The connections of one process share the
session of the first one (ControlMaster), which ends with the last of them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connection import HTTPConnection

from emulator.engine.docker.local_socket import UnixAdapter
from emulator.errors import EngineUnavailable
from emulator.files import read_text

CONNECT_TIMEOUT = 20
"""Seconds for the TCP connection to the SSH server."""
_LAST_WORDS = 2000
_CONNECTIONS = 8
"""Connections that stay open between requests: a server allows ten sessions over one connection (MaxSessions)."""


def command(host: str, folder: Path) -> list[str]:
    """What connects to the daemon at `ssh://[user@]host[:port][/socket]`; `folder` is where the session is shared.

    Raises EngineUnavailable for an address that is none, or whose parts `ssh` would take for options.
    """
    parts = _parts(host)
    name, user = parts.hostname or "", parts.username or ""
    if not name or name.startswith("-") or user.startswith("-") or parts.password is not None or parts.query:
        raise EngineUnavailable(
            f"{host!r} is not the address of a Docker daemon over SSH",
            hint="such an address is ssh://user@host or ssh://user@host:22; keys are those of the `ssh` command",
        )
    options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_TIMEOUT}"]
    options += ["-o", "ControlMaster=auto", "-o", f"ControlPath={folder}/%C", "-o", "ControlPersist=no"]
    options += ["-l", user] if user else []
    options += ["-p", str(parts.port)] if parts.port else []
    path = parts.path.rstrip("/")
    daemon = ["--host", f"unix://{path}"] if path else []
    return ["ssh", *options, "--", name, "docker", *daemon, "system", "dial-stdio"]


def _parts(host: str) -> SplitResult:
    try:
        parts = urlsplit(host)
        _ = parts.port
    except ValueError as error:
        raise EngineUnavailable(f"{host!r} is not the address of a Docker daemon over SSH: {error}") from None
    return parts


def last_words() -> str:
    """What `ssh` commands of this process said on standard error, at most the end of it."""
    with contextlib.suppress(OSError):
        return read_text(_folder() / "said", errors="replace")[-_LAST_WORDS:].strip()
    return ""


@cache
def _folder() -> Path:
    """This process's folder for the session and for what `ssh` says; its path is short, as a socket's has to be."""
    folder = Path(tempfile.mkdtemp(prefix="cl-ssh-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class SshConnection(HTTPConnection):
    """HTTP over the standard streams of an `ssh` command."""

    def __init__(self, *arguments: Any, address: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._address = address

    def connect(self) -> None:
        words = command(self._address, _folder())
        ours, its = socket.socketpair()
        try:
            with its, (_folder() / "said").open("ab") as said:
                process = subprocess.Popen(
                    words, stdin=its.fileno(), stdout=its.fileno(), stderr=said, start_new_session=True
                )
        except OSError as error:
            ours.close()
            raise EngineUnavailable(
                f"{self._address}: `ssh` cannot be run: {os.strerror(error.errno or 0)}",
                hint="install OpenSSH's client, or forward the daemon's socket and point DOCKER_HOST at it",
            ) from None
        # It ends when our end of its streams is closed, by this process's end at the latest.
        threading.Thread(target=process.wait, daemon=True, name="ssh").start()
        ours.settimeout(self.timeout)
        self.sock = ours


class SshPool(urllib3.HTTPConnectionPool):
    """Connections to one daemon behind SSH."""

    ConnectionCls = SshConnection


class SshAdapter(UnixAdapter):
    """In the place of the SDK's adapter, whose streams are pipes and have no deadlines."""

    def __init__(self, address: str) -> None:
        super().__init__("ssh")
        self._pool = SshPool("localhost", maxsize=_CONNECTIONS, address=address)
