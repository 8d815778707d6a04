"""An environment comes up at the ports it had when it last ran."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.events import Event, EventKind
from emulator.runtime.listeners import taken_ports
from emulator.runtime.listeners.front_ports import published
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.listeners.remembered_ports import forget, remember, remembered
from emulator.runtime.listeners.taken_ports import tell_taken
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import desired_state, make_service, nginx_sidecar

SHOP = Names("shop", "test")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def port() -> int:
    """A port that is free, and none of those that are taken by default."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


class Ups:
    """`up` of a service, as far as ports are concerned."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def up(self, names: Names = SHOP, asked: int | None = None) -> DesiredState:
        before = remembered(names)
        options = AskedPorts(http=asked)
        state = desired_state(make_service(target=("hello", 80)))
        found = with_ports(state, options, Observed([]), frozenset(), before=before)
        remember(names, found, before, options.values(), self.told)
        return found

    def told(self, event: Event) -> None:
        assert event.kind is EventKind.WARNING
        self.warnings.append(event.message)


def test_the_port_stays_after_down(port: int) -> None:
    ups = Ups()
    assert ups.up(asked=port).front_port == port
    assert [ups.up().front_port for _ in range(2)] == [port, port]
    assert ups.up(Names("other", "test")).front_port != port
    assert ups.warnings == []
    forget(SHOP)
    assert remembered(SHOP) == {}


def test_another_program_on_it_is_told_and_the_new_port_stays(port: int) -> None:
    ups = Ups()
    ups.up(asked=port)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        moved = ups.up().front_port
        assert moved != port
        assert ups.warnings == [
            f"another program has port {port}, where the public load balancer's HTTP was: it is at {moved} now"
        ]
    assert ups.up().front_port == moved
    assert len(ups.warnings) == 1


def test_a_test_keeps_nothing(port: int, cache: Path) -> None:
    own = replace(SHOP, owner="1@here")
    Ups().up(own, asked=port)
    assert remembered(own) == {}
    assert not list(cache.rglob("*.json"))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"public//80/HTTP": "x"}', '{"public//80/HTTP": 99999}'])
def test_a_file_that_holds_no_ports_is_as_none(port: int, cache: Path, content: str) -> None:
    ups = Ups()
    ups.up(asked=port)
    [file] = cache.rglob("*.json")
    file.write_text(content)
    assert remembered(SHOP) == {}
    assert ups.up().front_port > 0


def test_another_port_than_the_first_choice_is_told_with_who_has_that_one(bench: Bench) -> None:
    bench.up(nginx_sidecar()).hand_over()
    theirs = host_port_of(bench)
    told: list[str] = []

    def tell(before: dict[str, int], asked: list[int], first: int, names: Names = SHOP) -> None:
        state = desired_state(make_service(target=("hello", 80))).model_copy(update={"front_port": theirs + 1})
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(taken_ports._FIRST, "public//80/HTTP", first)
            tell_taken(bench.engine, names, state, before, asked, lambda event: told.append(event.message))

    tell({}, [], first=theirs)
    assert told == [f"port {theirs} is taken (demo/test): {theirs + 1}"]
    told.clear()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        other = server.getsockname()[1]
        tell({}, [], first=other)
    [said] = told
    assert re.fullmatch(rf"port {other} is taken \((another program|.+, process {os.getpid()})\): {theirs + 1}", said)
    told.clear()
    tell({}, [theirs + 1], first=theirs)
    tell({"public//80/HTTP": theirs + 1}, [], first=theirs)
    tell({}, [], first=theirs + 1)
    assert told == []


def host_port_of(bench: Bench) -> int:
    """Where the load balancer of what runs is published."""
    [listener] = [one for one in published(bench.observed) if one.protocol == "HTTP"]
    return listener.host_port
