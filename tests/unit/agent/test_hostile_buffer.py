"""A log router that puts into its own buffer what it likes: the relay and the drain, root, read and cut it."""

from __future__ import annotations

import os
from pathlib import Path

import msgpack
import pytest

from emulator.agent.log_relay.buffer_recovery import take_back
from emulator.agent.log_relay.chunkio import buffered
from emulator.agent.log_relay.drain import salvage, write_lines
from emulator.agent.log_relay.forward import Batch, record_line
from tests.delivered_records import read_records
from tests.unit.agent.test_salvage import TAG, TIME, chunk, line, packed

STORE = "hello.0123.drained"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chunk outside of the router's buffer."""
    file = tmp_path_factory.mktemp("outside") / "1-1.flb"
    file.write_bytes(chunk(packed([TIME, line("secret")])))
    return file


def test_what_is_no_file_is_neither_read_nor_removed(tmp_path: Path, outside: Path) -> None:
    buffer = tmp_path / "buffer"
    buffer.mkdir()
    (buffer / "1-1.flb").symlink_to(outside)
    (buffer / "1-2.flb").symlink_to("/dev/zero")
    (buffer / "link").symlink_to(outside.parent)
    os.mkfifo(buffer / "1-3.flb")
    (buffer / "1-4.flb").write_bytes(chunk(packed([TIME, line("mine")])))
    assert salvage(tmp_path, tmp_path / STORE) == 1
    assert [record.fields["log"] for record in read_records(tmp_path / STORE)] == ["mine"]
    assert outside.exists()


def test_a_link_is_not_cut_off(tmp_path: Path, outside: Path) -> None:
    before = outside.read_bytes()
    (tmp_path / "1-1.flb").symlink_to(outside)
    batch = Batch([packed([TAG, TIME, line("secret"), None])])
    assert take_back(tmp_path, [batch]) == 0
    assert outside.read_bytes() == before


def test_folders_below_folders_end_somewhere(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x"] * 50)
    deep.mkdir(parents=True)
    (deep / "1-1.flb").touch()
    assert buffered(tmp_path) == []


def test_a_link_in_place_of_the_file_in_the_log_store_is_replaced(tmp_path: Path, outside: Path) -> None:
    before = outside.read_bytes()
    (tmp_path / STORE).symlink_to(outside)
    write_lines(tmp_path / STORE, ["one\n"])
    assert outside.read_bytes() == before
    assert (tmp_path / STORE).read_text() == "one\n"


@pytest.mark.parametrize(
    ("time", "record"),
    [
        (float("inf"), {"log": "x"}),
        (float("nan"), {"log": "x"}),
        (1, {"log": "x", "nested": {"bytes": b"\xff", "time": msgpack.ExtType(5, b"x")}}),
        (1, {"log": "x", "nested": [b"\xff"]}),
    ],
)
def test_values_that_json_lacks_lose_no_record(time: float, record: dict[str, object]) -> None:
    assert record_line([TAG, time, record]) is not None


def test_a_record_that_is_no_json_at_all_is_left_out() -> None:
    assert record_line([TAG, 1, {"log": "x", "nested": {b"key": 1}}]) is None
