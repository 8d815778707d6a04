"""The console of an environment that runs: what a person does there, and what becomes of it.

One environment for all: examples/shop, to which are added a topic with a queue behind it, tracing, and a filter of the
log router. Each test finds it whole and leaves it so.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import PAGES, visit
from tests.browser.conftest import Opened
from tests.browser.real import address, agreed, at, chosen, group, make_shared_project, row, tasks_of
from tests.docker.project import MakeProject, Project, docker, remove_built_images, wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
__all__ = ["address", "at", "make_shared_project"]

CANARY = "c4n4ry-value-of-a-secret"
API = """\
    exclude-pattern: nothing
secrets:
  DB_PASSWORD: /shop/db
publish:
  topics:
    - name: orders
observability:
  tracing: awsxray
"""
LEDGER = """\
# Keeps what is placed, one day. Nothing takes from its queue.
name: ledger
type: Worker Service
image:
  build: fulfilment/Dockerfile
cpu: 256
memory: 512
variables:
  PAUSE: '60'
subscribe:
  topics:
    - name: orders
      service: api
"""
SPAN = """
import json, time, urllib.request
now = time.time_ns()
def span(number, parent, name, kind, lasts):
    return {"traceId": "%s", "spanId": f"{number:016x}", "parentSpanId": parent, "name": name, "kind": kind,
            "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + lasts)}
spans = [span(1, "", "POST /api/orders", 2, 40_000_000), span(2, f"{1:016x}", "write order", 1, 20_000_000)]
resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]}
body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()
headers = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:4318/v1/traces", body, headers), timeout=10).read()
"""


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Iterator[Project]:
    project = make_shared_project("shop")
    project.append("copilot/api/manifest.yml", API)
    project.write("copilot/ledger/manifest.yml", LEDGER)
    project.write(".copilot-local/secrets.env", f"/shop/db={CANARY}\n")
    project.up()
    yield project
    project.clean_up()
    remove_built_images()


@pytest.fixture(scope="module")
def running(shop: Project) -> Project:
    return shop


def test_every_page_shows_what_runs(at: Opened) -> None:
    for name, title in PAGES.items():
        at.go(name, title)
        expect(at.page.locator("#main .note.bad:visible")).to_have_count(0)
    at.go("overview", "Overview")
    for service in ("api", "fulfilment", "ledger", "web"):
        expect(group(at, service)).to_contain_text("1 of 1 task")
    expect(at.page.locator("#main .rule")).to_have_count(2)
    at.go("manifest?service=api", "Manifest")
    expect(at.page.get_by_text("exclude-pattern")).to_be_visible()
    at.go("metrics", "Metrics")
    expect(at.page.locator("#main figure").first).to_be_visible()
    at.go("deployments", "Deployments")
    expect(at.page.locator("#main .badge", has_text="COMPLETED").first).to_be_visible()


def test_no_page_shows_the_value_of_a_secret(at: Opened, shop: Project) -> None:
    [task] = tasks_of(shop, "api")
    assert CANARY in docker("exec", shop.container("api"), "env")
    for name in (*PAGES, "manifest?service=api", "firelens?service=api", f"overview?task-panel={task}"):
        at.go(name, PAGES.get(name.partition("?")[0], ""))
        assert CANARY not in at.page.content(), name
    at.page.locator('[data-k="variables-api"]').click()
    expect(at.page.locator("dialog tr", has_text="DB_PASSWORD")).to_contain_text("secret")
    assert CANARY not in at.page.content()


def test_containers_cannot_reach_the_console(shop: Project, address: str) -> None:
    port = int(re.findall(r":(\d+)/", address)[0])
    script = f"import socket; print(socket.socket().connect_ex((GATEWAY, {port})))"
    gateway = docker("exec", shop.container("api"), "sh", "-c", "cat /proc/net/route").splitlines()[1].split()[2]
    address_of = ".".join(str(int(gateway[at : at + 2], 16)) for at in (6, 4, 2, 0))
    code = docker("exec", shop.container("api"), "python3", "-c", script.replace("GATEWAY", repr(address_of)))
    assert int(code) != 0


def test_requests_are_filtered_as_they_come(at: Opened, shop: Project) -> None:
    at.go("requests", "Requests")
    shop.get("/api/nowhere")
    shop.get("/?page=one")
    expect(row(at, "/api/nowhere").first).to_contain_text("404")
    expect(row(at, "/?page=one").first).to_contain_text("web")
    chosen(at, "4xx")
    expect(row(at, "/?page=one")).to_have_count(0)
    expect(row(at, "/api/nowhere").first).to_be_visible()
    chosen(at, "All")
    at.page.locator("#main [type=search]").fill("page=one")
    expect(row(at, "/api/nowhere")).to_have_count(0)
    row(at, "/?page=one").last.click()
    expect(at.page.locator("#panel")).to_contain_text("As the load balancer saw it")
    at.page.locator("#panel a", has_text="Explain, send again").click()
    expect(at.page.locator("#main h1")).to_have_text("Load balancer")
    expect(at.page.locator("#main .outcome")).to_contain_text("it sees GET /?page=one")
    with at.page.expect_response(lambda answer: answer.url.endswith("/api/send")):
        at.page.locator('[data-k="send"]').click()
    expect(at.page.locator("#main", has_text="What happened").locator(".badge", has_text="200").first).to_be_visible()


def test_a_request_is_explained_while_it_is_typed_and_sent_with_its_hops(at: Opened) -> None:
    at.go("balancer", "Load balancer")
    url = at.page.get_by_label("Path or URL")
    url.fill("/api/orders")
    expect(at.page.locator("#main .outcome")).to_contain_text("container api, port 3000")
    url.fill("/about")
    expect(at.page.locator("#main .outcome")).to_contain_text("container nginx, port 80")
    expect(at.page.locator("#main tr", has_text="/api")).to_contain_text("saw /about")
    at.page.locator('[data-k="send"]').click()
    hops = at.page.locator("#main .hops")
    expect(hops.locator(".badge").first).to_be_visible()
    for place in ("nginx", "web"):
        expect(hops.locator(".waterfall .name", has_text=place).first).to_be_visible()
    expect(hops.locator(".change").first).to_be_attached()


def test_hops_of_live_requests(at: Opened, shop: Project) -> None:
    at.go("requests", "Requests")
    at.page.locator('[data-k="capture"]').click()
    expect(at.page.locator('[data-k="capture"]')).to_contain_text("Tracing")
    expect(at.page.locator('[data-k="capture"]')).to_contain_text("places")
    shop.get("/?traced=yes")
    expect(row(at, "traced=yes").first).to_contain_text("hops")
    row(at, "traced=yes").first.click()
    expect(at.page.locator("#panel .waterfall .name", has_text="nginx").first).to_be_visible()
    at.page.locator('[data-k="capture"]').click()
    expect(at.page.locator('[data-k="capture"]')).to_have_text("Trace hops")


def test_a_trace_is_a_waterfall(at: Opened, shop: Project) -> None:
    trace = f"{int(time.time()):08x}{uuid.uuid4().hex[:24]}"  # X-Ray takes ids that begin with the moment alone
    docker("exec", shop.container("api"), "python3", "-c", SPAN % trace)
    at.go("traces", "Traces")
    at.page.locator(f'#main [data-k="trace-{trace}"]').click()
    panel = at.page.locator("#panel")
    expect(panel.locator(".waterfall .name", has_text="POST /api/orders")).to_be_visible()
    expect(panel.locator(".waterfall .name", has_text="write order")).to_be_visible()


def test_a_record_that_a_filter_drops_is_shown_with_the_filter(at: Opened, shop: Project) -> None:
    at.go("logs?view=compared", "Logs")
    for item in ("nothing", "teapot"):
        httpx.post(f"http://127.0.0.1:{shop.port}/api/orders", json={"item": item}, verify=False).raise_for_status()
    expect(row(at, '"item": "teapot"').filter(has_text="routed").first).to_be_visible()
    chosen(at, "Dropped")
    expect(row(at, '"item": "teapot"')).to_have_count(0)
    dropped = row(at, re.compile('api.*"item": "nothing"')).first
    expect(dropped).to_contain_text("exclude-pattern")
    dropped.click()
    expect(at.page.locator("#panel")).to_contain_text("Not there: matched by exclude-pattern")
    at.page.locator("#panel a", has_text="configuration").click()
    expect(at.page.locator("#main")).to_contain_text("Why they differ")


def test_a_message_is_published_and_seen_in_its_queue(at: Opened) -> None:
    at.go("store", "Local AWS")
    at.page.locator('[data-k="publish-api/orders"]').click()
    at.page.get_by_label("Message", exact=True).fill(json.dumps({"order": "of the console"}))
    at.page.locator('[data-k="send-message"]').click()
    expect(at.page.locator("#panel")).to_contain_text("Sent: ")
    at.page.locator('#main [data-k^="peek-ledger"]').first.click()
    expect(at.page.locator("#panel pre", has_text="of the console").first).to_be_visible()


def test_restart_and_scale(at: Opened, shop: Project) -> None:
    before = tasks_of(shop, "fulfilment")
    at.go("overview", "Overview")
    at.page.locator('[data-k="restart-fulfilment"]').click()
    for task in before:
        expect(at.page.locator(f'#main [data-k="task-{task}"]')).to_have_count(0)
    expect(group(at, "fulfilment")).to_contain_text("1 of 1 task")
    at.page.locator('[data-k="more-fulfilment"]').click()
    expect(group(at, "fulfilment")).to_contain_text("2 of 2 tasks")
    assert len(tasks_of(shop, "fulfilment")) == 2
    at.page.locator('[data-k="less-fulfilment"]').click()
    expect(group(at, "fulfilment")).to_contain_text("1 of 1 task")


def test_a_task_whose_container_is_killed_is_replaced(at: Opened, shop: Project) -> None:
    [task] = tasks_of(shop, "web")
    at.go("overview", "Overview")
    at.page.locator(f'#main [data-k="task-{task}"]').click()
    with agreed(at):
        at.page.locator('[data-k="kill-nginx"]').click()
    expect(at.page.locator("#panel")).to_contain_text("Essential container in task exited")
    expect(at.page.locator("#panel")).to_contain_text("nginx exited with code 137")
    expect(at.page.locator("#main .problem", has_text=f"web {task[:8]}")).to_contain_text("nginx exited with code 137")
    expect(group(at, "web")).to_contain_text("1 of 1 task")
    expect(at.page.locator(f'#main [data-k="task-{task}"]')).to_have_count(0)
    wait_until(lambda: shop.answers("/"), "an answer of the new task")


def test_an_environment_that_goes_down_and_comes_up_while_two_pages_are_open(
    at: Opened, shop: Project, address: str
) -> None:
    at.go("overview", "Overview")
    other = at.page.context.new_page()
    visit(other, f"{address}&to=%2Flogs")
    expect(other.locator("#main .line").first).to_be_visible()
    shop.run("down", "-t", "1").ok()
    expect(at.page.locator("#main")).to_contain_text(f"Nothing is running in {shop.app}/test")
    for name in ("balancer", "store", "deployments", "firelens"):
        at.go(name, PAGES[name])
        expect(at.page.locator("#main .empty:visible").first).to_be_visible()
    at.go("metrics", "Metrics")
    expect(at.page.locator("#main .empty")).to_contain_text("Nothing is running. The last sample is of ")
    expect(at.page.locator("#main h2", has_text="api ").first).to_contain_text("no longer runs")
    expect(at.page.locator(".connection.ok")).to_be_visible()
    at.problems[:] = [one for one in at.problems if "502" not in one]  # asked of what was just going: the page says so
    shop.up()
    at.go("overview", "Overview")
    for service in ("api", "fulfilment", "ledger", "web"):
        expect(group(at, service)).to_contain_text("1 of 1 task")
    shop.get("/api/after")
    at.go("requests", "Requests")
    expect(row(at, "/api/after").first).to_contain_text("404")
    new = shop.container("api").rpartition("-")[0][-8:]
    expect(other.locator(f'#main [title="task {new}"]').first).to_be_visible()
