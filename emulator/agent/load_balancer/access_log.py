"""Takes the front's access log, writes it to the log store, and reads it there."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

from emulator.errors import EngineError
from emulator.frontdoor.access_log import RING_BYTES, created_at, parse_fields, record_key
from emulator.logstore.beneath import append_beneath, open_beneath
from emulator.logstore.records import ACCESS, Record
from emulator.logstore.store import Follower
from emulator.runtime.listeners.accepted import accepted

log = logging.getLogger(__name__)

BATCH = 0.025
"""Seconds in which records gather before they are taken: HAProxy's ring keeps what the socket has no room for."""
_BLOCK = 1 << 18
_FULL = 1 << 17
"""Bytes after which nothing is waited for: more has come meanwhile."""
_LONGEST = 1 << 20
_STORED = 3 * RING_BYTES
"""Bytes at the end of a file in which what is in a ring may stand: it is longer there, if at all."""


class AccessLog:
    """Listens on a unix socket for what HAProxy's ring sends; `folder` is where it stores that.

    Each worker of HAProxy has a connection of its own, the old one during a reload too. Records are stored as they
    come, one line each, and read only on request: what the agent does for each costs the front throughput,
    since both want the same processors.
    """

    def __init__(self, path: Path, folder: Path, ring: bytes = b"") -> None:
        """`ring` is what HAProxy's ring has: an agent before this one may not have stored all of it, and HAProxy may
        send some of it again."""
        self.folder = folder
        self._recovered = self._recover(ring)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.chmod(path, 0o666)  # HAProxy runs as another user, and no other container mounts the volume
        self._listener.listen(16)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._writing = threading.Lock()
        self._twice: dict[int, set[bytes]] = {}
        """Workers whose records come over two ways at the moment, with what came of each."""

    def start(self) -> None:
        """Listens from now on, in threads of its own."""
        threading.Thread(target=self._accept, daemon=True, name="access log").start()

    def close(self) -> None:
        """Takes no new connection."""
        with contextlib.suppress(OSError):  # a thread that waits for a connection would take one more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def finish(self, timeout: float, *, ends: bool = False) -> None:
        """Stores what HAProxy has sent by now and takes no more of it, within `timeout` seconds: HAProxy keeps what
        comes next for the one that listens after this one. Where HAProxy `ends`, its end is awaited first."""
        self.close()
        deadline = time.monotonic() + timeout
        for connection, thread in list(self._connections.items()):
            if ends:
                thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RD)  # what was sent before can still be read
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        for connection in accepted(self._listener):
            thread = threading.Thread(target=self._take, args=(connection,), daemon=True, name="access log")
            self._connections[connection] = thread
            try:
                thread.start()
            except RuntimeError as error:  # the system has no more threads
                log.warning("the access log is interrupted: %s", error)
                del self._connections[connection]
                connection.close()  # HAProxy connects anew

    def _take(self, connection: socket.socket) -> None:
        try:
            self._read(connection)
        finally:
            self._connections.pop(connection, None)

    def _read(self, connection: socket.socket) -> None:
        rest = b""
        with connection:
            try:
                while block := connection.recv(_BLOCK):
                    end = block.rfind(b"\n") + 1
                    if end:
                        self.keep(rest + block[:end])
                    rest = block[end:] if end else rest + block
                    if len(rest) > _LONGEST:
                        raise EngineError("the front's access log cannot be read: it has no lines")
                    if len(block) < _FULL:
                        time.sleep(BATCH)
            except ConnectionResetError:
                pass  # a worker of HAProxy that ended
            except (EngineError, OSError) as error:
                # HAProxy connects anew and goes on with the next record.
                log.warning("the access log is interrupted: %s", error)

    def keep(self, lines: bytes) -> None:
        """Adds records to the store, whole lines of JSON. The file is opened anew each time: it is renamed when it has
        grown. Raises EngineError for what is something else."""
        if not lines.startswith(b"{"):
            raise EngineError(f"the front's access log cannot be read: {lines[:60]!r}")
        with self._writing:
            if self._recovered:
                lines = b"".join(line for line in lines.splitlines(keepends=True) if not self._is_recovered(line))
            if self._twice:
                lines = b"".join(line + b"\n" for line in lines.split(b"\n")[:-1] if self._is_new(line))
            if lines:
                append_beneath(self.folder, ACCESS.name, lines)

    def _recover(self, ring: bytes) -> set[bytes]:
        """Stores the records of the ring that are not stored yet; returns the marks of all of them."""
        records = [line + b"\n" for line in ring.split(b"\n") if line.startswith(b"{") and line.endswith(b"}")]
        if not records:
            return set()
        stored: set[bytes] = set()
        for name in (ACCESS.name, replace(ACCESS, rotation=1).name):
            with contextlib.suppress(OSError), open(open_beneath(self.folder, name), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _STORED))
                stored.update(map(_mark, file))
        missing = [line for line in records if _mark(line) not in stored]
        if missing:
            log.info("%d records of the access log were not stored by the agent before this one", len(missing))
            append_beneath(self.folder, ACCESS.name, b"".join(missing))
        return set(map(_mark, records))

    def _is_recovered(self, line: bytes) -> bool:
        """Whether a record was in the ring at the start; each comes once more at most."""
        mark = _mark(line)
        known = mark in self._recovered
        self._recovered.discard(mark)
        return known

    def expect_twice(self, worker: int) -> None:
        """From now on a record of this worker (its process id) may come a second time, which is left out."""
        with self._writing:
            self._twice[worker] = set()

    def expect_once(self, worker: int) -> None:
        """Nothing comes twice any more."""
        with self._writing:
            self._twice.pop(worker, None)

    def _is_new(self, line: bytes) -> bool:
        worker, number = record_key(line)
        seen = self._twice.get(worker)
        if seen is None:
            return True
        known = number in seen
        seen.add(number)
        return not known


def access_follower(folder: Path) -> Follower:
    """Reads what was stored in that folder."""
    return Follower(folder, lambda file: file.service == ACCESS.service, reader=_Lines, encoding="latin-1")


class _Lines:
    """Reads the lines that HAProxy wrote."""

    def record(self, line: str, /) -> Record | None:
        """The record of a line; None where it cannot be read."""
        try:
            fields = parse_fields(line)
            return Record("access", created_at(fields) * 1000, fields)
        except (ValueError, KeyError):
            log.warning("a line of the access log cannot be read: %s", line[:200])
            return None


def _mark(line: bytes) -> bytes:
    """Stands for a record: two that are equal are the same one, since each has its worker, number and time."""
    return hashlib.blake2b(line, digest_size=12).digest()
