"""Puts the written pages where MkDocs finds them: docs/, the README as the first page, and what they link to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

from website.markdown import converted, resolved, targets

ROOT = Path(__file__).resolve().parents[1]
PAGES_OF_THE_PROJECT = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def place(path: PurePosixPath) -> PurePosixPath:
    """Where a file of the project stands in the site."""
    parts = path.parts
    if parts[0] == "docs":
        return PurePosixPath(*parts[1:])
    if path == PurePosixPath("README.md"):
        return PurePosixPath("index.md")
    if path.name == "README.md":
        return path.parent.with_suffix(".md") if parts[0] == "examples" else PurePosixPath(f"project/{parts[0]}.md")
    if str(path) in PAGES_OF_THE_PROJECT:
        return PurePosixPath("project") / path.name.lower()
    return PurePosixPath("files") / path


def stage(into: Path) -> None:
    """Writes every written page, and every file that one links to, below the folder `into`. Raises FileNotFoundError
    for a link that leads nowhere."""
    waiting = [PurePosixPath("README.md"), *map(PurePosixPath, PAGES_OF_THE_PROJECT)]
    waiting += [PurePosixPath(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")]
    waiting += [PurePosixPath(page.relative_to(ROOT)) for page in (ROOT / "examples").glob("*/README.md")]
    seen: set[PurePosixPath] = set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        target = into / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".md":
            shutil.copyfile(ROOT / source, target)
            continue
        text = (ROOT / source).read_text(encoding="utf-8")
        target.write_text(converted(_for_the_site(text), source, place), encoding="utf-8")
        waiting += [resolved(source, link) for link in targets(text)]


def _for_the_site(text: str) -> str:
    """The listing of all findings is a page each here: the table stays."""
    if text.startswith("# Findings\n"):
        text = text.partition("\n## CL")[0] + "\n"
        text = re.sub(r"\]\(#(cl\d+)\)", lambda match: f"](findings.md#{match[1]})", text)
    return text
