"""The site's table of contents: the folders of pages in a set order, each page by its first heading."""

from __future__ import annotations

from pathlib import Path

from website.markdown import title_of

SECTIONS = {
    "start": "Start",
    "how-to": "How to",
    "understand": "Understand",
    "reference": "Reference",
    "fidelity": "Fidelity",
    "examples": "Examples",
    "project": "The project",
}
FIRST = (
    "install.md",
    "your-repository.md",
    "tutorial.md",
    "tutorial-part-two.md",
    "commands.md",
    "settings.md",
    "findings.md",
    "testing.md",
)
"""Pages that come before the others of their section, in this order."""
TOP = ("troubleshooting.md", "faq.md", "comparison.md")

Entry = str | dict[str, "str | list[Entry]"]


def navigation(pages: Path) -> list[Entry]:
    """What mkdocs.yml says under `nav`, for the pages below a folder."""
    entries: list[Entry] = [{"Home": "index.md"}]
    for folder, title in SECTIONS.items():
        found = _entries(pages / folder, pages)
        if found:
            entries.append({title: found})
    entries += [{title_of(pages / name): name} for name in TOP if (pages / name).is_file()]
    return entries


def _entries(folder: Path, pages: Path) -> list[Entry]:
    """The pages of a folder, then a section for each folder in it."""
    entries: list[Entry] = [
        {title_of(page): str(page.relative_to(pages))} for page in sorted(folder.glob("*.md"), key=_order)
    ]
    for below in sorted(path for path in folder.glob("*") if path.is_dir()):
        inner = _entries(below, pages)
        if inner:
            entries.append({below.name.replace("-", " ").capitalize(): inner})
    return entries


def _order(page: Path) -> tuple[int, str]:
    return (FIRST.index(page.name) if page.name in FIRST else len(FIRST)), title_of(page).lower()
