"""What a daemon turned out to be unable to do, remembered for a day.

Finding it out costs a failed start of every container; a daemon that cannot raise its open-file limit will not be able
to a minute later.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

from emulator.engine.interface import EngineInfo

DAY = 24 * 3600.0


def remember_low_limit(info: EngineInfo) -> None:
    """This daemon refused Fargate's open-file limit. Where nothing can be kept, it is found out again next time."""
    file = _file(info)
    if file is None:
        return
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def has_low_limit(info: EngineInfo) -> bool:
    """Whether this daemon refused it within the last day."""
    file = _file(info)
    try:
        return file is not None and time.time() - file.stat().st_mtime < DAY
    except OSError:
        return False


def _file(info: EngineInfo) -> Path | None:
    """`$XDG_CACHE_HOME/copilot-local/daemons/ID.low-limit`; None where the daemon has no usable id, or the user no
    home."""
    name = re.sub(r"[^A-Za-z0-9-]", "-", info.id)
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return cache / "copilot-local" / "daemons" / f"{name}.low-limit" if name else None
