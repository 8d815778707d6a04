"""Figures of `copilot-local api`: how long an answer takes, and what its process takes of the machine."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.harness import Figure, as_installed, free_port, medians, seconds
from tests.bench.up import COMMAND, EXAMPLE, Ours, built

PAIRS = 300
CLIENTS = 50
POLLED, REST = 10.0, 20.0
"""Seconds of measuring: while every client asks once a second, and while none does."""
SETTLE = 4.0
"""Seconds until what follows a start is over."""
TICKS = os.sysconf("SC_CLK_TCK")

BARE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def log_message(self, *words): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response_only(200)
        self.send_header("Content-Length", sys.argv[2])
        self.end_headers()
        self.wfile.write(b" " * int(sys.argv[2]))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A server that does nothing but answer as many bytes."""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-api-") as name:
        folder = Path(name)
        workspace = folder / "workspace"
        shutil.copytree(EXAMPLE, workspace)
        with built(workspace) as images:
            ours = Ours(workspace, f"bench-{uuid.uuid4().hex[:8]}", folder / "bytecode", images)
            try:
                ours.command("up", "-d", "--wait", "--port", str(free_port()), *ours.images_given())
                yield from _figures(f"{ours.app}-test", folder / "bytecode")
            finally:
                ours.down()


def _figures(cluster: str, bytecode: Path) -> Iterator[Figure]:
    port = free_port()
    api = [str(COMMAND), "api", "--port", str(port)]
    with _process(api, port, as_installed(bytecode)) as pid:
        time.sleep(SETTLE)
        share = _share(pid, REST)
        yield Figure("the ECS API at rest, of a core", share, 0.5, "%", "the wanted share", 1.0, note=f"over {REST} s")
        mine = _Client(port, cluster)
        other = free_port()
        bare = [sys.executable, "-c", BARE, str(other), str(mine.ask())]
        with _process(bare, other, dict(os.environ)):
            theirs = _Client(other, cluster)
            ms, baseline = (
                1000 * one for one in medians(lambda: seconds(mine.ask), lambda: seconds(theirs.ask), pairs=PAIRS)
            )
        note = f"{PAIRS} pairs over open connections"
        against = "a server that only sends as many bytes"
        yield Figure("an answer to DescribeServices", ms, baseline, "ms", against, 8.0, note=note)
        yield Figure("an answer to DescribeServices", ms, 20.0, "ms", "the wanted time", 1.0, note=note)
        share, answers = _polled(pid, port, cluster)
        note = f"{answers} answers over {POLLED} s"
        name = f"{CLIENTS} clients that ask for a service each second, of a core"
        yield Figure(name, share, 20.0, "%", "the wanted share", 1.0, note=note)
        memory = _resident(pid) / 1e6
        note = "resident set of its process, after the others"
        yield Figure("the ECS API, memory", memory, 80.0, "MB", "the wanted size", 1.0, note=note)


@contextmanager
def _process(command: list[str], port: int, variables: dict[str, str]) -> Iterator[int]:
    """A server that listens on that port within this block; gives its process id."""
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 30
            while not _listens(port):
                assert process.poll() is None, f"{command[0]} has ended"
                assert time.monotonic() < until, f"{command[0]} does not listen"
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.connect()
        return True
    except OSError:
        return False
    finally:
        connection.close()


class _Client:
    """A client that keeps its connection open, as SDKs do."""

    def __init__(self, port: int, cluster: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._body = json.dumps({"cluster": cluster, "services": ["hello"]})

    def ask(self) -> int:
        """Asks for the service; returns the bytes of the answer."""
        headers = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.DescribeServices"}
        self._connection.request("POST", "/", self._body, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return len(body)


def _polled(pid: int, port: int, cluster: str) -> tuple[float, int]:
    """Per cent of a core while clients ask, and how many answers they got."""
    counts = [0] * CLIENTS
    end = threading.Event()

    def poll(number: int) -> None:
        client = _Client(port, cluster)
        while not end.wait(1.0):
            client.ask()
            counts[number] += 1

    threads = [threading.Thread(target=poll, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
        time.sleep(1.0 / CLIENTS)
    share = _share(pid, POLLED)
    end.set()
    for thread in threads:
        thread.join()
    return share, sum(counts)


def _share(pid: int, over: float) -> float:
    """Per cent of a core that a process takes from now on, over so many seconds."""
    before, began = _processor_seconds(pid), time.monotonic()
    time.sleep(over)
    return 100 * (_processor_seconds(pid) - before) / (time.monotonic() - began)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [found] = re.findall(r"(?m)^VmRSS:\s+(\d+) kB", status)
    return int(found) * 1024
