"""`up --native`: programs of this machine in place of main containers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docker.project import MakeProject, Project, docker, free_port, wait_until

pytestmark = pytest.mark.docker

API = """\
name: api
type: Load Balanced Web Service
image:
  build: api/Dockerfile
  port: 80
http:
  path: '/'
  healthcheck:
    interval: 5s
    timeout: 2s
    unhealthy_threshold: 2
cpu: 256
memory: 512
variables:
  STORE: http://store.test.{app}.local:8000/name
  SIDE: http://localhost:9000/name
publish:
  topics:
    - name: orders
sidecars:
  side:
    image: busybox:1.37
    port: 9000
    command: "sh -c 'trap exit TERM; cd /tmp; echo side > name; httpd -f -p 127.0.0.1:9000 & wait'"
"""
STORE = """\
name: store
type: Backend Service
image:
  location: busybox:1.37
  port: 8000
command: "sh -c 'trap exit TERM; cd /tmp; echo store > name; httpd -f -p 8000 & wait'"
cpu: 256
memory: 512
"""
WORKER = """\
name: worker
type: Worker Service
image:
  build: worker/Dockerfile
cpu: 256
memory: 512
subscribe:
  topics:
    - name: orders
      service: api
"""
PROGRAM = """\
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        said = {"headers": {name.lower(): value for name, value in self.headers.items()}}
        if self.path == "/others":
            said |= {name: urlopen(os.environ[name], timeout=10).read().decode().strip() for name in ("STORE", "SIDE")}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
"""
SENDER_AND_RECEIVER = """\
import boto3, json, os, sys
[topic] = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"]).values()
boto3.client("sns").publish(TopicArn=topic, Message="an order")
os.environ.clear()
os.environ.update(json.loads(sys.argv[1]))
queue = os.environ["COPILOT_QUEUE_URI"]
answer = boto3.session.Session().client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)
print(json.loads(answer["Messages"][0]["Body"])["Message"])
"""
"""What `api` does; and then, with the variables of `worker`, what that does."""


class Native(Project):
    """The workspace, with the program that is to run in place of `api`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.program_port = free_port()

    def variables(self, container: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.run("env", container, "--format", "json").ok().out)
        return found

    def python(self, code: str, container: str, *arguments: str) -> subprocess.Popen[str]:
        """A program of this machine with the container's variables."""
        environment = {"PATH": os.environ["PATH"], **self.variables(container)}
        words = [sys.executable, "-c", code, *arguments]
        return subprocess.Popen(words, env=environment, cwd=self.folder, text=True, stdout=subprocess.PIPE)

    @contextlib.contextmanager
    def program(self) -> Iterator[None]:
        """The service's program runs, until it is killed."""
        with self.python(PROGRAM, "api", str(self.program_port)) as program:
            try:
                wait_until(lambda: self.answers("/"), "an answer of the program")
                yield
            finally:
                program.kill()

    def ports(self) -> list[int]:
        """The ports of this machine that are published for the program."""
        values = self.variables("api")
        return [urlsplit(values[name]).port or 0 for name in ("STORE", "SIDE")]


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


@pytest.fixture(scope="module")
def native(make_shared_project: MakeProject) -> Iterator[Native]:
    """It runs, without the program."""
    made = make_shared_project("")
    project = Native(made.folder)
    project.app = made.app  # what is left of it is removed by that
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    project.write("copilot-local.toml", "[time]\nwait_timeout = 6\n")
    project.write("copilot/api/manifest.yml", API.format(app=project.app))
    project.write("copilot/store/manifest.yml", STORE)
    project.write("copilot/worker/manifest.yml", WORKER)
    project.run(*up(project)).ok()
    yield project
    ports = [*project.ports(), project.port]
    assert all(is_open(port) for port in ports)
    project.run("down", "-v").ok()
    assert project.everything() == []
    assert [port for port in ports if is_open(port)] == []


def up(project: Native) -> list[str]:
    options = ["--native", f"api={project.program_port}", "--native", "worker"]
    return ["up", "-d", "--port", str(project.port), *options]


def test_without_the_program_its_target_is_unhealthy_and_its_task_stays(native: Native) -> None:
    before = native.tasks()
    waited = native.run(*up(native), "--wait")
    assert waited.code == 1
    assert f"nothing listens on 127.0.0.1:{native.program_port} of this machine" in waited.err
    assert "start the process; `copilot-local env api` prints its variables" in waited.err
    wait_until(lambda: native.targets() == ["unhealthy"], "an unhealthy target")
    assert native.tasks() == before
    [row] = [row for row in native.ps()["containers"] if row["name"] == "api"]
    assert row["ports"] == [f"127.0.0.1:{native.program_port} of this machine"]


def test_the_load_balancer_and_sidecars_reach_the_program_and_it_reaches_them(native: Native) -> None:
    with native.program():
        headers = native.get("/path", **{"X-Mine": "1"}).json()["headers"]
        assert headers["x-mine"] == "1"
        assert headers["x-forwarded-port"] == str(native.port)
        assert headers["x-amzn-trace-id"]
        inside = docker("exec", native.container("side"), "wget", "-q", "-O", "-", "http://localhost:80/")
        assert "headers" in json.loads(inside)
        said = native.get("/others").json()
        assert (said["STORE"], said["SIDE"]) == ("store", "side")
        native.run(*up(native), "--wait", "--wait-timeout", "60").ok()
        wait_until(lambda: native.targets() == ["healthy"], "a healthy target")


def test_other_services_do_not_reach_what_is_published_for_the_program(native: Native) -> None:
    [pause] = [c for c in native.containers() if c.role == "pause" and c.labels["copilot-local.service"] == "api"]
    script = (
        "for port in 61000 61001; do "
        f"echo GET /name | nc {pause.name} $port 2> /dev/null; done; wget -q -O - http://localhost:8000/name"
    )
    assert docker("exec", native.container("store"), "sh", "-c", script) == "store\n"


def test_the_program_uses_topics_and_queues(native: Native) -> None:
    with native.python(SENDER_AND_RECEIVER, "api", json.dumps(native.variables("worker"))) as program:
        out, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert out.strip() == "an order"


def test_a_program_that_was_killed_is_started_again(native: Native) -> None:
    before = native.tasks()
    with native.program():
        pass
    wait_until(lambda: not native.answers("/"), "no answer of the program")
    with native.program():
        assert native.answers("/")
    assert native.tasks() == before


def test_the_variables_stand_in_a_file_of_the_user_alone(native: Native) -> None:
    file = native.folder / "api.env"
    native.run("env", "api", "--into", str(file)).ok()
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text(encoding="utf-8").splitlines()
    assert f"SIDE={native.variables('api')['SIDE']}" in lines
    assert not any("169.254.170.2" in line for line in lines)


def test_nothing_runs_in_its_container(native: Native) -> None:
    refused = native.run("exec", "api", "--", "true")
    assert refused.code == 1
    assert "runs on this machine" in refused.err
