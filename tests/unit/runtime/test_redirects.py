"""Where connections cannot be led to a proxy, Service Connect does without, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, EngineError, ImageError, Unsupported
from emulator.runtime.execution.redirects import redirect_problem
from emulator.runtime.lifecycle.prepare import prepare
from emulator.runtime.planning.up_request import SupportImages
from emulator.settings import Settings
from emulator.settings_services import ConnectSettings
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, FRONT, PAUSE, connected

PROXY = "envoy:1"


@pytest.fixture
def bench(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bench.engine.add_image(PROXY)
    bench.engine.engine_info = replace(bench.engine.engine_info, id="A1:B2")
    return bench


def refuse(bench: Bench) -> None:
    bench.engine.behave("cl-check-*", Behaviour(exits=(1,), log=("iptables: no chain", "more")))


def test_what_it_can_is_tried_once(bench: Bench) -> None:
    bench.engine.behave("cl-check-*", Behaviour(exits=(0,), log=("ok",)))
    assert redirect_problem(bench.engine, PROXY) == ""
    refuse(bench)
    assert redirect_problem(bench.engine, PROXY) == ""
    assert redirect_problem(bench.engine, PAUSE) == "iptables: no chain", "another image is tried anew"
    assert bench.engine.list_containers({}) == []


def test_what_it_cannot_is_tried_again(bench: Bench) -> None:
    refuse(bench)
    assert redirect_problem(bench.engine, PROXY) == "iptables: no chain"
    bench.engine.behave("cl-check-*", Behaviour(exits=(0,), log=("ok",)))
    assert redirect_problem(bench.engine, PROXY) == ""


def test_a_container_that_does_not_start_is_a_problem_too(bench: Bench) -> None:
    bench.engine.fail("start", EngineError("no capability"), target="cl-check-*")
    assert redirect_problem(bench.engine, PROXY) == "no capability"
    assert bench.engine.list_containers({}) == []


@pytest.mark.parametrize("works", [True, False])
def test_up_goes_on_without_and_says_so(bench: Bench, works: bool) -> None:
    if works:
        bench.engine.behave("cl-check-*", Behaviour(exits=(0,), log=("ok",)))
    else:
        refuse(bench)
    request = replace(
        bench.request(connected("api", serves="api")),
        support=SupportImages(PAUSE, FRONT, lambda _: AGENT, proxy=lambda _: PROXY),
    )
    state = prepare(bench.engine, request, bench.emit)
    assert state.services["api"].proxied is works
    assert state.proxy_image == (PROXY if works else "")
    assert [text.partition(":")[2].strip() for text in bench.warnings()] == ([] if works else ["iptables: no chain"])


@pytest.mark.parametrize("error", [ImageError, Unsupported])
def test_an_image_that_is_not_to_be_had_is_no_reason_to_end(bench: Bench, error: type[CopilotLocalError]) -> None:
    """Neither that it cannot be fetched, nor that there is none for this architecture."""

    def fail(_: Engine) -> str:
        raise error("the wheel could not be fetched")

    support = SupportImages(PAUSE, FRONT, lambda _: AGENT, proxy=fail)
    request = replace(bench.request(connected("api", serves="api")), support=support)
    assert not prepare(bench.engine, request, bench.emit).services["api"].proxied
    assert bench.warnings() == ["tasks have no proxies here: the wheel could not be fetched"]


def test_nothing_is_tried_where_no_service_is_connected(bench: Bench) -> None:
    settings = Settings(service_connect=ConnectSettings(proxy="none"))
    request = replace(
        bench.request(connected("api", serves="api"), settings=settings),
        support=SupportImages(PAUSE, FRONT, lambda _: AGENT, proxy=lambda _: PROXY),
    )
    assert prepare(bench.engine, request, bench.emit).proxy_image == ""
    assert bench.engine.execs == []
