"""A workspace whose services publish and subscribe, with unmodified boto3 in their image."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from emulator.setup import substitutes
from tests.docker.aws.shared_workspace import CLIENTS, COPILOT_FILES, FILES, IMPORTS
from tests.docker.project import MakeProject, Project, Result, daemon, docker, projects
from tests.unit.render.storage_addons import PARAMETERS

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
SERVICES = ("sqs", "sns", "s3", "dynamodb", "sts", "ssm", "secretsmanager")
"""Those whose descriptions the image has: all of them are much to copy."""
DOCKERFILE = """\
FROM {base}
ENV PYTHONPATH=/site PYTHONUNBUFFERED=1
COPY site /site
RUN python3 -m compileall -q /site
CMD ["python3", "-c", "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"]
"""
WITH_BOTO3 = "with-boto3"
"""In a manifest that `write_workspace` writes: an image with boto3, whose containers wait for SIGTERM."""
WAITS = """\
image:
  location: busybox:1.37
command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
cpu: 256
memory: 512
"""
"""The part of a manifest for a service that does nothing."""
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
    - name: bills
      fifo: true
"""
WORKER = """\
name: worker
type: Worker Service
image:
  location: with-boto3
cpu: 256
memory: 512
subscribe:
  queue:
    retention: 1h
    timeout: 1s
    dead_letter:
      tries: 2
  topics:
    - name: orders
      service: api
      filter_policy:
        size: [big]
    - name: orders
      service: other
    - name: bills
      service: api
      queue:
        fifo: true
"""


def make_workspace(project: Project) -> Project:
    """Writes it into an empty project."""
    return write_workspace(project, {"api/manifest.yml": API, "worker/manifest.yml": WORKER})


def write_workspace(project: Project, files: Mapping[str, str]) -> Project:
    """Writes a workspace into an empty project: files below `copilot/`, whose image `with-boto3` is one with boto3."""
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    for path, text in files.items():
        project.write(f"copilot/{path}", text.replace(WITH_BOTO3, boto3_image()) if WITH_BOTO3 in text else text)
    return project


@cache
def boto3_image() -> str:
    """An image with boto3, built once for this process and removed at its end."""
    name = f"copilot-local-test/boto3:{os.getpid()}"
    base = substitutes.read().get("python:3.13-slim", "python:3.13-slim")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(DOCKERFILE.format(base=base), encoding="utf-8")
        copy_boto3(Path(folder, "site"))
        docker("build", "--quiet", "--tag", name, folder, timeout=280)
    atexit.register(docker, "image", "rm", "--force", name, check=False)
    return name


def copy_boto3(to: Path) -> None:
    """Puts boto3 and what it needs there, as pip would."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None, name
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, to / name, ignore=_left_out)
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, to / origin.name)


def _left_out(folder: str, entries: list[str]) -> set[str]:
    path = Path(folder)
    if path.parts[-2:] == ("botocore", "data"):
        return {entry for entry in entries if (path / entry).is_dir() and entry not in SERVICES}
    return {entry for entry in entries if entry == "__pycache__"}


ADDON = (
    PARAMETERS
    + """\
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${App}-${Env}-${Name}-things
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
      BillingMode: PAY_PER_REQUEST
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
  Files:
    Type: AWS::S3::Bucket
  FilesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Statement:
          - {Effect: Deny, Principal: '*', Action: 's3:*', Resource: !Sub '${Files.Arn}/*',
             Condition: {Bool: {'aws:SecureTransport': false}}}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"username": "me"}'
        GenerateStringKey: password
        PasswordLength: 16
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt Things.Arn}
Outputs:
  ThingsName: {Value: !Ref Things}
  FilesName: {Value: !Ref Files}
  LoginSecret: {Value: !Ref Login}
  AccessArn: {Value: !Ref Access}
  Url: {Value: !Sub 'pg://{{resolve:secretsmanager:${Login}:SecretString:password}}@host'}
"""
)

make_session_project = pytest.fixture(projects, scope="session", name="make_session_project")


@dataclass(frozen=True)
class Held:
    """What the endpoint holds where the seed of `everything` puts something."""

    items: list[dict[str, Any]]
    keys: list[str]
    messages: int


@dataclass(frozen=True)
class Begun:
    """An environment, and what was there as its first task had ended and when its tasks had started."""

    project: Project
    job: Result
    """A run of its job before anything else, which so ran by itself."""
    left: list[str]
    """Containers and networks that the run left."""
    held: Held
    limit: str
    runs: Any
    """What the job had counted, once tasks ran."""


@pytest.fixture(scope="session")
def begun(make_session_project: MakeProject) -> Begun:
    project = write_everything(make_session_project(""))
    job = project.run("run", "nightly")
    left = [*(container.name for container in project.containers()), *project.networks_left()]
    project.up()
    limit = client(project, "ssm").get_parameter(Name="/shop/limit")["Parameter"]["Value"]
    table = variables(project)["SHARED_TABLE"]
    runs = client(project, "dynamodb").get_item(TableName=table, Key={"id": {"S": "runs"}}).get("Item")
    found = Begun(project, job, left, held(project), limit, runs)
    empty(project)
    return found


@pytest.fixture(scope="session")
def everything(begun: Begun) -> Project:
    """Both services run, with addons of their own and of the environment, databases among them; and a job is there.
    For tests that put nothing into queues, tables and buckets."""
    return begun.project


def write_everything(project: Project) -> Project:
    """Writes that workspace into an empty project."""
    for path, text in FILES.items():
        project.write(path, text)
    api = f"{API}{IMPORTS}{CLIENTS}"
    files = {"api/manifest.yml": api, "worker/manifest.yml": WORKER, "api/addons/things.yml": ADDON}
    return write_workspace(project, {**files, **COPILOT_FILES})


@pytest.fixture
def shop(everything: Project) -> Iterator[Project]:
    """The same, without messages, items and objects. What is in databases stays."""
    yield everything
    empty(everything)


def empty(project: Project) -> None:
    """Takes messages, items and objects away."""
    sqs, dynamodb, s3 = (client(project, name) for name in ("sqs", "dynamodb", "s3"))
    for url in sqs.list_queues()["QueueUrls"]:
        sqs.purge_queue(QueueUrl=url)
    for table in dynamodb.list_tables()["TableNames"]:
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})
    for bucket in s3.list_buckets()["Buckets"]:
        for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            s3.delete_object(Bucket=bucket["Name"], Key=found["Key"])


def held(project: Project) -> Held:
    """What is in the table, the bucket and the queue that are seeded."""
    dynamodb, s3, sqs = (client(project, name) for name in ("dynamodb", "s3", "sqs"))
    own = variables(project, "worker")
    items = dynamodb.scan(TableName=own["COUNTS"])["Items"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=own["BUCKET"]).get("Contents", [])]
    queue = json.loads(own["COPILOT_TOPIC_QUEUE_URIS"])["apiBillsfifoEventsQueue"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return Held(sorted(items, key=str), keys, int(attributes["ApproximateNumberOfMessages"]))


def run_in(project: Project, service: str, code: str) -> str:
    """What a program in the service's container prints. It has `boto3`, `json` and `os`."""
    return docker("exec", project.container(service), "python3", "-c", f"import boto3, json, os\n{code}")


def variables(project: Project, service: str = "api") -> dict[str, str]:
    """The environment that the service's container was made with."""
    with daemon() as docker_client:
        pairs = docker_client.inspect_container(project.container(service))["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in pairs)


def client(project: Project, service: str) -> Any:
    """A client of the endpoint on this machine."""
    ports = [one.labels["copilot-local.aws-port"] for one in project.containers() if one.role == "aws"]
    return client_of(f"http://127.0.0.1:{ports[0]}", service)


@cache
def client_of(url: str, service: str) -> Any:
    """A client of an endpoint."""
    return _session().create_client(service, region_name="us-east-1", endpoint_url=url)


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    return session
