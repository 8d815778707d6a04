"""`[seed]`: what is in tables, buckets, queues and parameters from the start. That another `up` does not put it in
again: test_addons.py, and on a volume that is kept: test_databases.py."""

from __future__ import annotations

import json

import pytest

from emulator.testing import Environment
from tests.docker.aws.conftest import WAITS, Begun, Held, client, held, variables, write_workspace
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

WORKER = f"name: worker\ntype: Worker Service\n{WAITS}"
ADDON = """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
      BillingMode: PAY_PER_REQUEST
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
"""
START = Held([{"id": {"S": "1"}, "n": {"N": "2"}}, {"id": {"S": "2"}}], ["a/b.txt"], 1)


def test_it_is_there_when_the_tasks_start(begun: Begun) -> None:
    assert (begun.held, begun.limit) == (START, "3")


def test_it_comes_back_with_a_reset(shop: Project) -> None:
    own = variables(shop, "worker")
    client(shop, "dynamodb").put_item(TableName=own["COUNTS"], Item={"id": {"S": "3"}})
    queue = json.loads(own["COPILOT_TOPIC_QUEUE_URIS"])["apiBillsfifoEventsQueue"]
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    client(shop, "sqs").send_message(QueueUrl=queue, MessageBody="another", **ids)
    with Environment(shop.folder, instance=shop.app, reuse=True) as environment:
        environment.reset()
    assert held(shop) == START


def test_one_that_aws_refuses_is_an_error_with_its_line_and_leaves_nothing(make_project: MakeProject) -> None:
    project = write_workspace(make_project(""), {"worker/manifest.yml": WORKER, "worker/addons/things.yml": ADDON})
    project.write("copilot-local.toml", '[seed.tables]\n"worker/Things" = "things.json"\n')
    project.write("things.json", '[\n{"id": "1"},\n{"no": "key"}\n]\n')
    done = project.run("up", "-d")
    assert done.code == 1
    assert "things.json:3" in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
