"""The front as it really runs: HAProxy's user, no capabilities, its folder on a volume, the published command."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from emulator.ecs.service import ListenerRule, PathPattern, Redirect, Service
from emulator.engine.connect import connect
from emulator.engine.interface import ContainerSpec, Engine, File, Mount, PublishedPort, UlimitSpec
from emulator.frontdoor.haproxy.admin import RELOAD, reload_problem
from emulator.frontdoor.haproxy.configuration import SHOW_KEY, FrontFiles, front_configuration
from emulator.frontdoor.options import ADMIN_SOCKET, COMMAND, FOLDER, MASTER_SOCKET, NOFILE, RUN_FOLDER, USER_ID
from emulator.settings import load_settings
from tests.docker.frontdoor.conftest import fetch, wait_until
from tests.frontdoor_table import service_with

pytestmark = pytest.mark.docker


def service(path: str) -> Service:
    rule = ListenerRule(
        name="rule", conditions=[PathPattern(values=[path])], action=Redirect(path="/there"), priority=1
    )
    return service_with([rule], [])


# Run in a second container with the front's volume, as the agent does.
ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    connection.sendall(sys.argv[2].encode() + b"\\n")
    print(b"".join(iter(lambda: connection.recv(65536), b"")).decode())
"""


def image(reference: str) -> str:
    return load_settings().references.get(reference, reference)


@dataclass
class Running:
    """A front, and a container beside it that speaks to its sockets."""

    engine: Engine
    name: str

    @property
    def port(self) -> int:
        rows = self.engine.list_containers({"copilot-local.app": self.name})
        return next(row.ports[0].host_port for row in rows if row.name == self.name)

    def put(self, written: FrontFiles) -> None:
        folders = [File(path, mode=0o750, uid=USER_ID, gid=USER_ID, directory=True) for path in (".", RUN_FOLDER)]
        files = [File(path, content, uid=USER_ID, gid=USER_ID) for path, content in written.files.items()]
        self.engine.put_files(self.name, FOLDER, [*folders, *files])

    def ask(self, socket: str, command: str) -> str:
        """The answer to a command on one of the front's sockets."""
        result = self.engine.exec(f"{self.name}-beside", ("python3", "-c", ASK, f"{FOLDER}/{socket}", command))
        assert result.exit_code == 0, result.stderr.decode()
        return result.stdout.decode()

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
    mounts = (Mount(name, FOLDER, copy=False),)
    engine.ensure_volume(name, labels)
    try:
        engine.create_container(
            ContainerSpec(
                name=name,
                image=image("haproxy:3.0"),
                labels=labels,
                entrypoint=COMMAND[:1],
                command=COMMAND[1:],
                user=f"{USER_ID}:{USER_ID}",
                ports=(PublishedPort(8080, 0),),
                mounts=mounts,
                cap_drop=("ALL",),
                ulimits=(UlimitSpec("nofile", NOFILE, NOFILE),),
            )
        )
        beside = ContainerSpec(
            name=f"{name}-beside",
            image=image("python:3.13-slim"),
            labels=labels,
            entrypoint=("sleep", "600"),
            mounts=mounts,
            init=True,
        )
        engine.start(engine.create_container(beside))
        yield Running(engine, name)
    finally:
        engine.remove(f"{name}-beside")
        engine.remove(name)
        engine.remove_volume(name)
        engine.close()


def test_it_starts_serves_and_loads_new_rules(running: Running) -> None:
    running.put(front_configuration([service("/one")], ()))
    running.engine.start(running.name)
    wait_until(lambda: running.status("/one") == 301, "the first rules")
    said = [line.text for line in running.engine.logs(running.name)]
    assert [line for line in said if "[WARNING]" in line or "[ALERT]" in line] == [], "nothing is wrong when it starts"
    assert running.status("/two") == 503
    written = front_configuration([service("/two")], ())
    running.put(written)
    assert reload_problem(running.ask(MASTER_SOCKET, RELOAD)) is None
    wait_until(lambda: written.rules_key in running.ask(ADMIN_SOCKET, SHOW_KEY), "the key of the new rules")
    wait_until(lambda: running.status("/two") == 301, "the new rules")
    wait_until(lambda: running.status("/one") == 503, "the end of the old rules")


def test_a_configuration_that_haproxy_refuses_leaves_the_old_rules_in_force(running: Running) -> None:
    running.put(front_configuration([service("/one")], ()))
    running.engine.start(running.name)
    wait_until(lambda: running.status("/one") == 301, "the first rules")
    running.engine.put_files(running.name, FOLDER, [File("haproxy.cfg", b"nonsense\n", uid=USER_ID)])
    problem = reload_problem(running.ask(MASTER_SOCKET, RELOAD))
    assert problem is not None
    assert "unknown keyword 'nonsense'" in problem
    assert running.status("/one") == 301
