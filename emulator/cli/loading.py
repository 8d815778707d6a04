"""What verbs read their options and the workspace with."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.errors import UsageError
from emulator.loading import (
    LoadedService,
    Selection,
    Target,
    find_names,
    find_one,
    find_target,
    ignored,
    is_path,
    load_manifest,
    load_one,
    load_services,
    region,
    up_request,
    warning,
)

__all__ = [
    "LoadedService",
    "Selection",
    "Target",
    "assignments",
    "find_names",
    "find_one",
    "find_target",
    "ignored",
    "is_path",
    "load_manifest",
    "load_one",
    "load_services",
    "region",
    "up_request",
    "warning",
]


def assignments(pairs: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a map. Raises UsageError naming the one that is not."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not (separator and name and value):
            raise UsageError(f"{option} takes NAME=VALUE, not {pair!r}")
        found[name] = value
    return found
