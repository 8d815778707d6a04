"""Files that editors and tools make for themselves, and that change nothing."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_TEMPORARY = re.compile(
    r"""
      .*~ | .*\.sw[a-z] | 4913          # Vim and others: backup, swap, and its test whether a folder can be written to
    | \.\#.* | \#.*\#                   # Emacs: lock and autosave
    | .*___jb_(?:tmp|old|bak)___        # JetBrains: safe write
    | \.goutputstream-.* | \.~.*        # GNOME
    | \.DS_Store | Thumbs\.db
    """,
    re.VERBOSE,
)
_PRIVATE_FOLDERS = frozenset(
    (".git", ".hg", ".svn", ".idea", ".vscode", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
)


def is_temporary(path: PurePosixPath | Path) -> bool:
    """Whether a file is an editor's or a tool's own: `path` relative to what is watched."""
    return _TEMPORARY.fullmatch(path.name) is not None or not _PRIVATE_FOLDERS.isdisjoint(path.parts)
