"""The console of examples/orders: services that call each other through Service Connect, trace, and live of queues.

One environment for all, from its first order to its `down`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import PAGES, overlapping, visit
from tests.browser.conftest import Opened
from tests.browser.real import address, at, chosen, group, make_shared_project, row, tasks_of
from tests.docker.examples.orders import copy_of_orders
from tests.docker.project import MakeProject, Project, remove_built_images

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]
__all__ = ["address", "at", "make_shared_project"]

SERVICES = ("api", "web", "worker")
BY_PLACE = """rows => rows.sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
    .map((one) => one.innerText)"""
"""The texts of rows from the top: a list uses elements again, in any order."""


@pytest.fixture(scope="module")
def running(make_shared_project: MakeProject) -> Iterator[Project]:
    project = make_shared_project("")
    copy_of_orders(project.folder)
    project.run("trust-workspace", "--yes").ok()
    try:
        project.up("--wait-timeout", "280", timeout=300)
        yield project
    finally:
        project.clean_up()
        project.run("trust-workspace", "--revoke").ok()
        remove_built_images()


@pytest.fixture(scope="module")
def orders(running: Project) -> Project:
    """The environment after an order that was shipped, and one that nothing ships."""
    for item in ("cup", "poison"):
        assert place(running, item).status_code == 201
    return running


def place(project: Project, item: str) -> httpx.Response:
    url = f"http://127.0.0.1:{project.port}/orders"
    return httpx.post(url, json={"item": item}, timeout=30, verify=False)


def cells(tab: Opened, *texts: str) -> Locator:
    """The first row of a table that has all of these."""
    found = tab.page.locator("#main tbody tr")
    for text in texts:
        found = found.filter(has_text=text)
    return found.first


def trace(tab: Opened, spans: int) -> Locator:
    """The newest trace of so many spans in the list."""
    number = tab.page.get_by_role("cell", name=str(spans), exact=True)
    return tab.page.locator("#main tbody tr").filter(has=number).first


def test_every_page_shows_what_runs(at: Opened, orders: Project) -> None:
    for name, title in PAGES.items():
        at.go(name, title)
        expect(at.page.locator("#main .note.bad:visible")).to_have_count(0)
        assert "undefined" not in at.page.locator("#main").inner_text(), name
    at.go("overview", "Overview")
    for service in SERVICES:
        expect(group(at, service)).to_contain_text("1 of 1 task")
    for beside in ("aws", "cache", "ordersDBCluster"):
        expect(at.page.locator("#main", has_text=beside)).to_be_visible()
    at.go("manifest?service=worker", "Manifest")
    expect(at.page.get_by_text("filter_policy").first).to_be_visible()
    at.go("deployments", "Deployments")
    expect(at.page.locator("#main .badge", has_text="COMPLETED")).to_have_count(3)


def test_an_order_is_sent_from_the_page_with_its_hops_and_sent_again(at: Opened, orders: Project) -> None:
    at.go("balancer", "Load balancer")
    at.page.get_by_label("Method").select_option("POST")
    at.page.get_by_label("Path or URL").fill("/orders")
    at.page.get_by_role("button", name="Headers, body").click()
    at.page.get_by_label("Body").fill(json.dumps({"item": "teapot", "kind": "draft"}))
    outcome = at.page.locator("#main .outcome")
    expect(outcome).to_contain_text("container web, port 8080")
    expect(outcome).to_contain_text("it sees POST /orders")
    at.page.locator('[data-k="send"]').click()
    happened = at.page.locator("#main section", has_text="What happened")
    expect(happened.locator(".badge", has_text="201").first).to_be_visible()
    for place in SERVICES[:2]:
        expect(happened.locator(".hops .waterfall .name", has_text=place).first).to_be_visible()
    at.go("requests", "Requests")
    orders.get("/nowhere?of=console")
    chosen(at, "4xx")
    expect(row(at, "of=console").first).to_contain_text("404")
    chosen(at, "All")
    at.page.locator("#main [type=search]").fill("of=console")
    expect(row(at, "of=console")).to_have_count(1)
    row(at, "of=console").first.click()
    at.page.locator("#panel a", has_text="Explain, send again").click()
    expect(outcome).to_contain_text("it sees GET /nowhere?of=console")
    at.page.locator('[data-k="send"]').click()
    expect(happened.locator(".badge", has_text="404").first).to_be_visible()


def test_an_order_is_one_trace_over_three_services(at: Opened, orders: Project) -> None:
    at.go("traces", "Traces")
    at.page.locator("#main [type=search]").fill("worker")
    shipped = trace(at, spans=6)
    expect(shipped).to_contain_text("web, api, worker")
    shipped.locator("button").click()
    names = at.page.locator("#panel .waterfall .name")
    for name in ("load balancer", "web", "web api", "api POST /orders", "worker ship", "worker write"):
        expect(names.filter(has_text=name).first).to_be_visible()
    expect(at.page.locator("#panel")).to_contain_text("Lines that name this trace")
    at.go("traces?view=map", "Traces")
    for calls in (("web", "api"), ("api", "worker"), ("worker", "api")):
        expect(cells(at, *calls)).to_be_visible()
    expect(at.page.locator("#main svg.calls")).to_be_visible()
    assert overlapping(at.page) == []


def test_what_containers_printed_before_is_in_the_order_of_time(at: Opened, orders: Project) -> None:
    at.go("logs", "Logs")
    at.page.locator("#main [type=search]").fill("/waiting for orders|POST .orders HTTP/")
    expect(row(at, "POST").first).to_be_visible()
    expect(row(at, "waiting").first).to_be_visible()
    seen = at.page.locator("#main .line").evaluate_all(BY_PLACE)
    assert "waiting for orders" in seen[0]


def test_records_of_the_log_router_and_its_counters(at: Opened, orders: Project) -> None:
    at.go("logs?view=compared", "Logs")
    expect(row(at, "POST /orders 201").filter(has_text="routed").first).to_be_visible()
    at.go("firelens", "FireLens")
    expect(cells(at, "output", "file.1")).to_contain_text("errors 0")
    expect(at.page.locator("#main")).to_contain_text("Why they differ")


def test_an_order_that_nothing_ships_is_among_the_dead_letters(at: Opened, orders: Project) -> None:
    at.go("store", "Local AWS")
    at.page.locator('[data-k="dead-worker/placed"]').click()
    expect(at.page.locator("#panel pre", has_text="poison").first).to_be_visible()
    at.page.locator('[data-k="items-api/prices"]').click()
    expect(at.page.locator("#panel pre", has_text="teapot").first).to_be_visible()
    at.page.locator('[data-k="objects-api/receipts"]').click()
    expect(at.page.locator("#panel pre", has_text=".txt").first).to_be_visible()


def test_tasks_that_come_and_go_are_behind_their_name_in_service_connect(at: Opened, orders: Project) -> None:
    [first] = tasks_of(orders, "api")
    at.go("overview", "Overview")
    at.page.locator('[data-k="more-api"]').click()
    expect(group(at, "api")).to_contain_text("2 of 2 tasks")
    [second] = tasks_of(orders, "api") - {first}
    at.go("connect", "Service Connect")
    for task in (first, second):
        expect(cells(at, "api:8080").locator("p", has_text=task[:8])).to_contain_text("healthy")
    expect(cells(at, f"web {tasks_of(orders, 'web').pop()[:8]}", "api")).to_be_visible()
    at.go("overview", "Overview")
    at.page.locator('[data-k="less-api"]').click()
    expect(group(at, "api")).to_contain_text("1 of 1 task")
    at.page.locator('[data-k="restart-worker"]').click()
    at.go("connect", "Service Connect")
    expect(cells(at, "api:8080").locator("p")).to_have_count(1)
    assert place(orders, "cup").status_code == 201


def test_it_goes_down_while_pages_are_open(at: Opened, orders: Project, address: str) -> None:
    at.go("connect", "Service Connect")
    other = at.page.context.new_page()
    visit(other, f"{address}&to=%2Ftraces")
    expect(other.locator("#main tbody tr").first).to_be_visible()
    orders.run("down", "-v", "-t", "1").ok()
    expect(at.page.locator("#main")).to_contain_text(f"{orders.app}/test is not running")
    at.go("overview", "Overview")
    expect(at.page.locator("#main")).to_contain_text(f"Nothing is running in {orders.app}/test")
    expect(other.locator("#main .empty:visible").first).to_be_visible()
    expect(at.page.locator(".connection.ok")).to_be_visible()
    at.problems[:] = [one for one in at.problems if "502" not in one]  # asked of what was just going: the page says so
