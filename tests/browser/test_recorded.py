"""Every page over what was recorded of a shop: how it looks, what assistive technology makes of it, keys alone."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from emulator.console.recording import read
from emulator.console.serve import Address, showing
from tests.browser.chromium import LOAD, PAGES, TIMEOUT, WIDER, overlapping, visit, window
from tests.browser.conftest import RECORDED, Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

KEYS = dict(zip("orbtlfeducmq", dict.fromkeys(name.partition("?")[0] for name in PAGES), strict=True))
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PICTURES = Path("build") / "console"
"""Of pages with which something is wrong."""


def violations(opened: Opened) -> list[str]:
    """What axe finds against WCAG 2.2 AA: the rule, and the elements."""
    opened.page.evaluate(AXE)
    found: dict[str, Any] = opened.page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found["violations"]]


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (800, "light")])
def test_every_page_in_both_themes_and_widths(browser: Browser, recorded: Address, width: int, theme: Any) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    problems: dict[str, list[str]] = {}
    with closing(browser.new_context(**window(width, 800, theme))) as context:
        opened = Opened(context.new_page())
        visit(opened.page, recorded.url)
        opened.page.wait_for_selector(".connection.ok")
        assert recorded.token not in opened.page.url
        for name, title in PAGES.items():
            opened.go(name, title)
            found = violations(opened) + opened.problems
            opened.problems.clear()
            for size in (2080 - width, width):
                opened.page.set_viewport_size({"width": size, "height": 800})
                if opened.page.evaluate(WIDER):
                    found.append(f"it is wider than {size} px")
            if opened.page.locator('a[href^="http"]:not([rel~="noreferrer"])').count():
                found.append("a link out says where from")
            if opened.page.evaluate("document.querySelectorAll('*').length > 1000"):
                found.append("it has more than 1,000 elements")
            if found:
                problems[name] = found
                opened.page.screenshot(path=PICTURES / f"{name.replace('?view=', '-')}-{width}-{theme}.png")
        opened.go("overview", "Overview")
        opened.page.locator("a.task").first.click()
        opened.page.locator("#panel h2").wait_for()
        opened.page.locator("#panel article").first.wait_for()
        found = violations(opened) + opened.problems
        if opened.page.evaluate(WIDER):
            found.append("it is wider than its place beside the panel")
        if found:
            problems["task"] = found
    assert problems == {}, json.dumps(problems, indent=1)


def test_everything_is_reached_by_keys_alone(tab: Opened, recorded: Address) -> None:
    page = tab.page
    visit(page, recorded.url)
    for key, name in KEYS.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(f'a[href="#/{name}"][aria-current="page"]')
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.locator('#main [data-k^="task-"]').first.focus()
    page.keyboard.press("Enter")
    page.locator("#panel h2").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel", state="hidden")
    assert page.evaluate("document.activeElement.dataset.k").startswith("task-")
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.locator("#main .line").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("teapot")
    assert "q=teapot" in page.evaluate("location.hash")
    page.locator(".rows").focus()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.locator("#panel pre").first.wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


def test_a_filter_stands_in_the_address_and_works_from_there(tab: Opened, recorded: Address) -> None:
    visit(tab.page, f"{recorded.url}&to=%2Frequests%3Fstatus%3D4")
    tab.page.locator("#main .line").first.wait_for()
    assert {badge.inner_text()[-3] for badge in tab.page.locator("#main .line .badge").all()} == {"4"}


LIST = (
    f"async () => {{ {LOAD}"
    """
    const { List } = await load("/list.js");
    const { Ring } = await load("/store.js");
    const list = window.list = new List({ label: "List", height: 30, columns: "1fr", draw: (one) => [one],
        open: (one) => document.body.dataset.opened = one });
    alone(list.withHeads("Name"));
    const ring = new Ring(10);
    ring.add(["one", "two", "three"]);
    list.update(ring);
}"""
)


def test_a_list_is_drawn_anew_below_the_hand(tab: Opened, recorded: Address) -> None:
    """A click on a row is not lost, and a filter leaves nothing of what it hides between other rows."""
    visit(tab.page, recorded.url)
    tab.page.evaluate(LIST)
    tab.page.get_by_text("three").hover()
    tab.page.mouse.down()
    tab.page.evaluate("window.list.redraw()")
    tab.page.mouse.up()
    assert tab.page.evaluate("document.body.dataset.opened") == "three"
    tab.page.evaluate("window.list.filter((one) => one !== 'two')")
    assert tab.page.locator(".line").all_inner_texts() == ["one", "three"]


MAP = (
    f"async () => {{ {LOAD}"
    """
    const { callMap } = await load("/callmap.js");
    const edge = (source, target, fault) => ({ source, target, count: 9, fault, p50: 0.436 });
    alone(callMap([
        edge("load balancer", "web", 0), edge("web", "api", 1), edge("api", "worker", 2), edge("worker", "api", 1),
        edge("api", "mailer", 2), edge("mailer", "api", 3),
    ]));
}"""
)


def test_calls_both_ways_have_labels_of_their_own_on_the_map(tab: Opened, recorded: Address) -> None:
    visit(tab.page, recorded.url)
    tab.page.evaluate(MAP)
    assert tab.page.locator("svg.calls .edge text").count() == 11
    assert overlapping(tab.page) == []


def test_what_is_shown_is_saved_as_an_http_archive(tab: Opened, recorded: Address) -> None:
    visit(tab.page, f"{recorded.url}&to=%2Frequests%3Fstatus%3D4")
    tab.page.locator("#main .line").first.wait_for()
    with tab.page.expect_download() as download:
        tab.page.locator('[data-k="har"]').click()
    log = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["log"]
    assert log["version"] == "1.2"
    assert {entry["response"]["status"] // 100 for entry in log["entries"]} == {4}
    assert all(entry["request"]["url"].startswith("http") and entry["time"] >= 0 for entry in log["entries"])


def test_markup_of_strangers_is_text(tab: Opened, recorded: Address) -> None:
    visit(tab.page, f"{recorded.url}&to=%2Flogs%3Fq%3D%253Cscript%253E")
    tab.page.locator("#main .line", has_text="<script>").first.wait_for()
    assert tab.page.evaluate("window.markup") is None


def test_a_wrong_token_is_refused_in_words(tab: Opened, recorded: Address) -> None:
    visit(tab.page, f"http://127.0.0.1:{recorded.port}/#token=wrong")
    tab.page.wait_for_selector(".connection.bad")
    assert "this console has ended" in tab.page.locator(".connection").inner_text()
    tab.page.goto("about:blank")
    tab.page.evaluate("1")


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, which a person has open in the same browser."""

    def do_GET(self) -> None:
        """An empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Says nothing."""


def test_a_page_of_another_site_learns_and_does_nothing(browser: Browser, recorded: Address) -> None:
    """Even with the token: the browser sends its questions with an `Origin`, or asks before whether it may."""
    script = """async ([url, options]) => {
        try { const answer = await fetch(url, options); return answer.type === "opaque" ? "opaque" : answer.status }
        catch { return "refused" }
    }"""
    token = {"Authorization": f"Bearer {recorded.token}"}
    asked = {
        "stream?kinds=overview": {"headers": token},
        "explain": {"method": "POST", "headers": {**token, "Content-Type": "application/json"}, "body": "{}"},
        "open": {"method": "POST", "mode": "cors", "body": json.dumps({"code": recorded.code})},
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with closing(browser.new_context()) as context:
        page = context.new_page()
        visit(page, f"http://127.0.0.1:{server.server_port}/", shown="body")
        api = f"http://127.0.0.1:{recorded.port}/api"
        told = {path: page.evaluate(script, [f"{api}/{path}", options]) for path, options in asked.items()}
    server.shutdown()
    server.server_close()
    assert told == dict.fromkeys(asked, "refused")


def test_without_a_token_the_page_says_where_it_is(tab: Opened, recorded: Address) -> None:
    visit(tab.page, f"http://127.0.0.1:{recorded.port}/")
    tab.page.locator("h1", has_text="No access").wait_for()


class Losing:
    """Has a browser lose eight connections for what fits `pattern`, as it does while an environment comes up: with each
    container that joins its network."""

    def __init__(self, opened: Opened, pattern: str) -> None:
        self.lost: list[str] = []
        opened.page.route(pattern, self._lose)

    def _lose(self, route: Route) -> None:
        if len(self.lost) == 8:
            route.continue_()
        else:
            self.lost.append(route.request.url)
            route.abort("connectionreset")

    def forget(self, opened: Opened) -> None:
        """The browser says of each that it was lost."""
        assert len(self.lost) == 8
        opened.problems[:] = [one for one in opened.problems if "ERR_CONNECTION_RESET" not in one]


@pytest.mark.parametrize("part", ["pages/firelens.js", "service.js", "api/services/*"])
def test_what_is_lost_on_the_way_is_asked_for_until_it_comes(tab: Opened, recorded: Address, part: str) -> None:
    visit(tab.page, recorded.url)
    tab.page.wait_for_selector(".connection.ok")
    losing = Losing(tab, f"**/{part}*")
    tab.go("firelens", "FireLens")
    assert tab.page.locator("#main .note.bad").count() == 0
    losing.forget(tab)


@pytest.mark.parametrize("part", ["app.js", "store.js", "pages/overview.js", "style.css", "api/stream"])
def test_a_page_whose_parts_are_lost_on_the_way_is_whole_in_the_end(tab: Opened, recorded: Address, part: str) -> None:
    losing = Losing(tab, f"**/{part}*")
    visit(tab.page, recorded.url)
    tab.page.wait_for_selector(".connection.ok")
    tab.page.locator("#main h1", has_text="Overview").wait_for()
    expect(tab.page.locator("#rail")).to_have_css("display", "flex", timeout=TIMEOUT)
    losing.forget(tab)


def test_a_page_reconnects_and_does_not_take_another_console_for_its_own(tab: Opened) -> None:
    recording = read(RECORDED)
    with showing(recording) as first:
        visit(tab.page, first.url)
        tab.page.wait_for_selector(".connection.ok")
        tab.page.locator("#main table td.task").first.wait_for()
        rows = tab.page.locator("#main table tr").count()
    tab.page.wait_for_selector(".connection.wait")
    assert "what is shown is old" in (tab.page.locator(".connection").get_attribute("title") or "")
    assert tab.page.locator("#main table tr").count() >= rows
    with showing(recording, port=first.port):
        tab.page.wait_for_selector(".connection.bad")
    tab.problems[:] = [one for one in tab.problems if "ERR_" not in one]  # nothing answered in between
