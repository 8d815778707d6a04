"""`[aws] endpoint = "URL"`: an environment with another endpoint, which listens on 127.0.0.1 of this machine alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.aws.conftest import WAITS, client_of, variables, write_workspace
from tests.docker.project import MakeProject, Project, docker, free_port

pytestmark = pytest.mark.docker

ADDON = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
      BillingMode: PAY_PER_REQUEST
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
Outputs:
  ThingsName:
    Value: !Ref Things
"""
PUBLISH = """\
arn=$(echo "$COPILOT_SNS_TOPIC_ARNS" | sed 's/.*"orders": *"\\([^"]*\\)".*/\\1/')
wget -qO- "$AWS_ENDPOINT_URL/?Action=Publish&TopicArn=$arn&Message=hello"
printf '{"TableName":"%s","Item":{"id":{"S":"7"}}}' "$THINGS_NAME" > /tmp/item
target=X-Amz-Target:DynamoDB_20120810.PutItem type=Content-Type:application/x-amz-json-1.0
wget -qO- --header $target --header $type --post-file /tmp/item "$AWS_ENDPOINT_URL"
"""
RECEIVE = 'wget -qO- "$COPILOT_QUEUE_URI?Action=ReceiveMessage&MaxNumberOfMessages=10&WaitTimeSeconds=20"'
"""What services ask: of the endpoint that is told to them, without an SDK."""
SERVICES = "dynamodb,logs,s3,secretsmanager,sns,sqs,ssm,sts"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an endpoint that this test runs. The socket listens before the process does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SERVICES": SERVICES}
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("other_endpoint.py")), str(server.fileno())],
            cwd=tmp_path_factory.mktemp("other"),
            env={**os.environ, **own, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
            pass_fds=[server.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


PLAIN = {
    "api/manifest.yml": f"name: api\ntype: Backend Service\n{WAITS}publish: {{topics: [{{name: orders}}]}}\n",
    "worker/manifest.yml": f"name: worker\ntype: Worker Service\n{WAITS}"
    "subscribe: {topics: [{name: orders, service: api}]}\n",
}
"""Services that do nothing."""


def settings(project: Project, url: str, more: str = "") -> None:
    """That URL, and a seed."""
    text = f'[seed]\nqueues = {{worker = "events.jsonl"}}\n[aws]\nendpoint = "{url}"\n{more}'
    project.write("copilot-local.toml", text)
    project.write("events.jsonl", '{"Message": "seeded"}\n')


def workspace(project: Project, url: str) -> Project:
    write_workspace(project, PLAIN)
    settings(project, url)
    return project


def test_while_a_service_runs_it_moves_to_other_ports_with_what_it_holds_and_to_another_url(
    make_project: MakeProject, other: str
) -> None:
    """At the URL everything is made, and stays there."""
    project = write_workspace(make_project(""), {**PLAIN, "api/addons/things.yml": ADDON})
    project.up("worker")
    project.run("queues", "send", "worker", "kept").ok()
    port = free_port()
    project.write("copilot-local.toml", f"[aws]\nport = {port}\n")
    project.up("worker")  # the agent, which acts for the state before, sees the endpoint go
    assert "kept" in project.run("queues", "peek", "worker").ok().out
    assert client_of(f"http://127.0.0.1:{port}", "sqs").list_queues()["QueueUrls"]

    settings(project, other, f"port = {port}\n")
    alone = project.run("up", "-d", "api")
    assert alone.code != 0
    assert f"{other} is to take the place of the one that comes with copilot-local, which worker may use" in alone.err
    project.up()

    [queue] = [one for one in json.loads(project.run("queues", "--format", "json").ok().out) if one["name"] == "worker"]
    assert (queue["visible"], queue["queue"]) == (1, f"{project.app}-test-worker-EventsQueue"), "the seed alone"
    docker("exec", project.container("api"), "sh", "-ec", PUBLISH)
    received = docker("exec", project.container("worker"), "sh", "-c", RECEIVE)
    assert ("seeded" in received, "hello" in received) == (True, True), received
    table = variables(project)["THINGS_NAME"]
    assert client_of(other, "dynamodb").scan(TableName=table)["Items"] == [{"id": {"S": "7"}}]

    project.run("down", "-v", "-t", "1").ok()
    assert project.everything() == []
    assert client_of(other, "dynamodb").scan(TableName=table)["Count"] == 1
    assert client_of(other, "sqs").list_queues(QueueNamePrefix=f"{project.app}-")["QueueUrls"]


def test_where_nothing_answers_nothing_is_made(make_project: MakeProject) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        project = workspace(make_project(""), url)
        result = project.run("up", "-d")
    assert result.code != 0
    assert "copilot-local.toml:4" in result.err
    assert f"nothing answers at {url}" in result.err
    assert project.everything() == []


def test_what_is_no_aws_endpoint_is_said_and_nothing_is_left(make_project: MakeProject, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().split(' port ')[1].split()[0]}"
        project = workspace(make_project(""), url)
        result = project.run("up", "-d")
        server.terminate()
    assert result.code != 0
    assert "copilot-local.toml:4" in result.err
    assert url in result.err
    assert project.everything() == []
