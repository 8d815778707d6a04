"""What this process tells in its container's own log."""

from __future__ import annotations

import contextlib
import sys


def say(text: str) -> None:
    """One line; none where it cannot be written."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
