"""Refuses a workspace that asks for more than it was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.display.failure import shown
from emulator.errors import TrustNeeded
from emulator.trust.needed import Asked, permissions
from emulator.trust.permission import Permission
from emulator.trust.store import trusted

COMMAND = "copilot-local trust-workspace"


def missing(asked: Asked) -> list[Permission]:
    """The permissions that the workspace needs and was not given."""
    needed = permissions(asked)
    if not needed:
        return []
    given = trusted(asked.root)
    return [permission for permission in needed if permission.digest not in given]


def require(asked: Asked) -> None:
    """Raises `TrustNeeded`, with every permission that is missing, where the workspace was not given all it needs."""
    lacking = missing(asked)
    if lacking:
        raise TrustNeeded(asked.root, describe(lacking), hint=_hint(lacking), given=lacking)


def describe(permissions: Sequence[Permission]) -> list[str]:
    """One line a permission, with its place."""
    return [f"{shown(one.position)}: {one.words}" if one.position else one.words for one in permissions]


def _hint(lacking: Sequence[Permission]) -> str:
    options = list(dict.fromkeys(one.instead for one in lacking if one.instead))
    lines = [
        f"read it, then run `{COMMAND}`: it shows this again and asks; a change of it is asked anew",
        f"in CI: `{COMMAND} --yes`",
    ]
    if options and len(options) == len({one.digest for one in lacking}):
        lines.append(f"or give it for this command alone: {' '.join(options)}")
    if any(one.kind == "path" for one in lacking):
        lines.append(f"or allow folders for every workspace: [trust] paths in {own_settings_file()}")
    return "\n".join(lines)


def own_settings_file() -> Path:
    """The user's own settings."""
    from emulator.settings_files import FILE_NAME, configuration_folder

    return configuration_folder() / FILE_NAME
