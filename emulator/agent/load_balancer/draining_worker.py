"""What a worker of HAProxy still logs once a reload has replaced it.

A worker that is told to stop ends the connection of its ring at once, but answers the requests that it has and the next
one on every idle connection. So its records are read at its own admin socket too, from just before the reload on. That
session outlives the reload, and keeps the worker until it is closed.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from emulator.agent.load_balancer.access_log import AccessLog
from emulator.errors import EngineError

log = logging.getLogger(__name__)

SHOW_INFO = "show info"
_FOLLOW = b"show events access -w -n\n"
_QUIET = 1.0
"""Seconds without a record after which is asked whether the worker has clients left."""
_LONGEST = 75.0
"""Seconds after which HAProxy ends an old worker itself (`hard-stop-after`), and some more."""
_OWN_CONNECTIONS = 2
"""This session and the one that asks for the number."""


class OldWorker:
    """The worker that runs now and is about to be replaced. `ask_master` puts a question to the master process."""

    def __init__(
        self, socket_path: Path, information: str, access_log: AccessLog, ask_master: Callable[[str], str]
    ) -> None:
        self.pid = _number("Pid", information)
        self._access_log = access_log
        self._ask_master = ask_master
        self._session = socket.socket(socket.AF_UNIX)
        self._session.connect(str(socket_path))
        access_log.expect_twice(self.pid)
        self._session.sendall(_FOLLOW)

    def replaced(self) -> None:
        """The reload is done: reads on, in a thread of its own, until the worker has no client left."""
        threading.Thread(target=self._read, daemon=True, name=f"worker {self.pid}").start()

    def stays(self) -> None:
        """The reload failed: the worker goes on, and its ring too."""
        self._end()

    def _read(self) -> None:
        rest = b""
        until = time.monotonic() + _LONGEST
        self._session.settimeout(_QUIET)
        try:
            while time.monotonic() < until:
                try:
                    block = self._session.recv(1 << 18)
                except TimeoutError:
                    if not self._has_clients():
                        break
                    continue
                if not block:
                    break
                *lines, rest = (rest + block).split(b"\n")
                if records := b"".join(line + b"\n" for line in lines if line.startswith(b"{")):
                    self._keep(records)
        except OSError as error:
            log.warning("the last requests of worker %s may be missing in the access log: %s", self.pid, error)
        finally:
            self._end()

    def _keep(self, records: bytes) -> None:
        try:
            self._access_log.keep(records)
        except (EngineError, OSError) as error:  # the next ones may have room
            log.warning("requests of worker %s are missing in the access log: %s", self.pid, error)

    def _has_clients(self) -> bool:
        try:
            found = self._ask_master(f"@!{self.pid} {SHOW_INFO}")
        except OSError:
            return True
        return _number("CurrConns", found) > _OWN_CONNECTIONS

    def _end(self) -> None:
        with self._session, contextlib.suppress(OSError):
            self._session.sendall(b"\n")  # any input ends the session, and with it the worker
        self._access_log.expect_once(self.pid)


def _number(name: str, information: str) -> int:
    """One value of HAProxy's own information; 0 where it is not there."""
    found = re.search(rf"^{name}: (\d+)", information, re.MULTILINE)
    return int(found[1]) if found else 0
