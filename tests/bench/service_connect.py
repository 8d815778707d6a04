"""Figures of proxies of Service Connect: what two add to a request, what one takes, what they add to `up`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.harness import Figure, medians, seconds
from tests.docker.project import Project, docker

PAIRS, REQUESTS = 6, 2000
MOST_TCP, MOST_HTTP, MOST_MEMORY, MOST_UP = 100.0, 300.0, 20.0, 1.15

SERVICE = """
name: {name}
type: Backend Service
image:
  location: nginx:1.27
  port: 80
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
connection = http.client.HTTPConnection(sys.argv[1], 80)
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
            project.write("copilot/http/manifest.yml", SERVICE.format(name="http") + CONNECTED + HTTP)
            project.write("copilot/client/manifest.yml", CLIENT)
            project.run("up", "-d", "--wait").ok()
            yield _request(project, "tcp", MOST_TCP)
            yield _request(project, "http", MOST_HTTP)
            yield _memory(project)
        finally:
            project.run("down", "-v", "-t", "0")


def _project(folder: Path) -> Project:
    folder.mkdir()
    project = Project(folder)
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot-local.toml", '[service_connect]\nproxy = "envoy"\n')
    project.write("copilot/tcp/manifest.yml", SERVICE.format(name="tcp") + CONNECTED)
    return project


def _up(project: Project) -> Figure:
    """The same service connected, and not."""

    def timed(more: str) -> Callable[[], float]:
        def measured() -> float:
            project.write("copilot/tcp/manifest.yml", SERVICE.format(name="tcp") + more)
            took = seconds(lambda: project.run("up", "-d", "--wait").ok())
            project.run("down", "-v", "-t", "0").ok()
            return took

        return measured

    ours, without = medians(timed(CONNECTED), timed(""), pairs=PAIRS)
    project.write("copilot/tcp/manifest.yml", SERVICE.format(name="tcp") + CONNECTED)
    note = f"{PAIRS} pairs; one task"
    return Figure("`up` of a connected service", ours, without, "s", "not connected", MOST_UP, note=note)


def _request(project: Project, service: str, most: float) -> Figure:
    """Through the proxies of both tasks, against a container of the same image without one."""
    client, server = project.container("client"), project.container(service)
    # What comes in at the task goes through its proxy in any case: another container is asked.
    direct = docker("run", "-d", "--rm", "--network", f"cl-{project.app}-test", _image(server)).strip()
    try:
        [inside] = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", direct)).values()

        def ask(host: str) -> Callable[[], float]:
            return lambda: float(docker("exec", client, "python3", "-c", ASK, host))

        ours, theirs = medians(ask(service), ask(inside["IPAddress"]), pairs=PAIRS)
    finally:
        docker("rm", "-f", direct)
    note = f"p50 of {REQUESTS} requests; {ours - theirs:+.0f} µs, at most {most:g} µs wanted"
    name = f"a request through two proxies, {service.upper()}"
    return Figure(name, ours, theirs, "µs", "without proxies", round((theirs + most) / theirs, 2), note=note)


def _image(container: str) -> str:
    return docker("inspect", "--format", "{{.Image}}", container).strip()


def _memory(project: Project) -> Figure:
    proxies = [one.name for one in project.containers() if one.role == "ecs-service-connect"]
    rows = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *proxies).splitlines()
    used = max(float(row.partition("MiB")[0]) for row in rows)
    return Figure("memory of a proxy", used, MOST_MEMORY, "MiB", "wanted at most", 1.0, note=f"of {len(rows)} tasks")
