"""Fills the file system that a container writes to, where nothing else uses it."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError, TaskError

LARGEST = 512
"""MiB. What has more room than this is the machine's own disk, which others write to as well."""
FILLER = ".copilot-local-fills-this"
# In large blocks, then in small ones: the last block that fits is a small one. A failed write is what is wanted.
_FILL = 'for size in 65536 4096 1; do dd if=/dev/zero of="$1.$size" bs=$size count={count} 2> /dev/null; done; :'


@contextlib.contextmanager
def fill_disk(engine: Engine, container: str, path: str) -> Iterator[None]:
    """Within this block there is no room on the file system of a folder: `No space left on device`.

    Raises `InputError` where the file system is larger than 512 MiB: it would be the disk of Docker's host. Needs
    `sh`, `df` and `dd` in the container.
    """
    free = _free(engine, container, path)
    if free > LARGEST * 1024:
        raise InputError(
            f"{path} has {free // 1024} MiB free, and at most {LARGEST} are filled: it is the disk of Docker's host",
            hint="choose a folder on a small file system, such as /dev/shm",
        )
    filler = posixpath.join(path, FILLER)
    try:
        fill = _FILL.format(count=LARGEST * 16)
        result = engine.exec(container, ("sh", "-c", fill, "sh", filler), user="0", timeout=60)
        left = _free(engine, container, path)
        if result.exit_code != 0 or left:
            raise TaskError(f"{path} was not filled: {left} KiB are free; {result.stderr.decode(errors='replace')}")
        yield
    finally:
        with contextlib.suppress(CopilotLocalError):  # the container is gone
            words = ("sh", "-c", 'rm -f "$1.65536" "$1.4096" "$1.1"', "sh", filler)
            engine.exec(container, words, user="0")


def _free(engine: Engine, container: str, path: str) -> int:
    """KiB that can still be written."""
    result = engine.exec(container, ("df", "-Pk", path), user="0")
    if result.exit_code != 0:
        raise InputError(f"cannot tell how much room {path} has: {result.stderr.decode(errors='replace').strip()}")
    return int(result.stdout.decode().splitlines()[-1].split()[3])
