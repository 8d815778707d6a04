"""A Docker daemon of another machine: all that it publishes answers here, over TLS and over SSH. It may restart, or be
killed, under an environment that runs, which a daemon that everybody uses must not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from copilot_local.testing import Environment
from emulator.setup import substitutes
from emulator.setup.images import FRONT_IMAGE, PAUSE_IMAGE, ROUTER_IMAGE, ensure_agent_image
from tests.docker.project import MakeProject, Project, Running, wait_until
from tests.docker.remote.kept_images import images_of, kept_data
from tests.docker.remote.private_daemon import missing
from tests.docker.remote.remote_daemon import SSHD, RemoteDaemon

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("remote")]

MANIFEST = """
name: web
type: Load Balanced Web Service
image:
  build: web/Dockerfile
  port: 3000
http:
  path: '/'
cpu: 256
memory: 512
count: 1
logging:
  destination:
    Name: cloudwatch
    region: us-east-1
    log_group_name: /shop
    log_stream_prefix: web/
"""
DOCKERFILE = """
FROM busybox:1.37
COPY page /www/index.html
COPY other /www/other
CMD ["sh", "-c", "echo serving; trap 'exit 0' TERM; httpd -f -p 3000 -h /www & wait"]
"""
LOUD = """
name: loud
type: Scheduled Job
image: {{location: busybox:1.37}}
on: {{schedule: none}}
cpu: 256
memory: 512
command: seq {count}
"""
SYNC = '[[sync]]\nservice = "web"\nsource = "./web/other"\ntarget = "/www/other"\n'
BIG = 3_000_000
"""Bytes of an answer that comes in many pieces."""


@pytest.fixture(scope="module")
def far() -> Iterator[RemoteDaemon]:
    """The daemon. This process itself looks at it through a socket of its own."""
    if reason := missing() or ("" if shutil.which("openssl") else "no openssl"):
        pytest.skip(reason)
    table = substitutes.read()
    images = [table.get(image, image) for image in (PAUSE_IMAGE, FRONT_IMAGE, ROUTER_IMAGE)]
    images.append(ensure_agent_image())
    with kept_data() as data, contextlib.closing(RemoteDaemon(data)) as daemon:
        daemon.start()
        with images_of(daemon, images), pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", daemon.host)
            yield daemon


@pytest.fixture(scope="module")
def project(far: RemoteDaemon, make_shared_project: MakeProject) -> Project:
    """A service with a log router, brought up over TLS."""
    project = make_shared_project("")
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/web/manifest.yml", MANIFEST)
    project.write("copilot-local.toml", SYNC)
    project.write("web/Dockerfile", DOCKERFILE)
    project.write("web/page", "one" + "x" * BIG)
    project.write("web/other", "one\n")
    done = project.run("up", "-d", "--wait", "--port", str(project.port), variables=far.over_tls).ok()
    assert f"web: running at http://127.0.0.1:{project.port}" in done.err
    assert f"Docker on {far.address}: 127.0.0.1 is of that machine" in done.err
    return project


def leads_here(project: Project, variables: Mapping[str, str], *words: str, until: str) -> Running:
    """A command that leads the ports of the environment here while it runs."""
    running = project.start(*words, variables=variables)
    running.wait_for(until)
    wait_until(lambda: project.answers("/"), running.printed)
    return running


def test_its_ports_are_led_here_while_forward_runs(far: RemoteDaemon, project: Project) -> None:
    with pytest.raises(httpx.ConnectError):
        project.get("/")
    forward = leads_here(project, far.over_tls, "forward", until="Press Ctrl-C")
    wait_until(lambda: forward.out == [f"127.0.0.1:{project.port}"], forward.printed)
    assert project.get("/").text.strip() == "one" + "x" * BIG
    forward.signal(signal.SIGINT)
    assert forward.wait().code == 0
    with pytest.raises(httpx.ConnectError):
        project.get("/")


def test_what_looks_at_it_works_by_a_context(far: RemoteDaemon, project: Project, tmp_path: Path) -> None:
    context = {**far.context(tmp_path), "DOCKER_HOST": ""}

    def run(*words: str) -> str:
        return project.run(*words, variables=context).ok().out

    assert "healthy" in run("ps")
    assert "serving" in run("logs", "--tail", "5")
    assert run("exec", "web", "--", "echo", "from there") == "from there\n"
    wait_until(lambda: '"serving"' in run("logs", "--routed"), "the line, past the log router")
    traced = run("trace", "/")
    assert "front → web:3000" in traced
    assert "200" in traced


def test_a_saved_file_is_sent_there(far: RemoteDaemon, project: Project) -> None:
    watch = leads_here(project, far.over_tls, "up", "--watch", until="watching for changes")

    def save(text: str) -> None:
        project.write("web/other", text)
        wait_until(lambda: project.get("/other").text == text, watch.printed)

    save("two\n")
    save("one\n")  # as it was: another `up` has nothing to build
    watch.signal(signal.SIGINT)
    watch.wait()


def test_no_line_is_dropped_where_the_daemon_would_rather_drop_it(far: RemoteDaemon, make_project: MakeProject) -> None:
    count = 100_000
    project = make_project("")
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/loud/manifest.yml", LOUD.format(count=count))
    printed = project.run("run", "loud", variables=far.over_tls).ok().out
    numbers = [line.rpartition(" ")[2] for line in printed.splitlines()]
    assert numbers == [str(number) for number in range(1, count + 1)]


def test_a_test_uses_it_like_one_here(far: RemoteDaemon, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in far.over_tls.items():
        monkeypatch.setenv(name, value)
    with Environment(project.folder, reuse=True) as environment:
        assert environment.http.get("/").status_code == 200


def test_a_daemon_that_restarts_or_is_killed_has_its_tasks_replaced(far: RemoteDaemon, project: Project) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        before = project.tasks()
        far.end(number)
        far.start()

        def recovered(before: set[str] = before) -> bool:
            tasks = project.tasks()
            return len(tasks) == 1 and not tasks & before and project.targets() == ["healthy"]

        wait_until(recovered, lambda: str(project.containers()), 180)
        assert far.request(f"http://127.0.0.1:{project.port}/").startswith("one")
    assert project.ps()["supervised"]


@pytest.mark.skipif(not Path(SSHD).exists() or not shutil.which("ssh-keygen"), reason="no sshd, or no ssh-keygen")
def test_all_of_it_works_over_ssh(far: RemoteDaemon, project: Project) -> None:
    over_ssh = far.start_sshd()
    assert "healthy" in project.run("ps", variables=over_ssh).ok().out
    up = leads_here(project, over_ssh, "up", until="Running at")
    with httpx.Client(timeout=60) as client:
        assert {client.get(f"http://127.0.0.1:{project.port}/").status_code for _ in range(5)} == {200}
    up.signal(signal.SIGINT)
    up.wait()

    told = project.run("up", "-d", variables=over_ssh).ok().err
    [tunnel] = re.findall(r"`(ssh -N [^`]*)`", told)
    process = subprocess.Popen(tunnel.split(), env={**os.environ, **over_ssh}, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: project.answers("/"), tunnel)
    finally:
        process.terminate()
        process.wait()

    refused = project.run(
        "ps", variables={**over_ssh, "DOCKER_HOST": over_ssh["DOCKER_HOST"].replace("root", "nobody")}
    )
    assert refused.code == 125
    assert "Permission denied" in refused.err
