"""Ports of a Docker daemon elsewhere, led to this machine."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec, PublishedPort
from emulator.events import Event
from emulator.runtime.control.forward import Forwarding, way_there
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import observe

SHOP = Names("shop", "test")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


class Far:
    """A daemon whose containers give back what they are sent."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.engine.add_image("busybox:1.37")
        self.told: list[Event] = []
        self.start(SHOP.agent, Role.AGENT)
        self.leads = Forwarding(self.engine, SHOP, self.told.append)

    def start(self, name: str, role: Role, *ports: PublishedPort) -> None:
        spec = ContainerSpec(name, "busybox:1.37", labels=SHOP.labels(role), ports=ports)
        self.engine.start(self.engine.create_container(spec))

    def look(self) -> None:
        self.leads.look(observe(self.engine, SHOP))


@pytest.fixture
def far() -> Iterator[Far]:
    found = Far()
    with contextlib.closing(found.leads):
        yield found


def test_every_port_of_tcp_that_a_container_publishes_is_led_here(far: Far) -> None:
    front, aws, udp = free_port(), free_port(), free_port()
    far.start("front", Role.FRONT, PublishedPort(8080, front))
    far.start("aws", Role.AWS, PublishedPort(4566, aws))
    far.start("relay", Role.UDP_RELAY, PublishedPort(53, udp, protocol="udp"))
    far.look()
    assert far.leads.ports == sorted([front, aws])
    with socket.create_connection(("127.0.0.1", aws), 10) as connection:
        connection.sendall(b"\x00 not a line")
        assert connection.recv(100) == b"\x00 not a line"
    assert far.engine.execs[-1] == (SHOP.agent, ("python3", "-S", "-m", "emulator.agent.api.bridge", "tcp:aws:4566"))
    far.engine.remove("front")
    far.look()
    assert far.leads.ports == [aws]


def test_a_port_that_another_program_has_is_told_once(far: Far) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        far.start("front", Role.FRONT, PublishedPort(8080, port))
        far.look()
        far.look()
    assert far.leads.ports == []
    [event] = far.told
    assert f"127.0.0.1:{port} of this machine is taken" in event.message


@pytest.mark.parametrize(
    ("host", "command"),
    [
        ("ssh://me@far:2222", "ssh -N -L 8080:127.0.0.1:8080 -L 4566:127.0.0.1:4566 -p 2222 me@far"),
        ("tcp://10.0.0.5:2376", "ssh -N -L 8080:127.0.0.1:8080 -L 4566:127.0.0.1:4566 10.0.0.5"),
    ],
)
def test_the_tunnel_that_is_named(host: str, command: str) -> None:
    assert f"`{command}`" in way_there(host, [8080, 4566])
