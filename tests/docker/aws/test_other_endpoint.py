"""`[aws] endpoint = "URL"`: an environment with another endpoint, which listens on 127.0.0.1 of this machine alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docker.aws.conftest import API, WAITS, WORKER, client_of, run_in, variables, write_workspace
from tests.docker.project import MakeProject, Project, free_port

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
PUBLISH = """
arns = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])
size = {"size": {"DataType": "String", "StringValue": "big"}}
boto3.client("sns").publish(TopicArn=arns["orders"], Message="hello", MessageAttributes=size)
boto3.resource("dynamodb").Table(os.environ["THINGS_NAME"]).put_item(Item={"id": "7"})
"""
RECEIVE = """
queue = os.environ["COPILOT_QUEUE_URI"]
[message] = boto3.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
print(json.loads(message["Body"])["Message"])
boto3.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
"""
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


def workspace(project: Project, url: str, files: Mapping[str, str] = PLAIN) -> Project:
    write_workspace(project, files)
    project.write("copilot-local.toml", f'[seed]\nqueues = {{worker = "events.jsonl"}}\n[aws]\nendpoint = "{url}"\n')
    project.write("events.jsonl", '{"Message": "seeded"}\n')
    return project


def test_everything_is_made_there_and_stays_there(make_project: MakeProject, other: str) -> None:
    files = {"api/manifest.yml": API, "worker/manifest.yml": WORKER, "api/addons/things.yml": ADDON}
    project = workspace(make_project(""), other, files)
    project.up()

    assert run_in(project, "worker", RECEIVE).split() == ["seeded"]
    run_in(project, "api", PUBLISH)
    [queue] = [one for one in json.loads(project.run("queues", "--format", "json").ok().out) if one["name"] == "worker"]
    assert (queue["visible"], queue["queue"]) == (1, f"{project.app}-test-worker-EventsQueue")
    assert run_in(project, "worker", RECEIVE).split() == ["hello"]

    table = variables(project)["THINGS_NAME"]
    assert client_of(other, "dynamodb").scan(TableName=table)["Items"] == [{"id": {"S": "7"}}]

    project.run("down", "-v", "-t", "1").ok()
    assert project.everything() == []
    assert client_of(other, "dynamodb").scan(TableName=table)["Count"] == 1
    assert client_of(other, "sqs").list_queues(QueueNamePrefix=f"{project.app}-")["QueueUrls"]


def test_while_a_service_runs_it_moves_to_other_ports_with_what_it_holds_and_to_another_url(
    make_project: MakeProject, other: str
) -> None:
    project = write_workspace(make_project(""), PLAIN)
    project.up("worker")
    project.run("queues", "send", "worker", "kept").ok()
    port = free_port()
    project.write("copilot-local.toml", f"[aws]\nport = {port}\n")
    project.up("worker")  # the agent, which acts for the state before, sees the endpoint go
    assert "kept" in project.run("queues", "peek", "worker").ok().out
    assert client_of(f"http://127.0.0.1:{port}", "sqs").list_queues()["QueueUrls"]

    project.write("copilot-local.toml", f'[aws]\nendpoint = "{other}"\nport = {port}\n')
    alone = project.run("up", "-d", "api")
    assert alone.code != 0
    assert f"{other} is to take the place of the one that comes with copilot-local, which worker may use" in alone.err
    project.up("worker")
    assert client_of(other, "sqs").list_queues(QueueNamePrefix=f"{project.app}-")["QueueUrls"]
    assert "kept" not in project.run("queues", "peek", "worker").ok().out


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
