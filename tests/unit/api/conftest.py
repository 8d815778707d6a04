from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from emulator.api.clusters import Clusters
from emulator.api.host import Host
from emulator.api.serve import serving
from emulator.ecs.service import Service
from emulator.runtime.planning.up_request import SupportImages
from emulator.runtime.state.desired import Private
from emulator.settings_attended import Native
from emulator.setup.store import Store
from tests.unit.agent.conftest import folder, rig, until
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import AGENT, FRONT, PAUSE, desired_state, make_service

__all__ = ["folder", "rig", "until"]


@dataclass
class Api:
    """The API over an agent that has one service, `hello`, with a task definition of Fargate's."""

    rig: Rig
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str = "ecs", region: str = "us-east-1") -> Any:
        """A client of boto3 as pipelines make it."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def api(rig: Rig, tmp_path: Path) -> Iterator[Api]:
    with answering(rig, tmp_path, make_service(count=2, cpu="256", memory="512")) as found:
        yield found


def in_threads(api: Api) -> None:
    """Has the agent carry out what it is asked for beside the caller, as it does outside of tests."""
    api.rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    api.rig.supervisor.task_runs.spawn = api.rig.spawn
    threading.Thread(target=api.rig.monitor.run, daemon=True).start()


@contextmanager
def answering(rig: Rig, folder: Path, service: Service, *, native: bool = False) -> Iterator[Api]:
    """The API over an agent that runs a service; `native`: a program of this machine in its main container's place."""
    state = desired_state(service)
    if native:
        state.services[service.name].options.native = Native()
    rig.boot(state)
    lease = rig.agent.hold(Private())
    lease.begin(state, Private())
    lease.hand_over()
    rig.supervisor.look()
    rig.watch()
    engine = rig.engine
    support = SupportImages(PAUSE, FRONT, lambda _: AGENT)
    (folder / "workspace").mkdir()
    clusters = Clusters(engine, Host(engine, folder / "workspace", support), Store(folder / "ecs"))
    with serving(clusters, 0) as port:
        yield Api(rig, port)
