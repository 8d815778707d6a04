"""GitHub's Markdown, which docs/ is written in, made into what MkDocs reads.

The two differ in lists that follow a paragraph without an empty line, and in bars within code in tables. Links lead to
where their targets stand in the site.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

Place = Callable[[PurePosixPath], PurePosixPath]
"""The path of a file in the project to its path in the site."""

_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")
_CODE = re.compile(r"(`+)(.+?)\1")
_FINDING = re.compile(r"cl\d+")


def converted(text: str, source: PurePosixPath, place: Place) -> str:
    """The page `source` (its path in the project) as MkDocs reads it."""
    lines = list(_lines(text))
    return (
        "\n".join(line if code else _LINK.sub(lambda m: _link(m, source, place), line) for line, code in lines) + "\n"
    )


def converted_table(text: str) -> str:
    """Tables made from the code, as MkDocs reads them."""
    return "\n".join(_table_row(line) if line.startswith("|") else line for line in text.splitlines()) + "\n"


def targets(text: str) -> set[str]:
    """What the page links to in the project: paths relative to it, without anchors."""
    prose = "\n".join(line for line, code in _lines(text) if not code)
    found = {match[2].partition("#")[0] for match in _LINK.finditer(prose)}
    return {target for target in found if target and not re.match(r"[a-z]+:", target)}


def resolved(source: PurePosixPath, target: str) -> PurePosixPath:
    """The path in the project that a link of the page `source` leads to."""
    return PurePosixPath(os.path.normpath(source.parent / target))


def title_of(page: Path) -> str:
    """The first heading of a page, without code marks."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].replace("`", "") if found else page.stem


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is code. Lists begin after an empty line; tables hold bars as MkDocs reads them."""
    fence, before = "", ""
    for line in text.splitlines():
        opening = re.match(r" *(```+)", line)
        if fence:
            fence = "" if opening and opening[1] == fence and line.strip() == fence else fence
            yield line, True
        elif opening:
            fence = opening[1]
            yield line, True
        else:
            if _ITEM.match(line) and before.strip() and not _ITEM.match(before) and not before.startswith(" "):
                yield "", False
            yield _table_row(line) if line.startswith("|") else line, False
        before = line


def _table_row(line: str) -> str:
    """Within code a bar needs no backslash here; MkDocs would print it."""
    return _CODE.sub(lambda match: match[0].replace(r"\|", "|"), line)


def _link(match: re.Match[str], source: PurePosixPath, place: Place) -> str:
    path, sign, anchor = match[2].partition("#")
    if re.match(r"[a-z]+:", path) or not path:
        return match[0]
    target = resolved(source, path)
    found = place(target)
    if target == PurePosixPath("docs/reference/findings.md") and _FINDING.fullmatch(anchor):
        # In the site each finding has a page.
        found, sign, anchor = PurePosixPath(f"reference/findings/{anchor.upper()}.md"), "", ""
    return f"{match[1]}{os.path.relpath(found, place(source).parent)}{sign}{anchor}{match[3]}"
