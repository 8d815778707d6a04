"""`[seed]`: what is in tables, buckets, queues and parameters from the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.testing import Environment
from tests.docker.aws.conftest import WAITS, client, write_workspace
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

WORKER = f"name: worker\ntype: Worker Service\n{WAITS}"
ADDON = """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Files: {Type: AWS::S3::Bucket}
"""
SEED = """\
[seed]
parameters = "seed/ssm.env"

[seed.tables]
"worker/Things" = "seed/things.json"

[seed.buckets]
"worker/Files" = "seed/files"

[seed.queues]
worker = "seed/events.jsonl"
"""


def make_workspace(project: Project, things: str = '[\n{"id": "1", "n": 2},\n{"id": "2"}\n]\n') -> Project:
    write_workspace(project, {"worker/manifest.yml": WORKER, "worker/addons/things.yml": ADDON})
    project.write("copilot-local.toml", SEED)
    project.write("seed/things.json", things)
    project.write("seed/files/a/b.txt", "content")
    project.write("seed/events.jsonl", '{"Message": "from the start"}\n')
    project.write("seed/ssm.env", "/shop/limit=3\n")
    return project


Held = tuple[list[Any], list[str], int]


def held(project: Project) -> Held:
    """Items, keys, and messages that wait."""
    dynamodb, s3, sqs = (client(project, name) for name in ("dynamodb", "s3", "sqs"))
    [table], [bucket] = dynamodb.list_tables()["TableNames"], s3.list_buckets()["Buckets"]
    items = dynamodb.scan(TableName=table)["Items"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])]
    attributes = sqs.get_queue_attributes(QueueUrl=queue(project), AttributeNames=["All"])["Attributes"]
    return sorted(items, key=str), keys, int(attributes["ApproximateNumberOfMessages"])


def queue(project: Project) -> str:
    [url] = [one for one in client(project, "sqs").list_queues()["QueueUrls"] if one.endswith("worker-EventsQueue")]
    return str(url)


START = ([{"id": {"S": "1"}, "n": {"N": "2"}}, {"id": {"S": "2"}}], ["a/b.txt"], 1)


@dataclass(frozen=True)
class Started:
    """An environment, and what was there when its tasks had started."""

    project: Project
    held: Held
    limit: str


@pytest.fixture(scope="module")
def started(make_shared_project: MakeProject) -> Started:
    project = make_workspace(make_shared_project(""))
    project.up()
    return Started(
        project, held(project), client(project, "ssm").get_parameter(Name="/shop/limit")["Parameter"]["Value"]
    )


@pytest.fixture
def shop(started: Started) -> Project:
    return started.project


@pytest.fixture
def environment(shop: Project) -> Iterator[Environment]:
    with Environment(shop.folder, instance=shop.app, reuse=True) as found:
        yield found


def test_it_is_there_when_the_tasks_start(started: Started) -> None:
    assert (started.held, started.limit) == (START, "3")


def test_it_comes_back_with_a_reset(environment: Environment, shop: Project) -> None:
    environment.aws("dynamodb").delete_item(
        TableName=environment.aws("dynamodb").list_tables()["TableNames"][0], Key={"id": {"S": "1"}}
    )
    client(shop, "sqs").send_message(QueueUrl=queue(shop), MessageBody="another")
    environment.reset()
    assert held(shop) == START


def test_it_is_not_put_in_again_by_another_up(shop: Project) -> None:
    client(shop, "sqs").purge_queue(QueueUrl=queue(shop))
    shop.up()
    assert held(shop)[2] == 0
    shop.run("down").ok()
    shop.up()
    assert held(shop) == (START[0], START[1], 0), "nor on a volume that is kept"


def test_one_that_aws_refuses_is_an_error_with_its_line_and_leaves_nothing(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""), '[\n{"id": "1"},\n{"no": "key"}\n]\n')
    done = project.run("up", "-d")
    assert done.code == 1
    assert "things.json:3" in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
