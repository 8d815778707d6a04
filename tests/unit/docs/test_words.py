"""Code and documents name the actor (the command, the agent, Docker, the user) and use the field's terms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AVOIDED = re.compile(r"somebody|nobody|whoever|heeded|patience", re.IGNORECASE)
FOLDERS = ("emulator", "docs", "examples", "fluentbit")
QUOTED = {
    "emulator/runtime/specs/pause_script.py": "su -s /bin/sh nobody",
    "emulator/setup/recipes/busybox/etc/group": "nobody:x:65534:",
    "emulator/setup/recipes/busybox/etc/passwd": "nobody:x:65534:65534:nobody:/home:/bin/false",
}
"""File to the one line (or part of it) with such a word that is not ours: the name of a user of the system."""


FETCHED = {"__pycache__", "node_modules", "packages"}
"""Folders of what is not ours: an example's packages."""


def texts() -> list[Path]:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    ours = [file for file in files if not FETCHED & set(file.parts) and b"\0" not in file.read_bytes()]
    return sorted([*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "tests" / "README.md", *ours])


def test_no_text_uses_a_word_that_names_no_actor() -> None:
    found = []
    for file in texts():
        name = str(file.relative_to(ROOT))
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if AVOIDED.search(line.replace(QUOTED.get(name, "\n"), "")):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("name", QUOTED)
def test_each_quotation_is_still_there(name: str) -> None:
    assert QUOTED[name] in (ROOT / name).read_text(encoding="utf-8")
