from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from emulator.engine.docker.streams import decode_events, decode_logs
from emulator.engine.interface import LogLine

STAMP = "2026-11-22T23:49:00.123456789Z"
TIME = datetime(2026, 11, 22, 23, 49, 0, 123456, UTC)


def frame(stream: int, text: str) -> bytes:
    data = f"{STAMP} {text}".encode()
    return struct.pack(">BxxxL", stream, len(data)) + data


def stamped(text: str) -> bytes:
    return struct.pack(">BxxxL", 1, len(text)) + text.encode()


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
def test_frames_in_chunks_of_any_size(size: int) -> None:
    data = frame(1, "one\n") + frame(2, "two\n") + frame(1, "\n")
    assert list(decode_logs(chunked(data, size))) == [
        LogLine("stdout", "one", TIME),
        LogLine("stderr", "two", TIME),
        LogLine("stdout", "", TIME),
    ]


def test_a_line_in_pieces_is_put_together_for_each_stream() -> None:
    data = frame(1, "a" * 16384) + frame(2, "between\n") + frame(1, "b\n")
    assert [line.text for line in decode_logs(iter([data]))] == ["between", "a" * 16384 + "b"]


def test_a_long_line_whose_end_docker_left_out_is_a_line_of_its_own() -> None:
    first, second = "2026-11-22T12:00:00.000001000Z ", "2026-11-22T12:00:00.000002000Z "
    pieces = stamped(f"{first}{'a' * 16384}") + stamped(f"{first}b") + stamped(f"{second}next\n")
    assert [line.text for line in decode_logs(iter([pieces]))] == ["a" * 16384 + "b", "next"]
    short = stamped(f"{first}no end") + stamped(f"{second}next\n")
    assert [line.text for line in decode_logs(iter([short]))] == ["no end", "next"]


def test_a_last_line_without_its_end_counts() -> None:
    assert [line.text for line in decode_logs(iter([frame(1, "end")]))] == ["end"]


@pytest.mark.parametrize("size", [1, 1000])
def test_a_terminal_s_lines_come_without_frames(size: int) -> None:
    data = f"{STAMP} one\r\n{STAMP} two\r\n".encode()
    assert list(decode_logs(chunked(data, size))) == [LogLine("stdout", "one", TIME), LogLine("stdout", "two", TIME)]


def test_no_logs_are_no_lines() -> None:
    assert list(decode_logs(iter([]))) == []


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_one_a_line(size: int) -> None:
    data = (
        b'{"Action":"start","Actor":{"ID":"1","Attributes":{"name":"hello"}},"timeNano":1790000000000000000}\n'
        b'{"Action":"health_status: healthy","Actor":{"ID":"1","Attributes":{}},"timeNano":1790000000500000000}\n'
    )
    first, second = decode_events(chunked(data, size))
    assert (first.action, first.container_id, dict(first.labels)) == ("start", "1", {"name": "hello"})
    assert second.action == "health_status: healthy"
    assert (second.time - first.time).total_seconds() == 0.5
