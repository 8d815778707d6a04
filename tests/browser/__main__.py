"""Opens every page of the console in Chromium, in both themes and two widths, and keeps a picture of each.

Fails where a page has an error, breaks its own policy or is wider than the window, and where a key leads elsewhere.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from emulator.console.serve import Address, serving
from tests.unit.agent.rig import Rig
from tests.unit.console.conftest import begin
from tests.unit.runtime.world import DEMO, make_service

OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PAGES = (
    "overview",
    "requests",
    "balancer",
    "traces",
    "logs",
    "firelens",
    "events",
    "metrics",
    "connect",
    "manifest",
    "store",
)
KEYS = dict(zip("orbtlfeucmq", PAGES, strict=True))
WIDTHS = (1280, 800)
EXPECTED = "the server responded with a status of 400"
"""In the browser's words: pages ask for what this environment does not have, and say so."""


@contextmanager
def environment() -> Iterator[Address]:
    """A console over an engine in memory, in which one task runs and has printed."""
    with tempfile.TemporaryDirectory() as folder, closing(Rig(Path(folder))) as rig:
        begin(rig, make_service(target=("hello", 3000)))
        rig.run()
        for number in range(200):
            rig.engine.print_line(rig.container("hello"), f'{{"level": "info", "number": {number}}}')
        rig.engine.print_line(rig.container("hello"), "<script>document.title = 'markup'</script> ERROR: it is text")
        with serving(rig.engine, DEMO) as address:
            yield address


def watched(page: Page, problems: list[str]) -> Page:
    """The page, with whatever is wrong in it noted."""

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            problems.append(message.text)

    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", said)
    return page


def look(browser: Browser, address: Address, name: str, theme: Any, width: int, folder: Path) -> list[str]:
    """Opens one page; returns what is wrong with it."""
    problems: list[str] = []
    with closing(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)) as context:
        page = watched(context.new_page(), problems)
        page.goto(f"{address.url}&to=%2F{name}")
        page.wait_for_selector("#main h1")
        page.wait_for_selector(".connection.ok")
        page.wait_for_timeout(700)
        if address.token in page.url:
            problems.append("the token stays in the address")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append("it is wider than the window")
        if name == "logs" and "<script>" not in page.inner_text("#main"):
            problems.append("a line with markup is not shown as text")
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
    return [f"{name} {width} {theme}: {problem}" for problem in problems if EXPECTED not in problem]


def press_keys(browser: Browser, address: Address) -> list[str]:
    """Goes through all pages by the keyboard alone, and opens and closes a task."""
    problems: list[str] = []
    with closing(browser.new_context()) as context:
        page = watched(context.new_page(), problems)
        page.goto(address.url)
        for key, name in KEYS.items():
            page.keyboard.press("g")
            page.keyboard.press(key)
            page.wait_for_selector(f'a[href="#/{name}"][aria-current="page"]')
        page.keyboard.press("g")
        page.keyboard.press("o")
        page.focus('[data-k^="task-"]')
        page.keyboard.press("Enter")
        page.wait_for_selector("#panel h2")
        page.keyboard.press("Escape")
        page.wait_for_selector("#panel", state="hidden")
    return [f"keys: {problem}" for problem in problems if EXPECTED not in problem]


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium here: on Debian and Ubuntu, apt-get install chromium", file=sys.stderr)
        return 2
    folder = Path("build") / "console"
    folder.mkdir(parents=True, exist_ok=True)
    with environment() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        problems = press_keys(browser, address)
        for name in PAGES:
            for width in WIDTHS:
                for theme in ("light", "dark"):
                    problems += look(browser, address, name, theme, width, folder)
        browser.close()
    print("\n".join(problems) or f"{len(PAGES)} pages, {4 * len(PAGES)} pictures in {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
