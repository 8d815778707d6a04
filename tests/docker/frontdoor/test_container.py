"""The front as it really runs: HAProxy's user, no capabilities, its folder on a volume, the published command."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from emulator.ecs.service import ListenerRule, PathPattern, Redirect, Service
from emulator.engine.connect import connect
from emulator.engine.interface import ContainerSpec, Engine, File, Mount, PublishedPort, UlimitSpec
from emulator.frontdoor import COMMAND, FOLDER, NOFILE, USER_ID, FrontFiles, front_configuration
from emulator.settings import load_settings
from tests.docker.frontdoor.conftest import fetch, wait_until
from tests.frontdoor_table import service_with

pytestmark = pytest.mark.docker


def service(path: str) -> Service:
    rule = ListenerRule(
        name="rule", conditions=[PathPattern(values=[path])], action=Redirect(path="/there"), priority=1
    )
    return service_with([rule], [])


@dataclass
class Running:
    engine: Engine
    container: str

    @property
    def port(self) -> int:
        (row,) = self.engine.list_containers({"copilot-local.app": self.container})
        return row.ports[0].host_port

    def put(self, written: FrontFiles) -> None:
        folders = [File(path, mode=0o750, uid=USER_ID, gid=USER_ID, directory=True) for path in (".", "run")]
        files = [File(path, content, uid=USER_ID, gid=USER_ID) for path, content in written.files.items()]
        self.engine.put_files(self.container, FOLDER, [*folders, *files])

    def status(self, path: str) -> int | None:
        """None while nothing listens."""
        try:
            return fetch(self.port, "GET", path, [("Host", "h.test")]).status
        except ConnectionError:
            return None


@pytest.fixture
def running() -> Iterator[Running]:
    engine = connect()
    name = f"cl-test-front-{uuid.uuid4().hex[:12]}"
    labels = {"copilot-local.app": name}
    image = load_settings().substitute.get("haproxy:3.0", "haproxy:3.0")
    engine.ensure_volume(name, labels)
    try:
        engine.create_container(
            ContainerSpec(
                name=name,
                image=image,
                labels=labels,
                entrypoint=COMMAND[:1],
                command=COMMAND[1:],
                user=f"{USER_ID}:{USER_ID}",
                ports=(PublishedPort(8080, 0),),
                mounts=(Mount(name, FOLDER, copy=False),),
                cap_drop=("ALL",),
                ulimits=(UlimitSpec("nofile", NOFILE, NOFILE),),
            )
        )
        yield Running(engine, name)
    finally:
        engine.remove(name)
        engine.remove_volume(name)
        engine.close()


def test_it_starts_serves_and_loads_new_rules_on_a_signal(running: Running) -> None:
    running.put(front_configuration([service("/one")], ()))
    running.engine.start(running.container)
    wait_until(lambda: running.status("/one") == 301, "the first rules")
    assert running.status("/two") == 503
    running.put(front_configuration([service("/two")], ()))
    running.engine.kill(running.container, "SIGUSR2")
    wait_until(lambda: running.status("/two") == 301, "the new rules")
    wait_until(lambda: running.status("/one") == 503, "the end of the old rules")


def test_it_says_nothing_is_wrong_when_it_starts(running: Running) -> None:
    running.put(front_configuration([service("/one")], ()))
    running.engine.start(running.container)
    wait_until(lambda: running.status("/one") == 301, "the rules")
    said = [line.text for line in running.engine.logs(running.container)]
    assert [line for line in said if "[WARNING]" in line or "[ALERT]" in line] == []


def test_a_configuration_that_haproxy_refuses_leaves_the_old_rules_in_force(running: Running) -> None:
    running.put(front_configuration([service("/one")], ()))
    running.engine.start(running.container)
    wait_until(lambda: running.status("/one") == 301, "the first rules")
    running.engine.put_files(running.container, FOLDER, [File("haproxy.cfg", b"nonsense\n", uid=USER_ID)])
    running.engine.kill(running.container, "SIGUSR2")
    logs = running.engine.logs
    wait_until(lambda: any("nonsense" in line.text for line in logs(running.container)), "the complaint")
    assert running.status("/one") == 301
