"""Checks the built site: each link of its own leads to a page and to a place in it, each picture has a text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The places, links and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.nameless: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if found.get("id"):
            self.places.add(str(found["id"]))
        if tag == "a" and found.get("name"):
            self.places.add(str(found["name"]))
        if tag == "img" and not (found.get("alt") or "").strip():
            self.nameless.append(str(found.get("src")))
        for key in ("href", "src"):
            if found.get(key) and tag != "base":
                self.links.append(str(found[key]))


@cache
def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def problems(site: Path) -> Iterator[str]:
    """What is wrong with the pages below a folder, a line each."""
    for file in sorted(site.rglob("*.html")):
        if file.name == "404.html":  # its links begin at the root of the server
            continue
        page = _read(file)
        name = file.relative_to(site)
        yield from (f"{name}: the picture {source} has no alternative text" for source in page.nameless)
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{name}: the link {link} leads nowhere"
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in _read(target).places:
                yield f"{name}: the link {link}: there is no such place on the page"
