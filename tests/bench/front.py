"""Figures of the front: requests a second and their slowest hundredth, against HAProxy alone."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.frontdoor.access_log import frontend_log_lines
from emulator.frontdoor.options import ACCESS_LOG_SOCKET, FOLDER
from emulator.runtime.state.names import Names
from emulator.setup import substitutes
from emulator.setup.images import FRONT_IMAGE
from tests.bench.harness import Figure, free_port

COMMAND = Path(sys.executable).with_name("copilot-local")
STARTS = 3
"""How often all are started anew: the same front is a few percent quicker or slower from start to start."""
ROUNDS = 4
"""Rounds for each start."""
SECONDS = 3
CONNECTIONS = 32
BY_HAND = Path(__file__).with_name("by_hand.cfg")

MANIFEST = """\
name: web
type: Load Balanced Web Service
image:
  build: web/Dockerfile
  port: 80
http:
  path: '/'
  additional_rules:
    - path: 'api'
    - path: 'static/*.css'
cpu: 1024
memory: 2048
"""
NGINX = """\
access_log off;
server {
    listen 80;
    keepalive_requests 1000000;
    location / { return 200 "an answer of a few words, as services give them\\n"; }
}
"""
BARE = """\
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen bare
  bind :8080
  server one TARGET
"""


@dataclass(frozen=True)
class Load:
    """What one burst of requests gave. `slowest` is the 99th percentile of latency, in seconds."""

    rate: float
    slowest: float


def figures() -> Iterator[Figure]:
    """Three fronts before the same task, each published on loopback: ours as `up` makes it, HAProxy with the fewest
    lines that forward, and HAProxy with a file written by hand that has our rules, headers and log. The log of the last
    goes where ours goes: to the agent, which writes it to its store."""
    loads: list[list[Load]] = [[], [], []]
    for _ in range(STARTS):
        for found, more in zip(loads, _started(), strict=True):
            found += more
    yield from _compared(*loads)


def _started() -> list[list[Load]]:
    """Starts the three fronts and loads them in turn: ours, the bare one, the one by hand."""
    app = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="bench-front-") as folder, _running(Path(folder), app) as ours:
        target = _target(app)
        others = {f"{app}-bare": BARE.replace("TARGET", target), f"{app}-hand": by_hand(target, ours)}
        try:
            return _loaded([ours, *(_haproxy(name, text, app, Path(folder)) for name, text in others.items())])
        finally:
            _run("docker", "rm", "-f", *others, check=False)


def by_hand(target: str, port: int) -> str:
    """The file written by hand, for a target and the port that clients connect to."""
    words = {
        "TARGET": target,
        "PORT": str(port),
        "LOG": f"{FOLDER}/{ACCESS_LOG_SOCKET}",
        "RECORDS": "\n  ".join(frontend_log_lines(secure=False)),
    }
    lines = [line for line in BY_HAND.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return re.sub(r"\b(?:TARGET|PORT|LOG|RECORDS)\b", lambda found: words[found[0]], "\n".join(lines)) + "\n"


def _loaded(ports: list[int]) -> list[list[Load]]:
    for port in ports:
        _load(port, seconds=1)
    loads: list[list[Load]] = [[] for _ in ports]
    for number in range(ROUNDS):
        order = list(range(len(ports)))
        # Who comes first changes, and who comes after whom.
        for index in order if number % 2 else reversed(order):
            loads[index].append(_load(ports[index]))
    return loads


def _compared(mine: list[Load], *peers: list[Load]) -> Iterator[Figure]:
    wanted = (("HAProxy with the fewest lines, no log", 0.75), ("HAProxy by hand: our rules, headers and log", 0.95))
    note = f"{STARTS} times started, {ROUNDS} rounds of {SECONDS} s each, {CONNECTIONS} connections, access log on"
    for theirs, (against, bound) in zip(peers, wanted, strict=True):
        rate = statistics.median(load.rate for load in theirs)
        ratio = statistics.median(a.rate / b.rate for a, b in zip(mine, theirs, strict=True))
        yield Figure("the front, requests a second", rate * ratio, rate, "/s", against, bound, True, note)
        slowest = statistics.median(load.slowest for load in theirs) * 1000
        ratio = statistics.median(a.slowest / b.slowest for a, b in zip(mine, theirs, strict=True))
        yield Figure("the front, slowest request of a hundred", slowest * ratio, slowest, "ms", against,
                     round(1 / bound, 2), note=note)  # fmt: skip


def _load(port: int, seconds: int = SECONDS) -> Load:
    words = ("wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency", f"http://127.0.0.1:{port}/x")
    output = _run(*words)
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"not every request was answered:\n{output}")
    return parse(output)


_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def parse(output: str) -> Load:
    """What wrk printed."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if rate is None or slowest is None:
        raise RuntimeError(f"wrk printed something else:\n{output}")
    return Load(float(rate[1]), float(slowest[1]) * _UNITS[slowest[2]])


@contextmanager
def _running(folder: Path, app: str) -> Iterator[int]:
    """The service, up; the port that its load balancer is published on."""
    web = folder / "web"
    web.mkdir()
    (web / "Dockerfile").write_text("FROM nginx:1.27\nCOPY default.conf /etc/nginx/conf.d/default.conf\n")
    (web / "default.conf").write_text(NGINX)
    manifest = folder / "copilot" / "web" / "manifest.yml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(MANIFEST)
    port = free_port()
    try:
        _run(str(COMMAND), "up", "-d", "--wait", "-a", app, "-e", "test", "--port", str(port), cwd=folder)
        yield port
    finally:
        _run(str(COMMAND), "down", "-v", "-t", "1", "-a", app, "-e", "test", cwd=folder, check=False)


def _target(app: str) -> str:
    """Address and port of the service's only task."""
    pause = _run(
        "docker", "ps", "-q", "--filter", f"label=copilot-local.app={app}",
        "--filter", "label=copilot-local.role=pause",
    ).strip()  # fmt: skip
    address = _run("docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", pause)
    return f"{address.strip()}:80"


def _haproxy(name: str, configuration: str, app: str, folder: Path) -> int:
    """HAProxy with that file in the network of the service; the port that it is published on."""
    environment, port = Names(app, "test"), free_port()
    file = folder / f"{name}.cfg"
    file.write_text(configuration, encoding="utf-8")
    file.chmod(0o644)
    image = substitutes.read().get(FRONT_IMAGE, FRONT_IMAGE)
    words = ("--network", environment.network, "-p", f"127.0.0.1:{port}:8080", "--ulimit", "nofile=16384:16384")
    _run("docker", "create", "--name", name, *words, "-v", f"{environment.front_volume}:{FOLDER}",
         "--entrypoint", "haproxy", image, "-W", "-db", "-f", "/tmp/haproxy.cfg")  # fmt: skip
    _run("docker", "cp", str(file), f"{name}:/tmp/haproxy.cfg")
    _run("docker", "start", name)
    return port


def _run(*words: str, cwd: Path | None = None, check: bool = True) -> str:
    done = subprocess.run(
        words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words[:4])}: {done.stdout}{done.stderr}")
    return done.stdout
