"""The console in Chromium: over what was recorded of an environment, and over one that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.console.recording import read
from emulator.console.serve import Address, showing
from tests.browser.chromium import LOST, TIMEOUT, chromium, go

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]
"""What drives the browser is no dependency of the suite: `make test-browser` brings it."""
RECORDED = Path(__file__).parent / "shop.ndjson"
BY_HAND = Path(__file__).parent / "by_hand.json"
OWN = ("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:")
EXPECTED = "the server responded with a status of 4"
"""In the browser's words: pages ask for what an environment does not have, and say so."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def recorded() -> Iterator[Address]:
    """A console that shows what was recorded, and what another shop would have of Service Connect and local AWS."""
    recording = read(RECORDED)
    more = json.loads(BY_HAND.read_text(encoding="utf-8"))
    with showing(replace(recording, answers={**recording.answers, **more})) as address:
        yield address


class Opened:
    """A tab, and what is wrong in it: errors, messages of the browser, what its policy blocks, requests elsewhere."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._said)
        page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        """The page needs no network but its own server."""
        if not request.url.startswith(OWN):
            self.problems.append(f"asked {request.url}")

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and EXPECTED not in message.text and LOST not in message.text:
            self.problems.append(f"{message.text} {message.location.get('url', '')}")

    def go(self, name: str, title: str) -> None:
        """Goes to a page of the console, and waits until it shows what it is about."""
        go(self.page, name, title)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Opened]:
    with closing(browser.new_context(viewport={"width": 1280, "height": 800})) as context:
        opened = Opened(context.new_page())
        yield opened
        assert opened.problems == []
