"""`env`: what it warns of, and what it says where nothing runs."""

from __future__ import annotations

import sys

import pytest

from emulator.cli.observe.env import VariablesFormat, _warned
from emulator.cli.shell.container_names import find_container
from emulator.errors import InputError, UsageError
from emulator.runtime.reports.variables_here import NAMESPACE, VariablesHere
from emulator.runtime.state.observed import Observed, observe
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, make_service

FOUND = VariablesHere(unreachable={NAMESPACE: "test.shop.local", "RATES_URL": "rates"})


def test_who_only_looks_is_warned_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert _warned(FOUND, written=False, format=VariablesFormat.DOTENV) == {}


def test_what_copilot_gives_to_every_task_is_warned_of_where_a_program_gets_it() -> None:
    assert _warned(FOUND, written=False, format=VariablesFormat.SHELL) == {"RATES_URL": "rates"}
    assert _warned(FOUND, written=True, format=VariablesFormat.DOTENV) == FOUND.unreachable


def test_where_nothing_runs_it_says_how_to_start_it() -> None:
    with pytest.raises(InputError, match="no container api is running: nothing is") as caught:
        find_container(Observed([]), "api", None)
    assert caught.value.hint.startswith("start it with `copilot-local up -d`")


def test_a_container_is_named_alone_or_with_its_service_as_logs_shows_it() -> None:
    bench = Bench()
    bench.start(desired_state(make_service({"hello": {}, "nginx": {}})))
    observed = observe(bench.engine, DEMO)
    assert [find_container(observed, name, None).name for name in ("nginx", "hello/nginx")] == ["nginx", "nginx"]
    with pytest.raises(InputError, match="web does not run here"):
        find_container(observed, "web/nginx", None)
    with pytest.raises(InputError, match="no container nignx is running in hello"):
        find_container(observed, "hello/nignx", "hello")
    with pytest.raises(UsageError, match="-n web and hello/nginx are two services"):
        find_container(observed, "hello/nginx", "web")
