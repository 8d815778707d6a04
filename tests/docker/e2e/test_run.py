"""A job that is run once sees what a task on Fargate sees: its metadata, its credentials, its secrets."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from emulator.aws.ports import PLAIN_PORT
from emulator.events import discard
from emulator.setup.images import ensure_aws_image
from tests.docker.project import docker, wait_until

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


@pytest.fixture
def aws() -> Iterator[str]:
    """The address of an AWS on this machine that has a parameter and a secret."""
    name = f"cl-test-aws-{uuid.uuid4().hex[:12]}"
    publish = ("--publish", f"127.0.0.1::{PLAIN_PORT}")
    settings = {
        "shared": "/tmp/a",
        "own": "/tmp/b",
        "data": "/tmp/c",
        "names": ["localhost"],
        "region": "us-east-1",
        "account": "000000000000",
        "public_port": PLAIN_PORT,
    }
    docker("run", "--detach", "--name", name, *publish, ensure_aws_image(discard), json.dumps(settings))
    try:
        address = f"http://{docker('port', name, str(PLAIN_PORT)).split()[0]}"
        wait_until(lambda: _answers(address), lambda: docker("logs", name))
        make(address, "ssm", "AmazonSSM.PutParameter", Name="/app/token", Value="from-ssm", Type="SecureString")
        secret = json.dumps({"port": 1000000})
        make(address, "secretsmanager", "secretsmanager.CreateSecret", Name="app/db", SecretString=secret)
        yield address
    finally:
        docker("rm", "--force", "--volumes", name)


def make(address: str, service: str, action: str, **fields: str) -> None:
    """Makes something in eu-west-1 without botocore, which takes longer to load than the rest of the test."""
    scope = f"testing/20260101/eu-west-1/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": action,
    }
    httpx.post(address, headers=headers, json={**fields, "ClientRequestToken": str(uuid.uuid4())}).raise_for_status()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def test_a_job_has_secrets_from_aws_credentials_and_metadata(empty: Project, aws: str) -> None:
    empty.write(MANIFEST, JOB)
    variables = {**KEYS, "AWS_ENDPOINT_URL": aws}
    missing = empty.run("run", "nightly", variables=variables)
    assert missing.code == 1
    assert f"{MANIFEST}:9: TOKEN (nightly): /app/token" in missing.err

    arguments = ("--secrets", "aws", "--credentials", "static")
    ended = empty.run("run", "nightly", *arguments, variables=variables).ok()
    credentials, task, values = [line.partition(" | ")[2] for line in ended.out.splitlines() if " | " in line]
    assert json.loads(credentials)["AccessKeyId"] == KEYS["AWS_ACCESS_KEY_ID"]
    assert json.loads(task)["Family"] == f"{empty.app}-test-nightly"
    assert values == "from-ssm 1e+06"
    # The log store and the access log are data, which only `down -v` removes.
    assert (empty.containers(), empty.networks()) == ([], [])
    assert [volume for volume in empty.volumes() if not volume.endswith(("-logs", "-access"))] == []


def test_a_job_beside_an_up_in_the_foreground_ends_alone(empty: Project) -> None:
    """The agent of the services is the job's too."""
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
