"""Programs that listen where Service Connect's proxy does not reach them are named, whoever asks their health."""

from __future__ import annotations

import pytest

from emulator.engine.fake import Behaviour
from emulator.errors import EngineTimeout
from emulator.runtime.health.own_address import LOOKS, OwnAddresses
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.health.test_ports import row, table
from tests.unit.runtime.test_connect_proxy import proxied
from tests.unit.runtime.world import DEMO, connected

API, WEB = connected("api", serves="api"), connected("web")
OWN, EVERYWHERE, LOOPBACK, OTHER = "030011AC:1F90", "00000000:1F90", "0100007F:1F90", "030011AC:0050"
WARNING = "api listens on 172.17.0.3:8080 alone, and Service Connect's proxy leads to 127.0.0.1:8080"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.engine.add_image("envoy:1")
    return bench


def watch(bench: Bench) -> OwnAddresses:
    state = proxied(API, WEB)
    bench.start(state)
    return OwnAddresses(bench.engine, state, bench.emit)


def listens(bench: Bench, *addresses: str) -> None:
    bench.engine.behave("*-pause", Behaviour(exec=table(*(row(one, 7) for one in addresses))))


@pytest.mark.parametrize(
    ("addresses", "warned"),
    [([OWN], True), ([OWN, LOOPBACK], False), ([EVERYWHERE], False), ([LOOPBACK], False), ([OWN, OTHER], True)],
)
def test_one_is_named_once(bench: Bench, addresses: list[str], warned: bool) -> None:
    listens(bench, *addresses)
    found = watch(bench)
    assert found.look_now(bench.observed), "all is known"
    found.look_now(bench.observed)
    assert bench.warnings() == ([WARNING] if warned else [])


def test_it_is_looked_again_while_nothing_listens(bench: Bench) -> None:
    listens(bench, OTHER)
    found = watch(bench)
    assert not found.look_now(bench.observed)
    assert bench.warnings() == []


def test_a_listing_that_fails_is_made_again(bench: Bench) -> None:
    listens(bench, OWN)
    found = watch(bench)
    bench.engine.fail("list_containers", EngineTimeout("Docker did not list containers within 30 s"))
    found.wait(DEMO, bench.cancelled, 60.0)
    assert bench.warnings() == [WARNING]


def test_where_it_listens_at_last_is_said_in_its_time(bench: Bench) -> None:
    now = 0.0
    listens(bench, OWN)
    state = proxied(API)
    bench.start(state)
    found = OwnAddresses(bench.engine, state, bench.emit, lambda: now)
    found.look(bench.observed)
    assert bench.warnings() == [], "it has only just started"
    now = LOOKS[0]
    found.look(bench.observed)
    assert bench.warnings() == [WARNING]
