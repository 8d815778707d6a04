"""Listens in place of a dead log router and its relay.

`python3 -m emulator.agent.log_relay.drain FOLDER FILE [FIELD=VALUE…]`.

Docker's `fluentd` driver speaks Fluentd's forward protocol: MessagePack arrays `[tag, time, record]`, one for each
line that a container printed. Each becomes a line of FILE in the form that the router's file output has, so the log
store reads both alike. Source: Fluentd's forward protocol specification, version 1.

What the router had taken and not delivered lies in its buffer, beside the socket: that comes first. Where the router
still listens, only its relay is gone: socket and buffer stay the router's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import msgpack

from emulator.agent.log_relay.chunkio import buffered, chunk_entries, read_chunk, remove_chunk
from emulator.agent.log_relay.forward import record_line
from emulator.agent.log_relay.own_log import say
from emulator.logstore.beneath import append_beneath
from emulator.logstore.delivered import Delivered

ROUTER = "fluent.sock"
RELAY = "relay.sock"
"""In front of the router: Docker's log driver looks for one of the two."""
ROUTED = "-firelens-"
"""In the tag of every record of a container; the router's own records have other tags."""


def salvage(folder: Path, file: Path) -> int:
    """Moves what a dead router had buffered below `folder` to the end of `file`; returns how many lines. What it had
    delivered of that already is left out."""
    count = 0
    delivered = Delivered(file)
    for chunk in buffered(folder):
        try:
            kept = delivered.others(_lines(folder, chunk))
            write_lines(file, kept)
            remove_chunk(folder, chunk)  # or a router that is started here after all would deliver it again
            count += len(kept)
        except OSError as error:
            say(f"cannot save {chunk}: {error}")
    return count


def unsaved(folder: Path) -> int:
    """How many lines still lie in what a dead router had buffered below `folder`."""
    count = 0
    for chunk in buffered(folder):
        with contextlib.suppress(OSError):  # what cannot be read cannot be counted
            count += sum(1 for _ in _lines(folder, chunk))
    return count


def _lines(folder: Path, chunk: Path) -> Iterator[str]:
    """What a chunk holds of containers. The router's filters have been over these records: they have its fields."""
    for entry in chunk_entries(read_chunk(folder, chunk)):
        if ROUTED in entry[0] and (line := record_line(entry)):
            yield line


def write_lines(file: Path, lines: Sequence[str]) -> None:
    """Adds lines to a file of the log store. A log router may write to its folder too: what else has the file's name
    is replaced. Raises OSError."""
    append_beneath(file.parent, file.name, "".join(lines).encode(errors="replace"))


class _Connection(socketserver.BaseRequestHandler):
    lock: ClassVar[threading.Lock] = threading.Lock()
    file: ClassVar[Path]
    metadata: ClassVar[dict[str, str]] = {}

    def handle(self) -> None:
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="replace", max_buffer_size=64 * 1024 * 1024)
        while data := self.request.recv(65536):
            unpacker.feed(data)
            lines = [line for entry in unpacker if (line := record_line(entry, self.metadata))]
            if lines:
                self._write(lines)

    def _write(self, lines: list[str]) -> None:
        try:
            with self.lock:
                write_lines(self.file, lines)
        except OSError as error:
            # The connection goes on: its container would wait for another one.
            say(f"{len(lines)} records are lost: the log store cannot be written: {error}")


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def main(folder: str, file: str, *metadata: str) -> None:
    _Connection.file = Path(file)
    _Connection.metadata = dict(field.split("=", 1) for field in metadata)
    dead = (RELAY,) if _listens(os.path.join(folder, ROUTER)) else (ROUTER, RELAY)
    saved = salvage(Path(folder), Path(file)) if ROUTER in dead else 0
    for name in dead:
        # Bind beside and rename: there is no moment in which the socket's name leads nowhere.
        path = os.path.join(folder, name)
        beside = f"{path}.{os.getpid()}"
        server = _Server(beside, _Connection)
        os.replace(beside, path)
        threading.Thread(target=server.serve_forever).start()
    print(f"draining {folder} into {file}; {saved} lines were in the router's buffer", flush=True)  # noqa: T201 - the container's log


if __name__ == "__main__":
    main(*sys.argv[1:])
