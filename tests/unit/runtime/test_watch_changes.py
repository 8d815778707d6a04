"""Changes as the system tells of them, on a real file system."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.runtime.watch.changes import FileChanges

Watching = Callable[..., FileChanges]
TIMEOUT = 10.0


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    """Starts to watch; returns once the system tells of changes."""
    made: list[FileChanges] = []

    def start(*, flat: bool = False, ignoring: str = "\0") -> FileChanges:
        folders = ([], [tmp_path]) if flat else ([tmp_path], [])
        changes = FileChanges(*folders, lambda path: path.is_relative_to(tmp_path) and ignoring not in path.name)
        changes.start()
        made.append(changes)
        changes.await_start(TIMEOUT)
        return changes

    yield start
    for changes in made:
        changes.close()


def test_a_save_is_told(tmp_path: Path, watching: Watching) -> None:
    (tmp_path / "deep").mkdir()
    changes = watching()
    (tmp_path / "deep" / "app.py").write_text("1", encoding="utf-8")
    assert changes.next(TIMEOUT) == {tmp_path / "deep" / "app.py"}


def test_the_first_save_after_the_start_is_told(tmp_path: Path) -> None:
    with contextlib.closing(FileChanges([tmp_path], [], lambda path: True)) as changes:
        changes.start()
        changes.await_start(TIMEOUT)
        (tmp_path / "app.py").write_text("1", encoding="utf-8")
        assert changes.next(TIMEOUT) == {tmp_path / "app.py"}


def test_a_new_folder_is_told_with_what_came_into_it(tmp_path: Path, watching: Watching) -> None:
    changes = watching()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "app.py").write_text("1", encoding="utf-8")
    # The system may begin to watch a folder after its first files came: the watcher looks below it.
    assert tmp_path / "new" in changes.next(TIMEOUT)


def test_a_thousand_files_are_one_batch(tmp_path: Path, watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.runtime.watch.changes.STEP", 300)  # this test may rest while it writes
    monkeypatch.setattr("emulator.runtime.watch.changes.BURST_PAUSE", 2.0)
    changes = watching()
    for number in range(1000):
        (tmp_path / f"file{number}").write_text("x", encoding="utf-8")
    assert len(changes.next(TIMEOUT)) == 1000
    assert changes.next(0.5) == set()


def test_a_file_that_came_and_went_is_none(tmp_path: Path, watching: Watching) -> None:
    changes = watching()
    (tmp_path / "4914").write_text("", encoding="utf-8")
    (tmp_path / "4914").unlink()
    (tmp_path / "real").write_text("", encoding="utf-8")
    assert changes.next(TIMEOUT) == {tmp_path / "real"}


def test_an_atomic_save_is_one_changed_file(tmp_path: Path, watching: Watching) -> None:
    (tmp_path / "app.py").write_text("old", encoding="utf-8")
    changes = watching(ignoring="~")
    (tmp_path / "app.py~").write_text("new", encoding="utf-8")
    os.replace(tmp_path / "app.py~", tmp_path / "app.py")
    assert changes.next(TIMEOUT) == {tmp_path / "app.py"}


def test_a_removed_file_is_told(tmp_path: Path, watching: Watching) -> None:
    (tmp_path / "app.py").write_text("old", encoding="utf-8")
    changes = watching()
    (tmp_path / "app.py").unlink()
    assert changes.next(TIMEOUT) == {tmp_path / "app.py"}


def test_below_a_flat_folder_nothing_is_told(tmp_path: Path, watching: Watching) -> None:
    (tmp_path / "deep").mkdir()
    changes = watching(flat=True)
    (tmp_path / "deep" / "hidden").write_text("", encoding="utf-8")
    (tmp_path / "seen").write_text("", encoding="utf-8")
    assert changes.next(TIMEOUT) == {tmp_path / "seen"}
