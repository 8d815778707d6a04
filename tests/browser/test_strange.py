"""What no person would choose: names and lines of any length, bytes that are no text, many services, a narrow page."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from emulator.console.hub import LIMITS, Hub
from emulator.console.recording import Recording, read
from emulator.console.serve import Address, showing
from tests.browser.chromium import PAGES, TIMEOUT, WIDER, visit, window
from tests.browser.conftest import RECORDED, Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect.set_options(timeout=TIMEOUT)
LONG = "a-service-whose-name-" + "is-long-" * 12 + "x" * 120
MANY = 40
LINES = (
    "\x1b[31mERROR\x1b[0m in red \x00 and \x7f\x1b]0;title\x07 bytes",
    "\x1b[2J\x1b[H\u202egnirts a\u202c \ud83c\udf08 " + "🦄" * 40,
    "long " + "0123456789" * 20_000,
    '{"level": "info", "deep": ' + "[" * 500 + "]" * 500 + "}",
    "<img src=x onerror=window.markup=1><script>window.markup = 1</script>",
    "",
)


def strange() -> Recording:
    """The recorded shop with all of that."""
    recording = read(RECORDED)
    hub = Hub()
    for message in map(json.loads, RECORDED.read_text(encoding="utf-8").splitlines()):
        kind, value = message["k"], message["v"]
        if kind in LIMITS:
            hub.add(kind, value)
        elif kind in ("overview", "tasks", "rules", "services"):
            hub.set(kind, _more(kind, value))
    line = {"at": "2026-11-29T11:37:30+00:00", "service": LONG, "task": "f" * 32, "container": LONG, "s": "stderr"}
    hub.add("lines", [{**line, "text": text.encode(errors="replace").decode()} for text in LINES])
    record = next(
        value[0]
        for value in (json.loads(text)["v"] for text in RECORDED.read_text(encoding="utf-8").splitlines())
        if isinstance(value, list) and value and "elb_status_code" in value[0]
    )
    request = f"GET http://127.0.0.1:80/{'path/' * 1500}?{'q=%3Cb%3E&' * 100} HTTP/1.1"
    hub.add("access", [{**record, "request": request, "user_agent": "x" * 3000, "service": LONG}])
    return replace(recording, hub=hub)


def _more(kind: str, value: Any) -> Any:
    if kind == "services":
        some = next(iter(value.values()))
        return {**value, LONG: some, **{f"service-{number}": some for number in range(MANY)}}
    if kind == "overview":
        for name in [LONG, *(f"service-{number}" for number in range(MANY))]:
            value["services"].append({**value["services"][0], "name": name})
            row = copy.deepcopy(value["containers"][0])
            value["containers"].append({**row, "service": name, "name": name, "task_id": f"{len(name):032x}"})
        value["failures"] = [f"{LONG}: it failed since {'it failed ' * 200}"]
    if kind == "rules":
        value.append({**value[0], "service": LONG, "conditions": [f"path-pattern /{LONG}", "host-header " + "x" * 500]})
    return value


@pytest.fixture(scope="module")
def odd() -> Iterator[Address]:
    with showing(strange()) as address:
        yield address


@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_is_wider_than_its_window(browser: Browser, odd: Address, width: int) -> None:
    problems: dict[str, list[str]] = {}
    with closing(browser.new_context(**window(width, 700, "light"))) as context:
        opened = Opened(context.new_page())
        visit(opened.page, odd.url)
        opened.page.wait_for_selector(".connection.ok")
        for name, title in PAGES.items():
            opened.go(name, title)
            found = list(opened.problems)
            opened.problems.clear()
            if opened.page.evaluate(WIDER):
                found.append("it is wider than the window")
            if found:
                problems[name] = found
    assert problems == {}


def test_bytes_that_are_no_text_are_shown_as_what_they_are(tab: Opened, odd: Address) -> None:
    visit(tab.page, f"{odd.url}&to=%2Flogs")
    red = tab.page.locator("#main .line", has_text="ERROR in red")
    expect(red).to_contain_text("ERROR in red ␀ and ␡ bytes")
    expect(tab.page.locator("#main .line.bad", has_text="ERROR in red")).to_be_visible()
    tab.page.locator("#main .line", has_text="long 0123").click()
    expect(tab.page.locator("#panel pre").first).to_have_text("long " + "0123456789" * 20_000)
    assert tab.page.evaluate("window.markup") is None
    tab.page.locator("#main .line", has_text="<img src=x").click()
    expect(tab.page.locator("#panel pre").first).to_contain_text("<script>window.markup")
    assert tab.page.evaluate("window.markup") is None
