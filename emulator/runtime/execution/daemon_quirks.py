"""What a daemon turned out to be able or unable to do, remembered for a day.

Finding it out costs a failed start of every container, or a container of its own; a daemon that cannot raise its
open-file limit will not be able to a minute later.
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
    _remember(info, "low-limit")


def has_low_limit(info: EngineInfo) -> bool:
    """Whether this daemon refused it within the last day."""
    return _is_remembered(info, "low-limit")


def remember_redirects(info: EngineInfo, image: str) -> None:
    """In this daemon's containers the proxy's image can lead connections to itself."""
    _remember(info, f"redirects-{_safe(image)}")


def has_redirects(info: EngineInfo, image: str) -> bool:
    """Whether it could within the last day."""
    return _is_remembered(info, f"redirects-{_safe(image)}")


def _remember(info: EngineInfo, what: str) -> None:
    file = _file(info, what)
    if file is None:
        return
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def _is_remembered(info: EngineInfo, what: str) -> bool:
    file = _file(info, what)
    try:
        return file is not None and time.time() - file.stat().st_mtime < DAY
    except OSError:
        return False


def _file(info: EngineInfo, what: str) -> Path | None:
    """`$XDG_CACHE_HOME/copilot-local/daemons/ID.WHAT`; None where the daemon has no usable id, or the user no home."""
    name = _safe(info.id)
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return cache / "copilot-local" / "daemons" / f"{name}.{what}" if name else None


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", text)
