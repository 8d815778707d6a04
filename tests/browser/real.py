"""What tests of the console over an environment that runs share: fixtures, and parts of pages as people name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import TIMEOUT, visit
from tests.browser.conftest import Opened
from tests.docker.project import Project, projects

if TYPE_CHECKING:
    from playwright.sync_api import Locator

make_shared_project = pytest.fixture(projects, scope="module", name="make_shared_project")
expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def address(running: Project) -> str:
    """What `copilot-local console` prints. `running` is the module's environment."""
    console = running.start("console", "--print")
    console.wait_for("#token=")
    return next(line for line in console.out if "#token=" in line)


@pytest.fixture
def at(tab: Opened, address: str) -> Opened:
    """A tab of the console that is connected."""
    visit(tab.page, address)
    expect(tab.page.locator(".connection.ok")).to_be_visible()
    return tab


@contextmanager
def agreed(tab: Opened) -> Iterator[None]:
    """Says yes to what the page asks."""
    tab.page.on("dialog", lambda dialog: dialog.accept())
    yield


def tasks_of(project: Project, service: str) -> set[str]:
    return {row["task_id"] for row in project.ps()["containers"] if row["service"] == service}


def group(tab: Opened, service: str) -> Locator:
    """The row of a service in the table of tasks."""
    return tab.page.locator("#main tr.group", has=tab.page.get_by_role("rowheader", name=re.compile(f"^{service} ")))


def row(tab: Opened, text: str | re.Pattern[str]) -> Locator:
    """A row of the list that the page shows."""
    return tab.page.locator("#main .line", has_text=text)


def chosen(tab: Opened, name: str) -> None:
    tab.page.locator("#main .segments button", has_text=re.compile(f"^{name}$")).click()
