"""An environment of one service, and the ECS API of it as pipelines meet it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.docker.command import COMMAND, Command
from tests.docker.project import MakeProject, Project, Result, Running, projects

MANIFEST = """\
name: web
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 8080}
command: sh -c 'trap "exit 0" TERM; echo $COLOUR > /index.html; httpd -f -p 8080 -h / & wait'
http: {path: /, healthcheck: {path: /index.html, interval: 5s, healthy_threshold: 1, grace_period: 1s}}
variables: {COLOUR: red}
secrets: {TOKEN: /web/token}
cpu: 256
memory: 512
"""
SECRET = "correct-horse-battery"


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline has: an address, and a cluster with the service `web`."""

    project: Project
    url: str
    data: Path
    """Where the API keeps task definitions."""

    def up(self) -> Result:
        """`up -d` by the user of the API: its revision is none that is registered."""
        return self.project.run("up", "-d", variables={"XDG_DATA_HOME": str(self.data)})

    @property
    def cluster(self) -> str:
        return f"{self.project.app}-test"

    @property
    def variables(self) -> dict[str, str]:
        """The variables that lead AWS's tools to it, and nothing of this machine's own configuration of them."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @cached_property
    def ecs(self) -> Any:
        """A client of boto3, which takes longer to make than most answers."""
        return boto3.client(
            "ecs",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def service(self, name: str = "web") -> dict[str, Any]:
        """DescribeServices of one."""
        [found] = self.ecs.describe_services(cluster=self.cluster, services=[name])["services"]
        return dict(found)

    def definition(self, name: str | None = None, **changes: Any) -> dict[str, Any]:
        """The input of RegisterTaskDefinition: what the service runs on, with changes of its container."""
        described = self.ecs.describe_task_definition(taskDefinition=name or self.service()["taskDefinition"])
        found = {key: described["taskDefinition"][key] for key in KEPT if key in described["taskDefinition"]}
        found["containerDefinitions"][0].update(changes)
        return found

    def wait(self, waiter: str, **what: Any) -> None:
        """One of boto3's waiters, which asks more often than every 15 s."""
        config = {"Delay": 1, "MaxAttempts": 90}
        self.ecs.get_waiter(waiter).wait(cluster=self.cluster, WaiterConfig=config, **what)


KEPT = ("family", "containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities", "taskRoleArn")


make_lasting_project = pytest.fixture(projects, scope="session", name="make_lasting_project")


@pytest.fixture(scope="session")
def pipeline(make_lasting_project: MakeProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The service runs, steady, and the API answers for it. Its modules are in one group, so that they share it."""
    project = make_lasting_project("")
    project.write("copilot/web/manifest.yml", MANIFEST)
    project.write(".copilot-local/secrets.env", f"TOKEN={SECRET}\n")
    project.up()
    data = tmp_path_factory.mktemp("data")
    with api(project.folder, data) as url:
        found = Pipeline(project, url, data)
        found.wait("services_stable", services=["web"])
        yield found


class api:
    """The command `copilot-local api` in a folder, with what it keeps in `data`; gives its address."""

    def __init__(self, folder: Path, data: Path, *options: str) -> None:
        words = [str(COMMAND), "api", "--port", "0", *options]
        self._running = Running(Command(words, folder, {**os.environ, "XDG_DATA_HOME": str(data)}))

    def __enter__(self) -> str:
        self._running.wait_for("AWS_REGION")
        found = re.search(r"AWS_ENDPOINT_URL_ECS=(\S+)", self._running.printed())
        assert found is not None
        return found[1]

    def __exit__(self, *_: object) -> None:
        self._running.end(signal.SIGTERM)
