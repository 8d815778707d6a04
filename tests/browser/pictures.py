"""`make pictures`: every page of the console in both themes, in build/pictures. The documentation shows some.

They are of what was recorded, so that they are the same whenever they are made.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emulator.console.recording import read
from emulator.console.serve import showing
from tests.browser.chromium import PAGES, TIMEOUT, chromium, go, visit, window

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[2] / "build" / "pictures"
RECORDED: Final = Path(__file__).parent / "shop.ndjson"
SIZE: Final = (1280, 800)


def name_of(page: str, theme: str) -> str:
    """`logs?view=compared` in the dark is `console-logs-compared-dark.png`."""
    return f"console-{page.replace('?view=', '-')}-{theme}.png"


def main() -> None:
    """Takes them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with showing(read(RECORDED)) as address, chromium() as browser:
        for theme in ("light", "dark"):
            with closing(browser.new_context(**window(*SIZE, theme))) as context:
                page = context.new_page()
                page.set_default_timeout(TIMEOUT)
                visit(page, address.url)
                page.wait_for_selector(".connection.ok")
                for name, title in PAGES.items():
                    go(page, name, title)
                    if name == "metrics":
                        page.locator("#main figure").first.wait_for()
                    _take(page, name, theme)
                go(page, "overview", "Overview")
                page.locator("#main .problem a").first.click()
                page.locator("#panel article").first.wait_for()
                _take(page, "task", theme)
                go(page, "traces", "Traces")
                page.locator("#main tbody .link").first.click()
                page.locator("#panel h2").wait_for()
                _take(page, "trace", theme)
    print(FOLDER)


def _take(page: Page, name: str, theme: str) -> None:
    page.evaluate("document.fonts.ready")
    page.screenshot(path=FOLDER / name_of(name, theme))


if __name__ == "__main__":
    main()
