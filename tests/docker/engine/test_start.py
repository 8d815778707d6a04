"""What can go wrong at a start, and what a spec's fields do inside of the container."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest

from emulator.engine.connect import connect
from emulator.engine.docker import engine as limits
from emulator.engine.interface import ContainerState, Engine, File, Mount, PublishedPort, UlimitSpec
from emulator.errors import EngineError, EngineTimeout, LogDriverNotReady, PortInUse
from tests.unit.engine.contract import Lab

pytestmark = pytest.mark.docker

LISTENER = """
import os, socket, threading
path = "/var/run/fluent.sock"
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
def drain(connection):
    while connection.recv(65536):
        pass
print("listening", flush=True)
while True:
    threading.Thread(target=drain, args=(server.accept()[0],), daemon=True).start()
"""


def test_a_port_of_a_program_on_the_host_is_in_use(lab: Lab, engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        container = lab.create("one", ports=(PublishedPort(80, port),))
        with pytest.raises(PortInUse, match=f"port {port} is in use"):
            engine.start(container)
    engine.start(container)
    assert lab.rows()["one"].ports == (PublishedPort(80, port),)


def test_a_program_that_is_not_in_the_image_gets_a_hint_and_leaves_no_hold_on_its_network(
    lab: Lab, engine: Engine
) -> None:
    engine.ensure_network(lab.name("net"), lab.labels)
    container = lab.create("one", command=("no-such-program",), init=False, network=lab.name("net"))
    with pytest.raises(EngineError, match="no-such-program") as caught:
        engine.start(container)
    assert "entryPoint" in caught.value.hint
    assert lab.rows()["one"].addresses == {}, "no address either"
    engine.remove(container)
    engine.remove_network(lab.name("net"))


def test_a_container_waits_for_its_log_router_and_hangs_without_it(
    lab: Lab, engine: Engine, local_image: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon itself connects to the router's socket, through the volume's place on its host."""
    volume = engine.ensure_volume(lab.name("socket"), lab.labels)
    address = f"unix://{PurePosixPath(volume) / 'fluent.sock'}"
    options = {"fluentd-address": address, "fluentd-async": "false", "fluentd-retry-wait": "100ms"}
    printing = ("sh", "-c", "while echo line; do sleep 0.02; done")
    app = lab.create("app", command=printing, log_driver="fluentd", log_options=options)
    with pytest.raises(LogDriverNotReady, match="fluent"):
        engine.start(app)

    router = lab.create(
        "router",
        image=local_image("python:3.13-slim"),
        command=("python3", "-c", LISTENER),
        mounts=(Mount(lab.name("socket"), "/var/run"),),
    )
    engine.start(router)
    assert next(engine.logs(router, follow=True)).text == "listening"
    engine.start(app)
    assert lab.rows()["app"].state is ContainerState.RUNNING

    engine.kill(router)
    lab.exited("router")
    for limit in ("STOP_SLACK", "KILL_TIMEOUT", "REMOVE_TIMEOUT"):
        monkeypatch.setattr(limits, limit, 1.0)
    with pytest.raises(EngineTimeout, match="Docker did not stop"):
        engine.stop(app, 0)
    with pytest.raises(EngineTimeout, match="Docker did not remove"):
        engine.remove(app)
    begun = time.monotonic()
    assert lab.rows()["app"].id == app
    assert time.monotonic() - begun < 5, "a listing that hangs takes ten seconds"

    monkeypatch.undo()
    engine.start(router)
    engine.remove(app)
    assert "app" not in lab.rows()


def test_what_a_spec_says_holds_inside(lab: Lab, engine: Engine) -> None:
    engine.ensure_network(lab.name("net"), lab.labels)
    container = lab.run(
        "one",
        environment={"GREETING": "hello = world"},
        user="1000:1000",
        working_directory="/tmp",
        hostname="inside",
        network=lab.name("net"),
        network_aliases=("alias",),
        extra_hosts=("host.docker.internal:host-gateway", "fixed:10.1.2.3"),
        dns_search=("test.local",),
        tmpfs={"/scratch": "size=1m,mode=1777"},
        read_only=True,
        ulimits=(UlimitSpec("nofile", 4096, 4096),),
        sysctls={"net.ipv6.conf.all.disable_ipv6": "1"},
        memory=64 * 1024 * 1024,
        cap_drop=("ALL",),
        mounts=(Mount(engine.agent_socket(), "/docker.sock", bind=True),),
    )

    def out(script: str) -> str:
        result = engine.exec(container, ["sh", "-c", script])
        assert result.exit_code == 0, result
        return result.stdout.decode().strip()

    assert out("echo $GREETING; id -u; id -g; pwd; hostname; ulimit -Sn; ulimit -Hn").splitlines() == [
        *("hello = world", "1000", "1000", "/tmp", "inside", "4096", "4096")
    ]
    looks = (
        "cat /proc/sys/net/ipv6/conf/all/disable_ipv6; grep -c host.docker.internal /etc/hosts; grep fixed /etc/hosts",
        "echo x > /scratch/file; touch /elsewhere 2> /dev/null || echo refused",
        "test -S /docker.sock && echo the daemon listens there; grep CapPrm /proc/self/status",
    )
    assert out("; ".join(looks)).splitlines() == [
        *("1", "1", "10.1.2.3\tfixed", "refused", "the daemon listens there", "CapPrm:\t0000000000000000")
    ]
    assert "test.local" in out("cat /etc/resolv.conf")
    assert engine.exec(lab.run("two", network=lab.name("net")), ["ping", "-c1", "alias"]).exit_code == 0


def test_an_owner_of_a_namespace_and_its_members_share_localhost(lab: Lab, engine: Engine) -> None:
    owner = lab.run("pause")
    server = lab.create(
        "server", command=("httpd", "-f", "-p", "127.0.0.1:4000", "-h", "/tmp"), network=f"container:{owner}"
    )
    engine.put_files(server, "/tmp", [File("hello", b"from next door")])
    engine.start(server)
    end = time.monotonic() + 60
    while (result := engine.exec(owner, ["wget", "-qO-", "http://localhost:4000/hello"])).exit_code:
        assert time.monotonic() < end, result
        time.sleep(0.05)
    assert result.stdout == b"from next door"


def test_processes_that_make_one_network_at_once_leave_one(lab: Lab, engine: Engine) -> None:
    """Each engine is a process of its own, as far as Docker can tell."""
    engines = [connect() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: one.ensure_network(lab.name("net"), lab.labels), engines))
    for one in engines:
        one.close()
    lab.run("one", network=lab.name("net"))
    assert list(lab.rows()["one"].addresses) == [lab.name("net")]
    engine.kill(lab.name("one"))
    lab.exited("one")
    engine.remove_network(lab.name("net"))
    assert engine.list_networks(lab.labels) == []


def test_the_daemon_tells_what_it_is(engine: Engine) -> None:
    info = engine.info()
    assert "fluentd" in info.log_drivers
    assert info.architecture in {"amd64", "arm64"}
    assert info.cgroup_version in {1, 2}
    assert engine.info() is info
