"""A job that is run once sees what a task on Fargate sees: its metadata, its credentials, its secrets."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.project import Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/nightly/manifest.yml"
JOB = """
name: nightly
type: Scheduled Job
image:
  location: busybox:1.37
on:
  schedule: "@daily"
secrets:
  TOKEN: /app/token
  PORT:
    secretsmanager: 'app/db:port::'
entrypoint: ["sh", "-c"]
command:
  - |
    wget -qO- http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; echo
    wget -qO- $ECS_CONTAINER_METADATA_URI_V4/task; echo
    echo "$TOKEN $PORT"
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-west-1"}


ANSWERS = {
    "AmazonSSM.GetParameters": (
        {"Names": ["/app/token"], "WithDecryption": True},
        {"Parameters": [{"Name": "/app/token", "Type": "SecureString", "Value": "from-ssm"}], "InvalidParameters": []},
    ),
    "secretsmanager.GetSecretValue": (
        {"SecretId": "app/db"},
        {"Name": "app/db", "SecretString": json.dumps({"port": 1000000})},
    ),
}
"""What AWS is asked, and what it answers."""


class _Asked(BaseHTTPRequestHandler):
    """Knows a parameter and a secret, in eu-west-1."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        expected, answer = ANSWERS[self.headers["x-amz-target"]]
        known = asked == expected and f"/{KEYS['AWS_REGION']}/" in self.headers["authorization"]
        self.send_response(200 if known else 400)
        self.end_headers()
        self.wfile.write(json.dumps(answer if known else {"__type": "ResourceNotFoundException"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def aws() -> Iterator[str]:
    """The address of an AWS that has a parameter and a secret."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Asked) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(0.05))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_job_has_secrets_from_aws_credentials_and_metadata(empty: Project, aws: str) -> None:
    """And its code is the command's."""
    echo = 'echo "$TOKEN $PORT"'
    empty.write(MANIFEST, JOB.replace(echo, f"{echo} as $COPILOT_SERVICE_NAME; exit 4"))
    variables = {**KEYS, "AWS_ENDPOINT_URL": aws}
    missing = empty.run("run", "nightly", variables=variables)
    assert missing.code == 1
    assert f"{MANIFEST}:9: TOKEN (nightly): /app/token" in missing.err

    arguments = ("--secrets", "aws", "--credentials", "static")
    ended = empty.run("run", "nightly", *arguments, variables=variables)
    assert ended.code == 4
    lines = [line.partition("nightly | ") for line in ended.out.splitlines()]
    credentials, task, values = [said for _, mark, said in lines if mark]
    assert json.loads(credentials)["AccessKeyId"] == KEYS["AWS_ACCESS_KEY_ID"]
    assert json.loads(task)["Family"] == f"{empty.app}-test-nightly"
    assert values == "from-ssm 1e+06 as nightly"
    # The log store and the access log are data, which only `down -v` removes.
    assert (empty.containers(), empty.networks()) == ([], [])
    assert [volume for volume in empty.volumes() if not volume.endswith(("-logs", "-access"))] == []


def test_a_job_beside_an_up_in_the_foreground_ends_alone(empty: Project) -> None:
    """The agent of the services is the job's too. Another `up` is refused meanwhile."""
    empty.write(MANIFEST, JOB.replace('echo "$TOKEN $PORT"', 'echo "$TOKEN $PORT"; exit 3'))
    empty.write(
        "copilot/api/manifest.yml",
        "name: api\ntype: Backend Service\nimage: {location: busybox:1.37}\n"
        'command: ["sh", "-c", "trap exit TERM; echo up; sleep 3600 & wait"]\n',
    )
    variables = {**KEYS, "TOKEN": "t", "PORT": "1"}
    up = empty.start("up", "--port", str(empty.port))  # which asks for nothing of the job's
    up.wait_for("api | up")
    up.wait_for("nightly: a job is not started with the services; its schedule would run it next at ")
    up.wait_for("`up --jobs` keeps to that, `copilot-local run nightly` runs it once")
    service = {container.name for container in empty.containers()}
    assert "nightly" not in empty.run("ps").ok().out
    there = empty.everything()
    second = empty.run("up", "-d", "api")
    assert second.code == 1
    assert "a foreground `copilot-local up` is in charge of this environment" in second.err
    assert "hint:" in second.err
    assert empty.everything() == there
    ended = empty.run("run", "nightly", "--credentials", "static", variables=variables)
    assert ended.code == 3
    assert KEYS["AWS_ACCESS_KEY_ID"] in ended.out
    assert {container.name for container in empty.containers()} == service
    assert up.process.poll() is None, up.printed()
    up.signal(signal.SIGINT)
    assert up.wait().code == 130


def test_a_job_that_is_interrupted_leaves_nothing(empty: Project) -> None:
    empty.write(MANIFEST, JOB.replace('echo "$TOKEN $PORT"', "trap exit TERM; echo waiting; sleep 3600 & wait"))
    running = empty.start("run", "nightly", variables={"TOKEN": "t", "PORT": "1"})
    running.wait_for("waiting")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert (empty.containers(), empty.networks()) == ([], [])
