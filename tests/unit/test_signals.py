"""The suite gives the same result in the foreground, as a background job and under nohup."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from emulator.runtime.watch.changes import FileChanges

ROOT = Path(__file__).parents[2]
INNER = """
import subprocess, sys

def test_a_child_handles_ctrl_c():
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE).stdout == b"True\\n"
"""


def test_children_of_tests_get_default_signals_where_the_suite_was_started_with_ignored_ones(tmp_path: Path) -> None:
    inner = tmp_path / "test_inner.py"
    inner.write_text(INNER)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", str(inner)]
    ignoring = ["sh", "-c", 'trap "" INT QUIT HUP; exec "$@"', "sh", *pytest]
    done = subprocess.run(ignoring, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_signal_that_is_handled_until_after_the_end_of_a_wait_does_not_hang_it() -> None:
    """`up --watch` waits so, and Ctrl-C is such a signal: in Python 3.11 a `queue.SimpleQueue` then waits for good."""
    heard: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        heard.append(number)
        if len(heard) > 1:
            raise AssertionError("it waits for good")
        time.sleep(0.1)  # what the handler takes

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 10.0)
    try:
        assert FileChanges([], [], lambda _: True).next(0.06) == set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard == [signal.SIGALRM]


def test_nothing_waits_at_a_queue_that_a_signal_can_hang() -> None:
    files = sorted((ROOT / "emulator").rglob("*.py"))
    assert [
        str(file) for file in files if re.search(r"\bqueue\.SimpleQueue|import SimpleQueue", file.read_text())
    ] == []
