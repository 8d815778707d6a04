"""A workspace whose services publish and subscribe, with unmodified boto3 in their image."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from emulator.setup import substitutes
from tests.docker.aws.shared_workspace import CLIENTS, COPILOT_FILES, FILES, IMPORTS
from tests.docker.project import MakeProject, Project, daemon, docker, projects
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


@pytest.fixture(scope="session")
def everything(make_session_project: MakeProject) -> Project:
    """Both services run, with addons of their own and of the environment, databases among them; and a job is there."""
    project = write_everything(make_session_project(""))
    project.up()
    return project


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
    sqs, dynamodb, s3 = (client(everything, name) for name in ("sqs", "dynamodb", "s3"))
    for url in sqs.list_queues()["QueueUrls"]:
        sqs.purge_queue(QueueUrl=url)
    for table in dynamodb.list_tables()["TableNames"]:
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})
    for bucket in s3.list_buckets()["Buckets"]:
        for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            s3.delete_object(Bucket=bucket["Name"], Key=found["Key"])


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
