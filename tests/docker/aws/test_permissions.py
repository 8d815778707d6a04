"""Which calls services made, and whether their roles would allow them when they are deployed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.aws.conftest import client, run_in, write_workspace
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

API = """\
name: api
type: Backend Service
image:
  location: with-boto3
cpu: 256
memory: 512
publish:
  topics:
    - name: orders
"""
WORKER = """\
name: worker
type: Worker Service
image:
  location: with-boto3
cpu: 256
memory: 512
subscribe:
  topics:
    - name: orders
      service: api
"""
TEMPLATE = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Files:
    Type: AWS::S3::Bucket
  FilesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Statement:
          - {Sid: OnlyTls, Effect: Deny, Principal: '*', Action: 's3:*', Resource: !Sub '${Files.Arn}/*',
             Condition: {Bool: {'aws:SecureTransport': false}}}
          - {Sid: Kept, Effect: Deny, Principal: '*', Action: 's3:DeleteObject', Resource: !Sub '${Files.Arn}/kept/*'}
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Sid: Read, Effect: Allow, Action: ['dynamodb:Get*'], Resource: !GetAtt Things.Arn}
          - {Sid: Objects, Effect: Allow, NotAction: 's3:PutObject', Resource: !Sub '${Files.Arn}/*'}
          - Sid: List
            Effect: Allow
            Action: s3:ListBucket
            Resource: !GetAtt Files.Arn
            Condition: {StringLike: {'s3:prefix': 'a/*'}}
Outputs:
  ThingsName: {Value: !Ref Things}
  FilesName: {Value: !Ref Files}
  AccessArn: {Value: !Ref Access}
"""
CALLS = """
table, files = os.environ["THINGS_NAME"], os.environ["FILES_NAME"]
boto3.resource("dynamodb").Table(table).put_item(Item={"id": "1"})
boto3.resource("dynamodb").Table(table).get_item(Key={"id": "1"})
s3 = boto3.client("s3")
for key in ("a/1", "a/2", "a/3", "a/4", "kept/1"):
    s3.put_object(Bucket=files, Key=key, Body=b"content")
s3.get_object(Bucket=files, Key="a/1")["Body"].read()
s3.delete_object(Bucket=files, Key="kept/1")
s3.list_objects_v2(Bucket=files, Prefix="a/")
boto3.client("sns").publish(TopicArn=json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])["orders"], Message="m")
boto3.client("sts").get_caller_identity()
"""
RECEIVE = """
sqs, url = boto3.client("sqs"), os.environ["COPILOT_QUEUE_URI"]
[message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}])
sqs.send_message(QueueUrl=url, MessageBody="of its own")
"""


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    files = {"api/manifest.yml": API, "api/addons/things.yml": TEMPLATE, "worker/manifest.yml": WORKER}
    project = write_workspace(make_shared_project(""), files)
    project.up()
    run_in(project, "api", CALLS)
    run_in(project, "worker", RECEIVE)
    client(project, "sqs").list_queues()
    return project


def rows(project: Project, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(project.run("permissions", *arguments, "--format", "json").ok().out)
    return found


def test_each_call_is_judged_by_the_role_that_is_deployed(shop: Project) -> None:
    found = {(row["service"], row["action"]): row for row in rows(shop)}
    assert {key: row["verdict"] for key, row in found.items()} == {
        ("api", "dynamodb:PutItem"): "not allowed",
        ("api", "dynamodb:GetItem"): "allowed",
        ("api", "s3:PutObject"): "not allowed",
        ("api", "s3:GetObject"): "allowed",
        ("api", "s3:DeleteObject"): "denied",
        ("api", "s3:ListBucket"): "cannot say",
        ("api", "sns:Publish"): "allowed",
        ("worker", "sqs:ReceiveMessage"): "allowed",
        ("worker", "sqs:DeleteMessage"): "allowed",
        ("worker", "sqs:SendMessage"): "not allowed",
    }, "calls of this machine are no service's, and everyone may ask who they are"
    assert found["api", "dynamodb:GetItem"]["reason"] == "addon Access/Read"
    assert found["api", "s3:DeleteObject"]["reason"] == "FilesPolicy/Kept"
    assert "s3:prefix" in found["api", "s3:ListBucket"]["reason"]
    assert found["api", "sns:Publish"]["reason"] == "TaskRole Publish2SNS"
    put = found["api", "s3:PutObject"]
    assert (put["resource"].endswith("/*"), put["calls"]) == (True, 5)


def test_what_is_missing_is_printed_as_a_statement_and_checked_for(shop: Project) -> None:
    done = shop.run("permissions", "worker")
    assert done.code == 0
    first, *_ = done.out.splitlines()[1:]
    assert first.split()[:4] == ["worker", "not", "allowed", "sqs:SendMessage"]
    assert "sns:Publish" not in done.out
    assert "Action: [sqs:SendMessage]" in done.err
    assert shop.run("permissions", "worker", "--check").code == 1


def test_a_policy_that_is_changed_is_read_anew(shop: Project) -> None:
    """Without another `up`: nothing is made for it."""
    shop.edit("copilot/api/addons/things.yml", "['dynamodb:Get*']", "'dynamodb:*'")
    found = {row["action"]: row["verdict"] for row in rows(shop, "api")}
    assert (found["dynamodb:PutItem"], found["s3:PutObject"]) == ("allowed", "not allowed")
