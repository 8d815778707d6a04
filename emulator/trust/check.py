"""Refuses a workspace that asks for more than it was given."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.display.failure import shown
from emulator.errors import TrustNeeded
from emulator.settings_files import FILE_NAME, configuration_folder
from emulator.trust.needed import Asked, permissions
from emulator.trust.permission import Permission
from emulator.trust.store import trusted

COMMAND = "copilot-local trust-workspace"


def require(asked: Asked) -> None:
    """Raises `TrustNeeded`, with every permission that is missing, where the workspace was not given all it needs."""
    needed = permissions(asked)
    given = trusted(asked.root) if needed else {}
    if lacking := [permission for permission in needed if permission.digest not in given]:
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
        lines.append(f"or allow folders for every workspace: [trust] paths in {configuration_folder() / FILE_NAME}")
    return "\n".join(lines)
