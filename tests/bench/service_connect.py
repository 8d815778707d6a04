"""Figures of proxies of Service Connect: what two add to a request, what one takes, what they add to `up`.

What no Envoy does faster on a machine is told by a pair of them by hand, with the fewest lines: no redirects, no names,
no retries, no time-outs, nothing that is avoided.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.harness import Figure, awake, medians, seconds, wake_ups
from tests.docker.project import Project, docker, wait_until

PAIRS, ROUNDS, REQUESTS = 8, 8, 2000
REST = 10.0
"""Seconds of rest."""
MOST_TCP, MOST_HTTP, MOST_MEMORY, MOST_UP = 100.0, 300.0, 20.0, 1.15
MOST_OF_BARE = 1.15
"""How much longer a request may take than through the pair by hand."""

BARE_EGRESS, BARE_INGRESS = 15001, 15000

ANSWERS = (
    "sh",
    "-c",
    "echo 'server { listen 80; location / { return 200 ok; } }' > /etc/nginx/conf.d/default.conf"
    " && exec nginx -g 'daemon off;'",
)
"""An answer in one piece, as programs give it: of a file nginx sends head and content one after the other, and each
piece wakes every proxy once."""
SERVICE = """
name: {name}
type: Backend Service
image:
  location: nginx:1.27
  port: 80
command: {command}
"""
CLIENT = """
name: client
type: Backend Service
image:
  location: python:3.13-slim
command: sleep 86400
network: {connect: true}
"""
CONNECTED = "network: {connect: true}\n"
HTTP = "taskdef_overrides:\n- path: ContainerDefinitions[0].PortMappings[0].AppProtocol\n  value: http\n"
ASK = f"""
import http.client, statistics, sys, time
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
times = []
for _ in range({REQUESTS}):
    began = time.perf_counter()
    connection.request("GET", "/")
    connection.getresponse().read()
    times.append(time.perf_counter() - began)
print(statistics.median(times) * 1e6)
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-connect-") as name:
        project = _project(Path(name) / "workspace")
        try:
            yield _up(project)
            project.write("copilot/http/manifest.yml", _service("http") + CONNECTED + HTTP)
            project.write("copilot/client/manifest.yml", CLIENT)
            project.run("up", "-d", "--wait").ok()
            yield from _request(project, "tcp", MOST_TCP)
            yield from _request(project, "http", MOST_HTTP)
            yield _at_rest(project)
            yield _memory(project)
        finally:
            project.run("down", "-v", "-t", "0")


def _project(folder: Path) -> Project:
    folder.mkdir()
    project = Project(folder)
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/tcp/manifest.yml", _service("tcp") + CONNECTED)
    return project


def _service(name: str) -> str:
    return SERVICE.format(name=name, command=json.dumps(ANSWERS))


def _up(project: Project) -> Figure:
    """The same service connected, and not."""

    def timed(more: str) -> Callable[[], float]:
        def measured() -> float:
            project.write("copilot/tcp/manifest.yml", _service("tcp") + more)
            took = seconds(lambda: project.run("up", "-d", "--wait").ok())
            project.run("down", "-v", "-t", "0").ok()
            return took

        return measured

    ours, without = medians(timed(CONNECTED), timed(""), pairs=PAIRS)
    project.write("copilot/tcp/manifest.yml", _service("tcp") + CONNECTED)
    note = f"{PAIRS} pairs; one task"
    return Figure("`up` of a connected service", ours, without, "s", "not connected", MOST_UP, note=note)


def _request(project: Project, service: str, most: float) -> Iterator[Figure]:
    """Through the proxies of both tasks, against the pair by hand, and against a container of the same image."""
    client, server = project.container("client"), project.container(service)
    with (
        _started(project, _image(server), *ANSWERS) as direct,
        _started(project, _image(client), "sleep", "86400") as bare,
    ):
        address = _address(direct)
        with (
            _envoy(project, direct, service, BARE_INGRESS, ("127.0.0.1", 80)),
            _envoy(project, bare, service, BARE_EGRESS, (address, BARE_INGRESS)),
        ):
            wait_until(lambda: _listens(bare, BARE_EGRESS) and _listens(direct, BARE_INGRESS), "the pair")
            places = ((client, service, 80), (bare, "127.0.0.1", BARE_EGRESS), (client, address, 80))
            with awake():
                ours, floor, theirs = _in_turn([_ask(*place) for place in places])
    note = (
        f"p50 of {REQUESTS} requests; {ours - theirs:+.0f} µs, at most {most:g} µs wanted; "
        f"two Envoys by hand: {floor - theirs:+.0f} µs"
    )
    name = f"a request through two proxies, {service.upper()}"
    yield Figure(name, ours, theirs, "µs", "without proxies", round((theirs + most) / theirs, 2), note=note)
    yield Figure(name, ours, floor, "µs", "bare Envoy pair", MOST_OF_BARE, note=f"{ROUNDS} rounds")


def _ask(client: str, host: str, port: int) -> Callable[[], float]:
    return lambda: float(docker("exec", client, "python3", "-c", ASK, host, str(port)))


def _in_turn(asked: list[Callable[[], float]]) -> list[float]:
    """What each measures, in rounds, another one first in each. The last one's median, and the others as that times the
    median of their ratios to it: whatever else the machine does hits a round, not one of them."""
    for ask in asked:
        ask()
    rows = []
    for number in range(ROUNDS):
        order = [(number + offset) % len(asked) for offset in range(len(asked))]
        found = {at: asked[at]() for at in order}
        rows.append([found[at] for at in range(len(asked))])
    last = statistics.median(row[-1] for row in rows)
    return [last * statistics.median(row[at] / row[-1] for row in rows) for at in range(len(asked))]


@contextlib.contextmanager
def _started(project: Project, image: str, *command: str) -> Iterator[str]:
    """A container on the environment's network, in no task."""
    name = docker("run", "-d", "--rm", "--network", f"cl-{project.app}-test", image, *command).strip()
    try:
        yield name
    finally:
        docker("rm", "-f", name)


@contextlib.contextmanager
def _envoy(project: Project, beside: str, protocol: str, port: int, to: tuple[str, int]) -> Iterator[str]:
    """An Envoy with the fewest lines, in the network of a container; its name."""
    [image] = {_image(one.name) for one in project.containers() if one.role == "ecs-service-connect"}
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    content = json.dumps(bare_configuration(protocol, port, to))
    run = ("run", "-d", "--rm", "--network", f"container:{beside}", "--entrypoint", "envoy")
    name = docker(*run, image, "--config-yaml", content, *options).strip()
    try:
        yield name
    finally:
        docker("rm", "-f", name)


def bare_configuration(protocol: str, port: int, to: tuple[str, int]) -> dict[str, object]:
    """A listener, a cluster of one host, and nothing else."""
    extensions = "type.googleapis.com/envoy.extensions.filters"
    router = {"name": "router", "typed_config": {"@type": f"{extensions}.http.router.v3.Router"}}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "to"}}]}
    typed: dict[str, object] = {"@type": f"{extensions}.network.tcp_proxy.v3.TcpProxy", "cluster": "to"}
    if protocol == "http":
        typed = {
            "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
            "generate_request_id": False,
            "http_filters": [router],
            "route_config": {"virtual_hosts": [host]},
        }
    address, inner = to
    endpoint = {"endpoint": {"address": {"socket_address": {"address": address, "port_value": inner}}}}
    return {
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
                    "filter_chains": [
                        {"filters": [{"name": "only", "typed_config": {"stat_prefix": "bare", **typed}}]}
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "to",
                    "type": "STATIC",
                    "load_assignment": {"cluster_name": "to", "endpoints": [{"lb_endpoints": [endpoint]}]},
                }
            ],
        }
    }


def _at_rest(project: Project) -> Figure:
    """How often a proxy wakes its machine with nothing to do, against one whose threads watch each other as they do
    unless they are told otherwise."""
    ours = next(one.name for one in project.containers() if one.role == "ecs-service-connect")
    with (
        _started(project, _image(project.container("tcp"))) as direct,
        _envoy(project, direct, "tcp", BARE_INGRESS, ("127.0.0.1", 80)) as bare,
    ):
        wait_until(lambda: _listens(direct, BARE_INGRESS), "the proxy by hand")
        before = [wake_ups(one, "envoy") for one in (ours, bare)]
        time.sleep(REST)
        after = [wake_ups(one, "envoy") for one in (ours, bare)]
    mine, theirs = ((late - early) / REST for early, late in zip(before, after, strict=True))
    return Figure(
        "a proxy at rest, wake-ups a second", mine, theirs, "a second", "a bare Envoy", 0.5, note=f"over {REST:g} s"
    )


def _listens(container: str, port: int) -> bool:
    return f":{port:04X} 00000000:0000 0A" in docker("exec", container, "cat", "/proc/net/tcp")


def _address(container: str) -> str:
    [inside] = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container)).values()
    return str(inside["IPAddress"])


def _image(container: str) -> str:
    return docker("inspect", "--format", "{{.Image}}", container).strip()


def _memory(project: Project) -> Figure:
    proxies = [one.name for one in project.containers() if one.role == "ecs-service-connect"]
    rows = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *proxies).splitlines()
    used = max(float(row.partition("MiB")[0]) for row in rows)
    return Figure("memory of a proxy", used, MOST_MEMORY, "MiB", "wanted at most", 1.0, note=f"of {len(rows)} tasks")
