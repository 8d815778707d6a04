"""The manifests of a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from emulator.errors import InputError

_SKIPPED: Final = frozenset(("node_modules", "__pycache__", "vendor"))
_DEEPEST: Final = 12


def manifests_in(folder: Path) -> list[Path]:
    """Every `manifest.yml` of a Copilot workspace in `folder` or below it (`copilot/<name>/manifest.yml`,
    `copilot/environments/<name>/…`, `copilot/pipelines/<name>/…`), sorted. `folder` may be the `copilot` folder itself,
    or lie within it. Hidden folders and symbolic links to folders are left out. Raises InputError where there is none.
    """
    inside = "copilot" in folder.absolute().parts
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        here = Path(root)
        depth = len(here.parts) - len(folder.parts)
        folders[:] = sorted(
            name for name in folders if depth < _DEEPEST and not name.startswith(".") and name not in _SKIPPED
        )
        if "manifest.yml" in files and (inside or "copilot" in here.relative_to(folder).parts):
            found.append(here / "manifest.yml")
    if not found:
        raise InputError(f"there is no manifest in {folder}", hint="a manifest is copilot/<name>/manifest.yml")
    return sorted(found)
