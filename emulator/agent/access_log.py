"""Takes the front's access log and writes it to the log store."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from emulator.errors import EngineError
from emulator.frontdoor import created_at, record_key, split_frames
from emulator.logstore.records import ACCESS

log = logging.getLogger(__name__)

TAG = "access"
_BLOCK = 1 << 18


class AccessLog:
    """Listens on a unix socket for what HAProxy's ring sends; `folder` is the log store.

    Each worker of HAProxy has a connection of its own, the old one during a reload too. Records are stored as they come
    and read when somebody asks for them: at full speed that halves what the agent needs of the processor.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.file = folder / ACCESS.name
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.chmod(path, 0o666)  # HAProxy runs as another user, and nobody else mounts the volume
        self._listener.listen(16)
        self._writing = threading.Lock()
        self._twice: dict[int, set[bytes]] = {}
        """Workers whose records come over two ways at the moment, with what came of each."""

    def start(self) -> None:
        """Listens from now on, in threads of its own."""
        threading.Thread(target=self._accept, daemon=True, name="access log").start()

    def close(self) -> None:
        """Takes no new connection."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True, name="access log").start()

    def _take(self, connection: socket.socket) -> None:
        rest = b""
        with connection:
            try:
                while block := connection.recv(_BLOCK):
                    frames, rest = split_frames(rest + block)
                    self.keep(frames)
            except ConnectionResetError:
                pass  # a worker of HAProxy that ended
            except (EngineError, OSError) as error:
                # HAProxy connects anew and goes on with the next record.
                log.warning("the access log is interrupted: %s", error)

    def keep(self, frames: Sequence[bytes]) -> None:
        """Adds records to the store. The file is opened anew each time: it is renamed when it has grown."""
        if not frames:
            return
        with self._writing:
            if self._twice:
                frames = [frame for frame in frames if self._is_new(frame)]
            if frames:
                with self.file.open("ab") as file:
                    file.write(b"".join(_line(frame) for frame in frames))

    def expect_twice(self, worker: int) -> None:
        """From now on a record of this worker (its process id) may come a second time, which is left out."""
        with self._writing:
            self._twice[worker] = set()

    def expect_once(self, worker: int) -> None:
        """Nothing comes twice any more."""
        with self._writing:
            self._twice.pop(worker, None)

    def _is_new(self, frame: bytes) -> bool:
        worker, number = record_key(frame)
        seen = self._twice.get(worker)
        if seen is None:
            return True
        known = number in seen
        seen.add(number)
        return not known


def _line(frame: bytes) -> bytes:
    """A record as a line of the log store."""
    text = frame.strip()
    if not text.isascii() or not text.decode("ascii").isprintable():
        # HAProxy passes on what clients send; in a line of the store it stands as JSON escapes.
        try:
            text = json.dumps(json.loads(frame.decode("latin-1"), strict=False)).encode()
        except ValueError:
            text = json.dumps({"unreadable": frame.decode("latin-1")}).encode()
    moment = created_at(frame)
    return b"%s: [%d.%06d000, %s]\n" % (TAG.encode(), moment // 1_000_000, moment % 1_000_000, text)
