"""The folder that a workspace may read without being trusted: its git repository, else its own root."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

GIT = ".git"


def root_of(workspace: Path) -> Path:
    """The root of the git repository that the workspace is in, all links followed; without one the workspace root.

    A repository that holds the home folder counts as none: `~/.git`, as people have it who keep their settings in git,
    does not open the home folder to what is unpacked in it. git is not asked: its configuration could name programs.
    """
    here = workspace.resolve()
    home = Path(os.path.expanduser("~")).resolve()
    for folder in (here, *here.parents):
        if os.path.lexists(folder / GIT):
            return here if home.is_relative_to(folder) else folder
    return here


def is_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether the path, all links followed, is one of the folders or below one. The folders are real paths."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return False
    return any(real.is_relative_to(folder) for folder in folders)
