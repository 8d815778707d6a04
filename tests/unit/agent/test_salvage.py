"""What a dead router had buffered: its chunks, in the forms that Fluent Bit's versions write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import pytest

from emulator.agent.log_relay.chunkio import LARGEST, chunk_entries
from emulator.agent.log_relay.drain import salvage
from tests.delivered_records import read_records

TAG = "hello-firelens-0123"
TIME = msgpack.ExtType(0, (1_795_646_525).to_bytes(4, "big") + (7).to_bytes(4, "big"))
LOGS = b"\xf1\x77\x00\x00"
METRICS = b"\xf1\x77\x01\x00"


def packed(*entries: Any) -> bytes:
    return b"".join(msgpack.packb(entry) for entry in entries)


def chunk(records: bytes, *, tag: str = TAG, typed: bytes = b"", padding: int = 100) -> bytes:
    metadata = typed + tag.encode()
    return b"\xc1\x00" + bytes(20) + len(metadata).to_bytes(2, "big") + metadata + records + bytes(padding)


def line(text: str) -> dict[str, str]:
    return {"container_name": "hello", "source": "stdout", "log": text, "ecs_cluster": "demo-test"}


@pytest.mark.parametrize(
    ("typed", "time"),
    [
        pytest.param(b"", TIME, id="1.8"),
        pytest.param(LOGS, TIME, id="since 1.9"),
        pytest.param(LOGS, [TIME, {}], id="since 2.1"),
    ],
)
def test_records_are_read_with_their_tag_and_time(typed: bytes, time: Any) -> None:
    data = chunk(packed([time, line("one")], [time, line("two")]), typed=typed)
    assert list(chunk_entries(data)) == [[TAG, TIME, line("one")], [TAG, TIME, line("two")]]


def test_of_a_chunk_that_was_being_written_the_whole_records_are_read() -> None:
    data = chunk(packed([TIME, line("one")], [TIME, line("two")])[:-3], padding=0)
    assert list(chunk_entries(data)) == [[TAG, TIME, line("one")]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xc1\x00\x00", id="half a header"),
        pytest.param(bytes(4096), id="allocated only"),
        pytest.param(b"plain text, longer than a header is", id="no chunk"),
        pytest.param(b"\xc1\x00" + bytes(20) + b"\xff\xff" + b"tag", id="half its metadata"),
        pytest.param(chunk(packed([TIME, line("1")]), typed=METRICS), id="metrics"),
        pytest.param(chunk(b"\xc1\xc1\xc1"), id="no MessagePack"),
    ],
)
def test_what_is_no_chunk_of_logs_has_no_records(data: bytes) -> None:
    assert list(chunk_entries(data)) == []


def test_a_buffer_is_moved_to_the_log_store_oldest_first(tmp_path: Path) -> None:
    folder, file = tmp_path / "socket" / "buffer" / "forward.0", tmp_path / "hello.0123.drained"
    folder.mkdir(parents=True)
    (folder / "1-200.5.flb").write_bytes(chunk(packed([TIME, line("two")]), typed=LOGS))
    (folder / "1-100.5.flb").write_bytes(chunk(packed([TIME, line("one")])))
    (folder / "1-300.5.flb").write_bytes(chunk(packed([TIME, {"metric": 1}]), tag="firelens-healthcheck"))
    assert salvage(tmp_path / "socket", file) == 2
    found = list(read_records(file))
    assert [record.fields["log"] for record in found] == ["one", "two"]
    assert (found[0].tag, found[0].time_ns) == (TAG, 1_795_646_525 * 10**9 + 7)
    assert found[0].fields["ecs_cluster"] == "demo-test"
    assert salvage(tmp_path / "socket", file) == 0, "what was saved is not saved again"


def test_a_chunk_that_cannot_be_read_keeps_none_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "1-100.flb").open("wb") as huge:
        huge.truncate(LARGEST + 1)
    (tmp_path / "1-200.flb").write_bytes(chunk(packed([TIME, line("two")])))
    assert salvage(tmp_path, tmp_path / "hello.0123.drained") == 1
    assert "cannot save" in capsys.readouterr().err
