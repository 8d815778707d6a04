"""Chromium as Debian has it, and how a page of the console is gone to in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPTIONS: Final = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--lang=en-GB"),
]
PROGRAMS: Final = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first draws no window of its own: it starts in half the time."""
TIMEOUT: Final = 60_000
"""Milliseconds for what comes at once on a machine that is not busy."""
WIDER: Final = """() => [document.documentElement, document.querySelector("#main")]
    .some((one) => one.scrollWidth > one.clientWidth)"""
"""Whether a page has to be scrolled sideways."""
PAGES: Final = {
    "overview": "Overview",
    "requests": "Requests",
    "balancer": "Load balancer",
    "traces": "Traces",
    "traces?view=map": "Traces",
    "logs": "Logs",
    "logs?view=compared": "Logs",
    "firelens": "FireLens",
    "events": "Events",
    "deployments": "Deployments",
    "metrics": "Metrics",
    "connect": "Service Connect",
    "manifest": "Manifest",
    "store": "Local AWS",
}
"""The heading of each page by its address."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window and with an empty profile."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert found, "no Chromium here: `requirements/browser.sh` installs it on Debian and Ubuntu"
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=found, args=OPTIONS)) as it,
    ):
        yield it


LOST: Final = "ERR_NETWORK_CHANGED"
"""A browser ends its connections, those to this machine too, whenever a network of Docker comes or goes: other tests
make some all the time. The page asks again; the browser itself does not, and says so among its messages."""
GONE: Final = (LOST, "interrupted by another navigation")
"""What going to a page ends with then: the second where the browser still opens its own page about the first."""
LOAD: Final = """const load = async (name) => {
    for (let again = 0; ; again++) {
        try { return await import(again ? `${name}?again=${again}` : name) }
        catch (error) { if (again === 9) throw error }
    }
};
const alone = (part) => {
    for (const one of document.body.children) one.style.display = "none";
    document.body.append(part);
};"""
"""For a test of a module by itself: `load` asks for it again, as the page does, and `alone` shows a part of it where
the page, which goes on, does not write."""


def visit(page: Page, url: str, shown: str = "#rail .brand") -> None:
    """Opens a page, by default the console, once the browser has all of it: what has the selector `shown`."""
    from playwright.sync_api import Error, TimeoutError

    for last in (False, False, False, False, True):
        try:
            page.goto("about:blank")
            page.goto(url)
            page.wait_for_selector(shown, timeout=TIMEOUT / 4, state="attached")
        except Error as error:
            if last or not (isinstance(error, TimeoutError) or any(text in error.message for text in GONE)):
                raise
        else:
            return


def go(page: Page, name: str, title: str) -> None:
    """Goes to a page of the console, and waits until it shows what it is about."""
    page.evaluate("name => { location.hash = `#/${name}`; }", name)
    page.locator("#main h1", has_text=title).wait_for()
    page.locator("#main .empty", has_text="Looking …").wait_for(state="detached")


def overlapping(page: Page) -> list[Any]:
    """Pairs of texts of the map that are over each other."""
    found: list[Any] = page.evaluate("""() => {
        const texts = [...document.querySelectorAll("svg.calls text")];
        const boxes = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
        return boxes.flatMap(([name, one], at) => boxes.slice(at + 1).filter(([, two]) =>
            one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom
        ).map(([other]) => [name, other]));
    }""")
    return found


def window(width: int, height: int, theme: Any) -> dict[str, Any]:
    """Options of a browser's window that moves nothing by itself."""
    size = {"width": width, "height": height}
    return {"viewport": size, "color_scheme": theme, "reduced_motion": "reduce", "timezone_id": "UTC"}
