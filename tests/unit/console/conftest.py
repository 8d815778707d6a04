"""A console over an agent and an engine in memory, asked over its real port."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.console.serve import Address, serving
from emulator.ecs.service import Service
from emulator.engine.interface import File
from emulator.model import to_json
from emulator.runtime.specs.agent import STATE_FILE, STATE_FOLDER
from emulator.runtime.state.desired import Private
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

TIMEOUT = 20


@dataclass(frozen=True)
class Answered:
    """An answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Page:
    """The console's page, as its browser asks."""

    address: Address

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.address.port}"

    def headers(self, **others: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.address.token}", **others}

    def raw(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answered:
        """Sends exactly these headers, and `Host` where it is not among them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answered:
        return self.raw("GET", path, self.headers())

    def post(self, path: str, body: object) -> Answered:
        return self.raw("POST", path, self.headers(**{"Content-Type": "application/json"}), json.dumps(body).encode())

    def stream(self, query: str) -> Iterator[dict[str, Any]]:
        """The messages of a stream, as they come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=TIMEOUT)
        try:
            connection.request("GET", f"/api/stream?{query}", headers=self.headers())
            response = connection.getresponse()
            assert response.status == 200, response.read()
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def first(self, kind: str, query: str = "") -> Any:
        """The first value of a kind, that is not empty, which a stream tells."""
        return next(it["v"] for it in self.stream(f"kinds={kind}{query}") if it["k"] == kind and it["v"])


def begin(rig: Rig, *services: Service, private: Private | None = None) -> None:
    """Lets the agent run these services, as after `up`; what should run is in its container too."""
    state = desired_state(*services)
    supervisor = rig.boot(state)
    rig.engine.put_files(DEMO.agent, STATE_FOLDER, [File(STATE_FILE, to_json(state))])
    rig.agent.hold(private or Private()).hand_over()
    supervisor.look()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def page(rig: Rig) -> Iterator[Page]:
    """An environment in which one task of `hello` runs, behind the load balancer."""
    begin(rig, make_service(target=("hello", 3000)))
    with serving(rig.engine, DEMO) as address:
        yield Page(address)


@pytest.fixture(scope="module")
def shared_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The same for the tests of a file that change nothing."""
    made = Rig(tmp_path_factory.mktemp("rig"))
    begin(made, make_service(target=("hello", 3000)))
    with serving(made.engine, DEMO) as address:
        yield Page(address)
    made.close()
