"""The bucket that templates and files go into."""

from __future__ import annotations

import re
from typing import Final

from emulator.errors import UsageError

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_bucket(name: str | None) -> None:
    """Raises UsageError for what no bucket can be named. Source: Amazon S3, general purpose bucket naming rules."""
    if name is not None and not _BUCKET.fullmatch(name):
        raise UsageError(f"--bucket {name} is no name of a bucket", hint="3 to 63 of a-z, 0-9, `-` and `.`")
