"""A load balancer is asked at its published port, whatever its container looks like."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace as replaced

import pytest

from emulator.engine.interface import ContainerState
from emulator.frontdoor.haproxy import request
from emulator.runtime.listeners import front_probe
from emulator.runtime.listeners.front_probe import FrontWatch, restart_silent_fronts
from emulator.runtime.listeners.port_choice import AskedPorts
from emulator.runtime.listeners.probe import PROBE_HEADER, silent, why_silent
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.reports.overview import overview
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service


class Server:
    """Takes connections on a port of 127.0.0.1, reads what comes and answers with this."""

    def __init__(self, answer: bytes) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(1000))
                connection.sendall(self._answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(b"HTTP/1.1 405 Not Allowed\r\n\r\n")
    yield made
    made.close()


@pytest.fixture
def closed() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def http(port: int) -> PublishedListener:
    return PublishedListener("", 80, "HTTP", port)


def test_one_that_answers(server: Server) -> None:
    assert why_silent(http(server.port)) is None
    assert server.asked[0].startswith(b"TRACE / HTTP/1.1\r\n"), "which no load balancer passes on"


def test_one_that_nothing_listens_for(closed: int) -> None:
    assert silent([http(closed)]) == {closed: "nothing listens there"}


def test_one_that_closes_connections() -> None:
    server = Server(b"")
    assert why_silent(http(server.port)) == "the connection was closed without an answer"
    server.close()


def test_one_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert why_silent(http(listener.getsockname()[1]), 0.05) == "no answer within 0.05 s"


@pytest.mark.parametrize("protocol", ["TCP", "TLS", "UDP"])
def test_a_network_load_balancer_is_not_asked(protocol: str, closed: int) -> None:
    assert why_silent(PublishedListener("queue", 5000, protocol, closed)) is None


class TestRestart:
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch, closed: int) -> Iterator[Bench]:
        """An environment in memory, whose load balancer no port leads to."""
        made = Bench()
        monkeypatch.setattr(front_probe, "is_local", lambda engine: True)
        from emulator.runtime.listeners.port_choice import with_ports
        from tests.unit.runtime.world import desired_state

        state = desired_state(make_service(target=("hello", 80)))
        made.start(with_ports(state, AskedPorts(http=closed), made.observed, frozenset()))
        made.engine.calls.clear()
        yield made
        made.close()

    def test_it_is_stopped_and_started(self, bench: Bench) -> None:
        [said] = restart_silent_fronts(bench.engine, bench.observed)
        assert "(nothing listens there); it was restarted" in said
        assert bench.did("stop", "start") == ["stop front", "start front"]
        assert bench.observed.front is not None
        assert bench.observed.front.state is ContainerState.RUNNING

    def test_one_that_does_not_run_is_left_to_the_agent(self, bench: Bench) -> None:
        bench.engine.stop(DEMO.front, 0)
        bench.engine.calls.clear()
        assert restart_silent_fronts(bench.engine, bench.observed) == []
        assert bench.did("stop", "start") == []

    def test_ports_of_another_machine_are_not_asked(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(front_probe, "is_local", lambda engine: False)
        assert restart_silent_fronts(bench.engine, bench.observed) == []

    def test_a_command_that_stays_asks_now_and_then(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        watch = FrontWatch(bench.engine, bench.emit)
        watch.look(bench.observed)
        assert bench.warnings() == []
        monkeypatch.setattr("emulator.runtime.listeners.front_probe.time.monotonic", lambda: float("inf"))
        watch.look(bench.observed)
        assert len(bench.warnings()) == 1

    def test_a_listing_says_what_does_not_answer(self, bench: Bench, closed: int) -> None:
        found = overview(bench.engine, DEMO, silent=silent)
        assert [line for line in found.failures if f"127.0.0.1:{closed} does not answer" in line]
        assert replaced(found, failures=()).listeners == overview(bench.engine, DEMO).listeners


def test_the_probe_is_what_the_load_balancer_does_not_log() -> None:
    assert PROBE_HEADER == request.PROBE_HEADER
