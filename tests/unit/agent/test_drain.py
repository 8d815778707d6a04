"""The drain: what Docker's fluentd driver sends over a unix socket is what the log store reads back."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest

from emulator.agent.log_relay.forward import record_line
from emulator.logstore.records import Record, RecordFile, parse_record
from tests.delivered_records import read_records

Until = Callable[[Callable[[], object]], None]
SECONDS = 1_795_348_800
TAG = "hello-firelens-0123"


def event_time(seconds: int, nanoseconds: int) -> msgpack.ExtType:
    """Fluentd's time with nanoseconds, which Docker sends with `fluentd-sub-second-precision`."""
    return msgpack.ExtType(0, seconds.to_bytes(4, "big") + nanoseconds.to_bytes(4, "big"))


def message(log: str, *, number: int = 0) -> bytes:
    """One line as Docker's driver sends it: tag, time, record, options."""
    record = {"container_id": "abc", "container_name": "/hello", "source": "stdout", "log": log}
    packed: bytes = msgpack.packb([TAG, event_time(SECONDS, number), record, {}])
    return packed


@contextmanager
def draining(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A drain in a process of its own, on the folder's `fluent.sock` and `hello.0123.drained`."""
    arguments = [str(folder), str(folder / "hello.0123.drained")]
    command = [sys.executable, "-m", "emulator.agent.log_relay.drain", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("draining ")
            yield process
        finally:
            process.terminate()


@pytest.fixture
def drain(folder: Path) -> Iterator[Path]:
    """The folder of a drain."""
    with draining(folder):
        yield folder


def connect(folder: Path, name: str = "fluent.sock") -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(folder / name))
    return connection


def records(folder: Path) -> list[Record]:
    file = folder / "hello.0123.drained"
    return list(read_records(file)) if file.exists() else []


def test_lines_of_several_connections_are_read_back_as_they_were_sent(drain: Path, until: Until) -> None:
    with connect(drain) as first, connect(drain) as second:
        first.sendall(message("one") + message("zwölf: [1, {2}]", number=5))
        second.sendall(message("two"))
        until(lambda: len(records(drain)) == 3)
    found = {str(record.fields["log"]): record for record in records(drain)}
    assert set(found) == {"one", "two", "zwölf: [1, {2}]"}
    assert found["zwölf: [1, {2}]"].time_ns == SECONDS * 10**9 + 5
    assert found["one"].tag == TAG
    assert found["one"].fields["source"] == "stdout"


def test_a_message_that_comes_in_pieces_is_one_line(drain: Path, until: Until) -> None:
    packed = message("x" * 16384)
    with connect(drain) as connection:
        for start in range(0, len(packed), 1000):
            connection.sendall(packed[start : start + 1000])
        until(lambda: records(drain))
    assert [record.fields["log"] for record in records(drain)] == ["x" * 16384]


def test_a_burst_loses_nothing(drain: Path, until: Until) -> None:
    with connect(drain) as connection:
        connection.sendall(b"".join(message(f"line {number}") for number in range(5000)))
    until(lambda: len(records(drain)) == 5000)
    assert [record.fields["log"] for record in records(drain)] == [f"line {number}" for number in range(5000)]


def test_it_takes_the_place_of_a_socket_without_a_listener(folder: Path) -> None:
    """A dead router leaves its socket's file behind."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "fluent.sock"))
    with draining(folder):
        connect(folder).close()
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["fluent.sock", "relay.sock"], "its own socket replaced the dead one"


def test_of_a_router_that_still_listens_it_takes_neither_socket_nor_buffer(folder: Path, until: Until) -> None:
    """Its relay is gone, not it."""
    chunk = folder / "buffer" / "1.flb"
    chunk.parent.mkdir()
    chunk.write_bytes(b"the router's")
    with socket.socket(socket.AF_UNIX) as router:
        router.bind(str(folder / "fluent.sock"))
        router.listen()
        with draining(folder):
            with connect(folder, "relay.sock") as connection:
                connection.sendall(message("one"))
                until(lambda: len(records(folder)) == 1)
            connect(folder).close()
            router.settimeout(10)
            for _ in ("the drain's question", "ours"):
                router.accept()[0].close()
    assert chunk.read_bytes() == b"the router's"


def test_its_file_is_one_of_the_tasks_in_the_log_store() -> None:
    assert RecordFile.parse("hello.0123.drained") == RecordFile("hello", "0123", "drained")


@pytest.mark.parametrize(
    ("time_value", "nanoseconds"),
    [
        (SECONDS, SECONDS * 10**9),
        (event_time(SECONDS, 123456789), SECONDS * 10**9 + 123456789),
        (event_time(SECONDS, 999999999), SECONDS * 10**9 + 999999999),
        (None, 0),
    ],
)
def test_both_forms_of_time_are_read(time_value: Any, nanoseconds: int) -> None:
    line = record_line([TAG, time_value, {"log": "x"}])
    assert line is not None
    record = parse_record(line)
    assert record is not None
    assert record.time_ns == nanoseconds


@pytest.mark.parametrize("entry", [None, 1, [], [TAG], [TAG, 1], [1, 1, {}], [TAG, 1, "text"], {"tag": TAG}])
def test_what_is_no_message_of_dockers_is_left_out(entry: Any) -> None:
    assert record_line(entry) is None


def test_text_that_is_not_utf8_arrives_marked(drain: Path, until: Until) -> None:
    packed = message("QQQ").replace(b"QQQ", b"\xff\xfeQ")
    with connect(drain) as connection:
        connection.sendall(packed)
        until(lambda: records(drain))
    assert records(drain)[0].fields["log"] == "\ufffd\ufffdQ"


def test_bytes_in_a_record_do_not_end_the_connection(drain: Path, until: Until) -> None:
    packed = msgpack.packb([TAG, SECONDS, {"log": b"raw \xff"}], use_bin_type=True)
    with connect(drain) as connection:
        connection.sendall(packed + message("after"))
        until(lambda: [r for r in records(drain) if r.fields["log"] == "after"])


def test_a_drained_record_has_the_fields_that_the_router_would_have_added() -> None:
    entry = msgpack.unpackb(message("last words"))
    line = record_line(entry, {"ecs_cluster": "demo-test"})
    assert line is not None
    record = parse_record(line.rstrip("\n"))
    assert record is not None
    assert (record.fields["log"], record.fields["ecs_cluster"]) == ("last words", "demo-test")
