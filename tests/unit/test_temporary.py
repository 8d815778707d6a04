"""Temporary folders of commands that were killed are removed by the next one; those in use are not."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from emulator.temporary import remove_abandoned, temporary_folder

HOLDING = """
import sys
from emulator.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "Dockerfile").write_text("FROM scratch")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_folder_goes_with_its_block(temporary: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []


def test_that_of_a_killed_command_is_removed_and_no_other(temporary: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDING], stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        (temporary / "copilot-local-tmp-link").symlink_to(temporary / "kept")
        (temporary / "kept").mkdir()
        remove_abandoned(young=0)
        assert (folder / "Dockerfile").is_file()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        remove_abandoned()
        assert folder.is_dir(), "it may have been made a moment ago, and is not locked yet"
        remove_abandoned(young=0)
        assert not folder.exists()
        assert (temporary / "kept").is_dir()
