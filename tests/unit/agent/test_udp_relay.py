"""Datagrams: each flow keeps to one target, flows are spread, and what the agent says counts at once."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.agent.load_balancer.udp_relay import IDLE, Relay, Route, read_routes, write_routes
from emulator.agent.load_balancer.udp_targets import UdpTargets, routes_of
from emulator.frontdoor.options import Target
from emulator.frontdoor.target_health import TargetHealth, TargetState
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from tests.unit.runtime.test_front_ports import network
from tests.unit.runtime.world import World

HOST = "127.0.0.1"


class Echo:
    """A target: answers a datagram with its name and what it got."""

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.address = (HOST, int(self._socket.getsockname()[1]))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(65535)
            if data == b"end":
                self._socket.close()
                return
            self._socket.sendto(self.name + b" " + data, client)

    def close(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"end", self.address)


class Client:
    """A client with a port of its own."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect((HOST, rig.port))
        self._socket.settimeout(10)

    def ask(self, data: bytes = b"x") -> bytes:
        """Who answered."""
        self._socket.send(data)
        self._rig.relay.turn(5)  # to the target
        self._rig.relay.turn(5)  # and back
        return self._socket.recv(65535).partition(b" ")[0]

    def tell(self) -> None:
        """A datagram that goes nowhere."""
        self._socket.send(b"x")
        self._rig.relay.turn(5)

    def close(self) -> None:
        self._socket.close()


class Rig:
    """A relay with a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.control = folder / "udp.sock"
        self.relay = Relay(self.control, [self.port], HOST, lambda: self.now)
        self.targets = [Echo(name) for name in ("a", "b", "c")]
        self._clients: list[Client] = []

    def route(self, *names: str, sticky: bool = False) -> None:
        addresses = sorted(target.address for target in self.targets if target.name.decode() in names)
        self.relay.use({self.port: Route(tuple(addresses), sticky)})

    def clients(self, count: int) -> list[Client]:
        self._clients += [Client(self) for _ in range(count)]
        return self._clients[-count:]

    def close(self) -> None:
        self.relay.close()
        for client in self._clients:
            client.close()
        for target in self.targets:
            target.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def test_flows_are_spread_and_each_keeps_to_its_target(rig: Rig) -> None:
    rig.route("a", "b", "c")
    clients = rig.clients(60)
    first = [client.ask() for client in clients]
    assert set(first) == {b"a", b"b", b"c"}
    assert [client.ask() for client in clients] == first


def test_with_stickiness_the_address_alone_decides(rig: Rig) -> None:
    rig.route("a", "b", "c", sticky=True)
    assert len({client.ask() for client in rig.clients(20)}) == 1


def test_a_flow_outlives_a_target_that_comes_and_loses_one_that_goes(rig: Rig) -> None:
    rig.route("a")
    [client] = rig.clients(1)
    assert client.ask() == b"a"
    rig.route("a", "b")
    assert client.ask() == b"a"
    rig.route("b")
    assert client.ask() == b"b"


def test_without_targets_datagrams_vanish_and_nothing_is_kept(rig: Rig) -> None:
    [client] = rig.clients(1)
    client.tell()
    assert rig.relay.flows == 0
    rig.route("a")
    assert client.ask() == b"a"


def test_an_idle_flow_is_over(rig: Rig) -> None:
    rig.route("a")
    for client in rig.clients(3):
        client.ask()
    assert rig.relay.flows == 3
    rig.now += IDLE + 1
    rig.relay.turn(0)
    assert rig.relay.flows == 0


def test_of_too_many_flows_the_longest_idle_goes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.agent.load_balancer.udp_relay.MOST_FLOWS", 2)
    rig.route("a")
    for client in rig.clients(5):
        rig.now += 1
        client.ask()
    assert rig.relay.flows == 2


def test_a_target_that_does_not_listen_harms_no_other(rig: Rig) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as closed:
        closed.bind((HOST, 0))
        nobody = (HOST, int(closed.getsockname()[1]))
    rig.relay.use({rig.port: Route((nobody,))})
    [client, other] = rig.clients(2)
    client.tell()
    rig.relay.turn(1)  # the refusal
    client.tell()
    rig.route("a")
    assert other.ask() == b"a"
    assert client.ask() == b"a"


class TestARoundInWhichAFlowEndsAndItsTargetAnswers:
    """What makes it end is ready before the answer, both of them before the relay looks."""

    @pytest.fixture
    def target(self) -> Iterator[socket.socket]:
        with socket.socket(type=socket.SOCK_DGRAM) as made:
            made.bind((HOST, 0))
            made.settimeout(10)
            yield made

    def flow(self, rig: Rig, target: socket.socket) -> tuple[str, int]:
        """The relay's address in a new flow to that target."""
        rig.relay.use({rig.port: Route((target.getsockname(),))})
        [client] = rig.clients(1)
        client.tell()
        address: tuple[str, int] = target.recvfrom(10)[1]
        return address

    def test_its_routes_go(self, rig: Rig, target: socket.socket) -> None:
        relay = self.flow(rig, target)
        with closing(UdpTargets(rig.control)) as agent:
            assert agent.tell({rig.port: Route((target.getsockname(),))})
            rig.relay.turn(5)  # the connection
            rig.relay.turn(5)  # its routes
            assert agent.tell({rig.port: Route((rig.targets[0].address,))})
            target.sendto(b"answer", relay)
            rig.relay.turn(5)
            assert rig.relay.flows == 0
        [client] = rig.clients(1)
        assert client.ask() == b"a"

    def test_another_one_takes_its_place(
        self, rig: Rig, target: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("emulator.agent.load_balancer.udp_relay.MOST_FLOWS", 1)
        relay = self.flow(rig, target)
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.sendto(b"hello", (HOST, rig.port))
            target.sendto(b"answer", relay)
            rig.relay.turn(5)
            data, came = target.recvfrom(10)
            assert data == b"hello"
            target.sendto(b"answer", came)
            rig.relay.turn(5)
            other.settimeout(10)
            assert other.recv(10) == b"answer"
        assert rig.relay.flows == 1


def test_a_target_that_cannot_be_reached_any_more_harms_no_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its container is removed: the system says so of the next datagram."""

    class Unreachable(socket.socket):
        def recv(self, size: int, flags: int = 0) -> bytes:
            super().recv(size, flags)
            raise OSError(errno.EHOSTUNREACH, "No route to host")

    rig.route("a")
    [client, other] = rig.clients(2)
    with monkeypatch.context() as patched:
        patched.setattr("emulator.agent.load_balancer.udp_relay.socket.socket", Unreachable)
        client.tell()
    rig.relay.turn(5)  # the target's answer
    assert other.ask() == b"a"


def test_where_no_file_is_left_for_a_new_flow_the_others_go_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.route("a")
    [client, other] = rig.clients(2)
    assert client.ask() == b"a"

    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("emulator.agent.load_balancer.udp_relay.socket.socket", refuse)
        other.tell()
    assert client.ask() == b"a"
    assert other.ask() == b"a"


def test_routes_are_read_as_they_were_written() -> None:
    routes = {20000: Route((("10.0.0.1", 53), ("10.0.0.2", 53)), sticky=True), 20001: Route()}
    assert read_routes(write_routes(routes).strip()) == routes


class TestTelling:
    def test_it_is_told_over_its_socket_and_again_after_a_restart(self, rig: Rig, tmp_path: Path) -> None:
        agent = UdpTargets(rig.control)
        routes = {rig.port: Route((rig.targets[0].address,))}
        assert agent.tell(routes)
        rig.relay.turn(5)
        rig.relay.turn(5)
        [client] = rig.clients(1)
        assert client.ask() == b"a"
        assert agent.tell(routes), "nothing new is nothing to say"
        rig.relay.close()
        assert not agent.tell(routes) or not agent.tell(routes), "it has gone"
        rig.relay = Relay(rig.control, [rig.port], HOST, lambda: rig.now)
        while not agent.tell(routes):
            pass
        rig.relay.turn(5)
        rig.relay.turn(5)
        assert client.ask() == b"a"
        agent.close()

    def test_all_is_told_over_one_connection(self, folder: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "udp.sock"))
            listener.listen()
            agent = UdpTargets(folder / "udp.sock")
            one, other = {20000: Route((("10.0.0.1", 53),))}, {20000: Route((("10.0.0.2", 53),))}
            assert all(agent.tell(routes) for routes in (one, one, other))
            agent.close()
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                assert b"".join(iter(lambda: connection.recv(1 << 16), b"")) == write_routes(one) + write_routes(other)

    @pytest.mark.parametrize(
        ("states", "expected"),
        [
            ({"one": "healthy", "two": "healthy"}, ["10.0.0.1", "10.0.0.2"]),
            ({"one": "healthy", "two": "unhealthy"}, ["10.0.0.1"]),
            ({"one": "unhealthy", "two": "unhealthy"}, ["10.0.0.1", "10.0.0.2"]),
            ({"one": "draining", "two": "initial"}, ["10.0.0.2"]),
            ({"one": "draining", "two": "healthy"}, ["10.0.0.2"]),
        ],
    )
    def test_healthy_targets_get_datagrams_and_all_where_none_is(
        self, states: dict[str, str], expected: list[str]
    ) -> None:
        world = World(network((53, "UDP"), (5000, "TCP")))
        state = with_ports(world.state, AskedPorts(), world.observed, frozenset())
        targets = [Target(name, "hello", "nlb-0", f"10.0.0.{i}", 9000) for i, name in enumerate(states, 1)]
        health = [TargetHealth(name, "hello", "nlb-0", TargetState(found)) for name, found in states.items()]
        assert routes_of(state, targets, health) == {20000: Route(tuple((host, 9000) for host in expected))}
