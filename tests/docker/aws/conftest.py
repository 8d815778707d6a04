"""A workspace whose services publish and subscribe, with unmodified boto3 in their image."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.docker.project import MakeProject, Project, docker

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
SERVICES = ("sqs", "sns", "s3", "dynamodb", "sts", "ssm", "secretsmanager")
"""Those whose descriptions the image has: all of them are much to copy."""
DOCKERFILE = """\
FROM python:3.13-slim
ENV PYTHONPATH=/site PYTHONUNBUFFERED=1
COPY site /site
CMD ["python3", "-c", "import signal, sys; signal.signal(15, lambda *_: sys.exit()); signal.pause()"]
"""
API = """\
name: api
type: Backend Service
image:
  build: app/Dockerfile
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
  build: app/Dockerfile
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
    """Writes a workspace into an empty project: files below `copilot/`, and an image with boto3 in `app/`."""
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    for path, text in files.items():
        project.write(f"copilot/{path}", text)
    project.write("app/Dockerfile", DOCKERFILE)
    copy_boto3(project.folder / "app" / "site")
    return project


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


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    """Both services run."""
    project = make_workspace(make_shared_project(""))
    project.up()
    return project


def run_in(project: Project, service: str, code: str) -> str:
    """What a program in the service's container prints. It has `boto3`, `json` and `os`."""
    return docker("exec", project.container(service), "python3", "-c", f"import boto3, json, os\n{code}")


def client(project: Project, service: str) -> Any:
    """A client of the endpoint on this machine."""
    port = docker("port", project.container("aws")).split(":")[-1].strip()
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    url = f"http://127.0.0.1:{port}"
    return session.create_client(service, region_name="us-east-1", endpoint_url=url)
