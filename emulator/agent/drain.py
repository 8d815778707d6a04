"""Listens in place of a dead log router: `python3 -m emulator.agent.drain SOCKET FILE [FIELD=VALUE…]`.

Docker's `fluentd` driver speaks Fluentd's forward protocol: MessagePack arrays `[tag, time, record]`, one a line that a
container printed. Each becomes a line of FILE in the form that the router's file output has, so the log store reads
both alike. Source: Fluentd's forward protocol specification, version 1.

What the router had taken and not delivered lies in its buffer, beside the socket: that comes first.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgpack

from emulator.agent.salvage import buffered, chunk_entries
from emulator.logstore.records import Record, format_record

ROUTED = "-firelens-"
"""In the tag of every record of a container; the router's own records have other tags."""


def record_line(entry: Any, metadata: Mapping[str, str] | None = None) -> str | None:
    """A log store line from one forward-protocol message; None for what is no message of Docker's driver.

    `metadata`: fields that the router would have added to the record.
    """
    if not (isinstance(entry, list) and len(entry) >= 3 and isinstance(entry[0], str) and isinstance(entry[2], dict)):
        return None
    tag, time, record = entry[:3]
    fields = {
        str(name): value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in record.items()
    }
    return format_record(Record(tag, _nanoseconds(time), {**fields, **(metadata or {})}))


def _nanoseconds(time: Any) -> int:
    """Nanoseconds since 1970: an event time is extension type 0 of two 32-bit numbers; else it is plain seconds."""
    if isinstance(time, msgpack.ExtType) and time.code == 0 and len(time.data) == 8:
        return int.from_bytes(time.data[:4], "big") * 1_000_000_000 + int.from_bytes(time.data[4:], "big")
    return int(time) * 1_000_000_000 if isinstance(time, int | float) else 0


def salvage(folder: Path, file: Path) -> int:
    """Moves what a dead router had buffered below `folder` to the end of `file`; returns how many lines."""
    count = 0
    for chunk in buffered(folder):
        try:
            # The router's filters have been over these records: they have its fields.
            lines = [record_line(entry) for entry in chunk_entries(chunk.read_bytes()) if ROUTED in entry[0]]
            kept = [line for line in lines if line]
            with file.open("a", encoding="utf-8") as output:
                output.writelines(kept)
            chunk.unlink()  # or a router that is started here after all would deliver it again
            count += len(kept)
        except OSError as error:
            print(f"cannot save {chunk}: {error}", file=sys.stderr)  # noqa: T201 - the container's log
    return count


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
                with self.lock, self.file.open("a", encoding="utf-8") as file:
                    file.writelines(lines)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main(path: str, file: str, *metadata: str) -> None:
    _Connection.file = Path(file)
    _Connection.metadata = dict(field.split("=", 1) for field in metadata)
    saved = salvage(Path(path).parent, Path(file))
    # Bind beside and rename: there is no moment in which the socket's name leads nowhere.
    beside = f"{path}.{os.getpid()}"
    server = _Server(beside, _Connection)
    os.replace(beside, path)
    print(f"draining {path} into {file}; {saved} lines were in the router's buffer", flush=True)  # noqa: T201 - the container's log
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
