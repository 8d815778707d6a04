"""The suite gives the same result in the foreground, as a background job and under nohup."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
