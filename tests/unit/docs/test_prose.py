"""What newcomers read is short: sentences of the README and of docs/start/, pages that are no reference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
FOR_NEWCOMERS = [ROOT / "README.md", *sorted((DOCS / "start").glob("*.md"))]
REFERENCES = ("reference", "fidelity")
LONGEST_SENTENCE = 30
"""Words."""
LONGEST_PAGE = 150
"""Lines: three screens of fifty."""
LONGER = {
    "understand/architecture.md": 210,  # a third of it is the table of rooms
}
"""Pages with a reason to be longer, and what they may have."""


def sentences(text: str) -> list[str]:
    """The sentences of a page: of paragraphs, items and cells of tables; no code, no headings."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(\||[-*] |\d+\. )", r"\n\n", text, flags=re.MULTILINE)
    parts = [part for block in re.split(r"\n\s*\n", text) for part in re.split(r" \| |\|$", block.strip())]
    return [one for part in parts for one in re.split(r"(?<=[.!?:;])\s+", " ".join(part.split())) if one]


@pytest.mark.parametrize("page", FOR_NEWCOMERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_sentence_is_longer_than_a_breath(page: Path) -> None:
    long = [one for one in sentences(page.read_text(encoding="utf-8")) if len(one.split()) > LONGEST_SENTENCE]
    assert long == []


def test_a_long_sentence_is_seen() -> None:
    assert [len(one.split()) for one in sentences(f"# A\n\n- {'word ' * 31}end. Short one.\n")] == [32, 2]


@pytest.mark.parametrize(
    "page", [str(page.relative_to(DOCS)) for page in sorted(DOCS.rglob("*.md")) if page.parent.name not in REFERENCES]
)
def test_no_page_is_longer_than_three_screens(page: str) -> None:
    lines = (DOCS / page).read_text(encoding="utf-8").count("\n")
    assert lines <= LONGER.get(page, LONGEST_PAGE)
    assert page not in LONGER or lines > LONGEST_PAGE, f"{page} is short enough now: take it out of LONGER"
