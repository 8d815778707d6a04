from __future__ import annotations

import sys
import time
from pathlib import Path

from emulator.setup.process import NOT_FOUND, TIMED_OUT, run


def test_both_streams_are_kept_and_logged(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    program = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr); sys.exit(3)"
    result = run([sys.executable, "-c", program], timeout=30, log=log)
    assert (result.code, result.ok, result.tail()) == (3, False, ["out", "err"])
    assert "out\nerr\n" in log.read_text(encoding="utf-8")


def test_a_program_that_is_not_there_is_a_result() -> None:
    result = run(["no-such-program-here"], timeout=5)
    assert result.code == NOT_FOUND
    assert result.reason() == "`no-such-program-here` is not installed"


def test_a_program_that_does_not_end_is_stopped() -> None:
    result = run(["sleep", "60"], timeout=0.2)
    assert result.code == TIMED_OUT
    assert "did not end in time" in result.reason()


def test_a_process_left_behind_does_not_keep_us_waiting(tmp_path: Path) -> None:
    start = time.monotonic()
    program = "import subprocess; print('done', subprocess.Popen(['sleep', '8']).pid)"
    result = run([sys.executable, "-c", program], timeout=30)
    assert result.output.startswith("done")
    assert time.monotonic() - start < 6
