"""Where the process `copilot-local` starts and ends."""

from __future__ import annotations

import gc
import os
import sys

_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> int:
    """Runs the command line of this process; returns its exit code and never raises."""
    # Python looks for garbage after every 700 new objects, and once more in all of them at the end. Importing makes
    # hundreds of thousands that stay: looking through them took a quarter of the time of a short command.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # Pydantic would read the metadata of every installed package to look for plug-ins, of which we want none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    from emulator.cli.shell.app import run

    try:
        return run(sys.argv[1:])
    finally:
        gc.freeze()
