"""A log router that puts into its folder of the log store what it likes: the agent, root, reads and tidies it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.logstore import store
from emulator.logstore.beneath import NotAFile, append_beneath, folder_beneath, open_beneath, write_beneath
from emulator.logstore.records import Joiner, Record, parse_record
from emulator.logstore.store import Follower, bound, record_files, rotate
from tests.unit.logstore.test_records import TAG, TASK, line, logs, part

FOLDER = f"hello.{TASK}"
STREAM = f"{FOLDER}.web"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The folder of a task in the log store, which its router writes to."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    return folder


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside of the log store."""
    file = tmp_path_factory.mktemp("outside") / "secret"
    file.write_text(line("secret"))
    return file


def read(folder: Path) -> list[object]:
    follower = Follower(folder)
    try:
        return logs([record for _, record in follower.records()])
    finally:
        follower.close()


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def device(path: Path, target: Path) -> None:
    del target
    path.symlink_to("/dev/zero")


def fifo(path: Path, target: Path) -> None:
    del target
    os.mkfifo(path)


def folder(path: Path, target: Path) -> None:
    del target
    path.mkdir()


def listener(path: Path, target: Path) -> None:
    del target
    with socket.socket(socket.AF_UNIX) as made, folder_beneath(path.parent) as within:
        made.bind(f"/proc/self/fd/{within}/{path.name}")


PLANTS = [link, device, fifo, folder, listener]


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_no_file_is_neither_read_nor_written_to(
    tmp_path: Path, task: Path, secret: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(task / STREAM, secret)
    (task / f"{FOLDER}.api").write_text(line("fine"))
    assert read(tmp_path) == ["fine"]
    with pytest.raises(NotAFile):
        open_beneath(tmp_path, f"{FOLDER}/{STREAM}")
    with pytest.raises(NotAFile):
        open_beneath(tmp_path, f"{FOLDER}/{STREAM}", os.O_RDWR)
    append_beneath(tmp_path, f"{FOLDER}/{STREAM}", line("appended").encode())
    assert sorted(map(str, read(tmp_path))) == ["appended", "fine"]
    assert secret.read_text() == line("secret")


@pytest.mark.parametrize("plant", PLANTS)
def test_what_a_task_planted_is_removed_and_its_streams_stay(
    tmp_path: Path, task: Path, secret: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(task / "x", secret)
    plant(task / f"{STREAM}.2", secret)
    (task / f"web.{TASK}.web").write_text(line("in the name of another service"))
    (task / STREAM).write_text(line("fine"))
    assert read(tmp_path) == ["fine"]
    bound(tmp_path, 1 << 20)
    assert [path.name for path in task.iterdir()] == [STREAM]
    assert secret.exists()


def test_a_folder_full_of_folders_goes_and_what_links_in_it_point_to_stays(
    tmp_path: Path, task: Path, secret: Path
) -> None:
    (task / "a" / "b").mkdir(parents=True)
    (task / "a" / "b" / "link").symlink_to(secret.parent)
    bound(tmp_path, 1 << 20)
    assert list(task.iterdir()) == []
    assert secret.read_text() == line("secret")


def test_a_link_in_place_of_a_tasks_folder_leads_nowhere(tmp_path: Path, secret: Path) -> None:
    """As a version of this program left it whose log routers saw the whole log store."""
    (secret.parent / STREAM).write_text(line("outside"))
    (tmp_path / FOLDER).symlink_to(secret.parent)
    assert read(tmp_path) == []
    assert rotate(tmp_path, max_bytes=1, keep=1) == []
    bound(tmp_path, 1)
    assert (secret.parent / STREAM).exists()


@pytest.mark.parametrize(
    "name",
    [
        f"web.{TASK}.web",
        f"hello.{'f' * 32}.web",
        "@front.0.@access",
        f"{FOLDER}.@web",
        f"{FOLDER}.we\x1b[31mb",
        f"{FOLDER}.we\nb",
        f"{FOLDER}.web.99999",
        f"{FOLDER}.web.01",
        f"{FOLDER}.web.٣",
    ],
)
def test_a_task_has_no_streams_but_its_own(tmp_path: Path, task: Path, name: str) -> None:
    (task / name).write_text(line("not mine"))
    assert record_files(tmp_path) == []


def test_a_service_that_prints_without_end_costs_no_other_its_records(tmp_path: Path) -> None:
    for service, size, count in (("loud", 900, 12), ("quiet", 100, 3)):
        for number in range(count):
            folder = tmp_path / f"{service}.{number:032x}"
            folder.mkdir()
            path = folder / f"{folder.name}.web"
            path.write_bytes(b"x" * size)
            os.utime(path, (number, number))
    removed = bound(tmp_path, 16 * 1000)
    assert removed == []
    removed = bound(tmp_path, 9000)
    assert {path.parent.name.split(".")[0] for path in removed} == {"loud"}
    assert len(list(tmp_path.glob("quiet.*/quiet.*"))) == 3


def test_of_more_files_than_the_store_keeps_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 5)
    for number in range(8):
        folder = tmp_path / f"hello.{number:032x}"
        folder.mkdir()
        path = folder / f"{folder.name}.web"
        path.write_bytes(b"x")
        os.utime(path, (number, number))
    removed = bound(tmp_path, 1 << 20)
    assert [path.parent.name for path in removed] == [f"hello.{number:032x}" for number in range(3)]
    assert len(record_files(tmp_path)) == 5


def test_more_files_than_a_task_needs_are_not_all_opened(tmp_path: Path, task: Path) -> None:
    for number in range(4200):
        (task / f"{FOLDER}.stream-{number}").touch()
    assert len(record_files(tmp_path)) == 4096


def test_a_line_without_end_is_left_out_and_what_follows_is_read(
    tmp_path: Path, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BLOCK", 1 << 10)
    monkeypatch.setattr(store, "LONGEST_LINE", 4 << 10)
    (task / STREAM).write_text(line("first") + line("x" * 20_000) + line("last"))
    assert read(tmp_path) == ["first", "last"]


def test_a_file_of_terabytes_that_were_never_written_is_no_work(tmp_path: Path, task: Path) -> None:
    with (task / STREAM).open("wb") as file:
        file.write(line("first").encode())
        file.truncate(1 << 42)
    assert read(tmp_path) == ["first"]
    assert bound(tmp_path, 1 << 30) == [task / f"{STREAM}.1"]
    assert list(task.iterdir()) == []


def test_streams_come_by_time_whichever_file_they_stand_in(tmp_path: Path, task: Path) -> None:
    (task / f"{STREAM}.1").write_text(line("one", "1.0") + line("three", "3.0"))
    (task / STREAM).write_text(line("five", "5.0"))
    (task / f"{FOLDER}.api").write_text(line("four", "4.0") + line("two", "2.0"))
    assert read(tmp_path) == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    "text",
    [
        f"{TAG}: [99999999999999999999, {{}}]\n",
        f"{TAG}: [{'9' * 5000}.1, {{}}]\n",
        f"{TAG}: [253402300800.0, {{}}]\n",
        f"{TAG}: [٣.1, {{}}]\n",
        f'{TAG}: [1.1, {{"a":{"[" * 100_000}]\n',
        f'{TAG}: [1.1, {{"a":{"[" * 100_000}{"]" * 100_000}}}]\n',
    ],
)
def test_a_line_that_no_router_writes_is_no_record(text: str) -> None:
    assert parse_record(text) is None


def test_a_line_that_looks_like_many_records_ends() -> None:
    """If every part were tried with every other, it would take days."""
    assert parse_record(f"{TAG}: [1, {{" * 200_000) is None
    assert parse_record(f"{TAG}: [1, {{" * 200_000 + "}]") is None


@pytest.mark.parametrize("ordinal", ["", "x", "9" * 6000, "-1"])
def test_a_part_with_no_place_is_joined_all_the_same(ordinal: str) -> None:
    joiner = Joiner()
    first = Record(TAG, 1, {"partial_id": "a", "partial_ordinal": ordinal, "log": "x"})
    last = Record(TAG, 1, {"partial_id": "a", "partial_ordinal": "2", "partial_last": "true", "log": "y"})
    assert joiner.add(first) is None
    joined = joiner.add(last)
    assert joined is not None
    assert joined.fields["log"] == "xy"


def test_lines_whose_end_never_comes_are_given_before_they_fill_the_memory() -> None:
    joiner = Joiner()
    parts = [parse_record(part("x", number, False, "one")) for number in range(10_000)]
    assert sum(1 for record in parts if record and joiner.add(record)) == 2
    others = [parse_record(part("x", 1, False, f"id-{number}")) for number in range(1000)]
    assert sum(1 for record in others if record and joiner.add(record)) > 700


def test_what_is_written_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("untouched")
    store = tmp_path / "store"
    store.mkdir()
    (store / STREAM).symlink_to(secret)
    write_beneath(store, STREAM, b"line")
    assert secret.read_text() == "untouched"
    assert (store / STREAM).read_bytes() == b"line"
    for name in ("../secret", "/etc/passwd", "a/b", ".."):
        with pytest.raises(OSError):  # noqa: PT011 - of several kinds
            write_beneath(store, name, b"line")
