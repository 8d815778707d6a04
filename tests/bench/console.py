"""Figures of the console: how soon it shows something, how it keeps up with load, and what it costs.

The page runs in a real browser, the console as its command, the environment on Docker. `make bench` brings the browser.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any, Final

from emulator.testing import Environment
from tests.bench.harness import Figure
from tests.browser.chromium import TIMEOUT, chromium, visit, window
from tests.docker.project import docker

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COMMAND: Final = Path(sys.executable).with_name("copilot-local")
SHOP: Final = Path(__file__).parents[2] / "examples" / "shop"
RATE: Final = 200
"""Requests a second, each of which nginx prints a line of."""
SECONDS: Final = 10
LOADS: Final = 5
"""How often the page is loaded anew."""
LINES: Final = 10_000
TICKS: Final = os.sysconf("SC_CLK_TCK")

CONNECTIONS: Final = 10
CLIENT: Final = """
import http.client, signal, sys, threading, time
port, rate, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
began, numbers = time.perf_counter(), [0] * connections
def send(at):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        numbers[at] += 1
        time.sleep(max(began + numbers[at] * connections / rate - time.perf_counter(), 0))
for at in range(connections):
    threading.Thread(target=send, args=(at,), daemon=True).start()
try:
    signal.pause()
finally:
    print(sum(numbers) / (time.perf_counter() - began))
"""
PRINT: Final = "i=0; while [ $i -lt 100 ]; do seq -f 'line %g of a burst, as long as lines of programs are' 100; \
i=$((i+1)); sleep 0.05; done > /proc/1/fd/1"
FIRST_ROW: Final = """
new MutationObserver((_, watcher) => {
  if (!document.querySelector("#main td.task")) return;
  window.firstRow = performance.now();
  watcher.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
PAINT: Final = """() => [performance.getEntriesByName("first-contentful-paint")[0].startTime, window.firstRow]"""
FRAMES: Final = """async ({ seconds, scrolls }) => {
  const tasks = [];
  const watcher = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)));
  watcher.observe({ entryTypes: ["longtask"] });
  const rows = document.querySelector("#main .rows");
  const began = performance.now();
  let frames = 0, step = -600;
  while (performance.now() - began < seconds * 1000) {
    await new Promise(requestAnimationFrame);
    frames++;
    if (!scrolls) continue;
    if (rows.scrollTop <= 0) step = 600;
    else if (rows.scrollTop + rows.clientHeight >= rows.scrollHeight - 600) step = -600;
    rows.scrollTop += step;
  }
  watcher.disconnect();
  return [frames * 1000 / (performance.now() - began), Math.max(0, ...tasks)];
}"""


@dataclass(frozen=True)
class Used:
    """What something used within some seconds: percent of a core, and MiB at their end."""

    cpu: float
    memory: float


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder:
        workspace = Path(folder) / "shop"
        copytree(SHOP, workspace)
        with Environment(workspace) as environment, chromium() as browser:
            yield from _figures(environment, browser)


def _figures(environment: Environment, browser: Browser) -> Iterator[Figure]:
    without = _agent(environment)
    with _console(environment) as (process, address):
        first, data = _loaded(browser, address)
        yield _at_most("console: first paint", first / 1000, 0.5, "s", f"median of {LOADS}")
        yield _at_most("console: data on screen", data / 1000, 1.0, "s", f"median of {LOADS}")
        context = browser.new_context(**window(1280, 800, "light"))
        with contextlib.closing(context):
            page = _opened(context.new_page(), address, "overview")
            beside = _agent(environment)
            yield _at_most("agent with a console open, CPU", beside.cpu - without.cpu, 3.0, "% of a core", "at rest")
            more = beside.memory - without.memory
            yield _at_most("agent with a console open, memory", max(more, 0.1), 60.0, "MiB", "more than without")
            yield from _under_load(environment, process, page)


def _under_load(environment: Environment, process: subprocess.Popen[str], page: Page) -> Iterator[Figure]:
    live: dict[str, tuple[float, float, Used]] = {}
    with _load(environment) as sent:
        for name in ("overview", "requests", "logs"):
            _go(page, name)
            before, began = _cpu_of(process.pid), time.monotonic()
            frames, task = page.evaluate(FRAMES, {"seconds": SECONDS, "scrolls": False})
            cpu = 100 * (_cpu_of(process.pid) - before) / (time.monotonic() - began)
            live[name] = frames, task, Used(cpu, _memory_of(process.pid))
        _fill(environment, page)
        scrolled, _ = page.evaluate(FRAMES, {"seconds": SECONDS, "scrolls": True})
    note = f"{sent[0]:.0f} requests and as many lines a second"
    slowest, busiest = min(live, key=lambda one: live[one][0]), max(live, key=lambda one: live[one][1])
    yield _at_least("console: frames a second, live", live[slowest][0], 50.0, "/s", f"the page of {slowest}; {note}")
    longest = max(live[busiest][1], 0.1)
    yield _at_most("console: longest task of the page", longest, 100.0, "ms", f"the page of {busiest}; {note}")
    cpu, memory = max(one.cpu for *_, one in live.values()), max(one.memory for *_, one in live.values())
    yield _at_most("console: CPU of the server", cpu, 15.0, "% of a core", note)
    yield _at_most("console: memory of the server", memory, 120.0, "MiB", note)
    yield _at_least("console: frames a second, scrolling", scrolled, 45.0, "/s", f"{LINES:,} lines; {note}")


def _at_most(name: str, value: float, most: float, unit: str, note: str) -> Figure:
    return Figure(name, value, most, unit, "at most", 1.0, note=note)


def _at_least(name: str, value: float, least: float, unit: str, note: str) -> Figure:
    return Figure(name, value, least, unit, "at least", 1.0, True, note=note)


@contextlib.contextmanager
def _console(environment: Environment) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [str(COMMAND), "console", "--print", "-a", environment.names.app, "-e", environment.names.environment]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


@contextlib.contextmanager
def _load(environment: Environment) -> Iterator[list[float]]:
    """Requests within this block; how many a second were sent is in the list at its end."""
    port = environment.url.rpartition(":")[2].rstrip("/")
    command = [sys.executable, "-c", CLIENT, port, str(RATE), str(CONNECTIONS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        sent: list[float] = []
        try:
            yield sent
        finally:
            process.terminate()
            sent.append(float(process.communicate()[0]))


def _loaded(browser: Browser, address: str) -> tuple[float, float]:
    """Medians in milliseconds until something and until the data are on the screen."""
    found: list[tuple[float, float]] = []
    for _ in range(LOADS + 1):
        with contextlib.closing(browser.new_context(**window(1280, 800, "light"))) as context:
            context.add_init_script(FIRST_ROW)
            page = _opened(context.new_page(), address, "overview")
            page.locator("#main td.task").first.wait_for()
            paint, data = page.evaluate(PAINT)
            found.append((paint, data))
    warm = found[1:]  # the first load starts the console's sources
    return statistics.median(one for one, _ in warm), statistics.median(one for _, one in warm)


def _opened(page: Page, address: str, name: str) -> Page:
    page.set_default_timeout(TIMEOUT)
    visit(page, f"{address}&to=%2F{name}")
    page.wait_for_selector(".connection.ok")
    return page


def _go(page: Page, name: str) -> None:
    page.evaluate("name => { location.hash = `#/${name}`; }", name)
    page.wait_for_selector(f'a[href="#/{name}"][aria-current="page"]')
    if name != "overview":
        page.locator("#main .line").first.wait_for()


def _fill(environment: Environment, page: Page) -> None:
    """Lets a container print as many lines as the page keeps, and waits until it has them."""
    done = environment.exec("web/nginx", ["sh", "-c", PRINT], timeout=120)
    assert done.exit_code == 0, done.stderr
    page.locator("#main .head", has_text=f"{LINES:,} lines").wait_for()


def _agent(environment: Environment) -> Used:
    """What the agent uses in a while."""
    name = environment.names.agent
    before, began = _agent_cpu(name), time.monotonic()
    time.sleep(SECONDS)
    cpu = 100 * (_agent_cpu(name) - before) / (time.monotonic() - began)
    text = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name)
    amount, unit = re.match(r"([\d.]+)(\w+)", text.strip()).groups()  # type: ignore[union-attr]
    return Used(cpu, float(amount) * {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}[unit])


def _agent_cpu(name: str) -> float:
    """Seconds that all processes of a container have used."""
    rows = docker("top", name, "-o", "pid").split()[1:]
    return sum(_cpu_of(int(pid)) for pid in rows)


def _cpu_of(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields: list[Any] = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def _memory_of(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024
