"""Where the command `copilot-local` starts."""

from __future__ import annotations

import gc
from collections.abc import Sequence

_FEW_COLLECTIONS = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; returns its exit code and never raises."""
    # Python looks for garbage after every 700 objects, and importing makes hundreds of thousands that all stay: this
    # is a tenth of the time that a short command takes.
    gc.set_threshold(_FEW_COLLECTIONS)
    from emulator.cli.app import run

    return run(argv)
