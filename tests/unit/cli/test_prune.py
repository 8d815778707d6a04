"""`prune` and `down --all` over a fake of Docker."""

from __future__ import annotations

import pytest

from emulator.cli.run import trust_workspace
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from tests.unit.cli.conftest import Run

GONE = Names("gone", "test")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    made = FakeEngine()
    monkeypatch.setattr("emulator.engine.connect.connect", lambda: made)
    monkeypatch.setattr(made, "close", lambda: None)  # the test looks into it afterwards
    made.add_image("hello:1")
    made.add_image("copilot-local-build/gone/web/web:test")
    made.ensure_network(GONE.network, GONE.labels(Role.NETWORK))
    return made


def add(engine: FakeEngine, environment: Names) -> None:
    engine.ensure_network(environment.network, environment.labels(Role.NETWORK))
    name = f"{environment.prefix}-front"
    engine.create_container(ContainerSpec(name=name, image="hello:1", labels=environment.labels(Role.FRONT)))


def test_a_dry_run_shows_and_removes_nothing(engine: FakeEngine, run: Run) -> None:
    ended = run("prune", "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split() for line in ended.out.splitlines()] == [
        ["KIND", "NAME", "OF", "SIZE"],
        ["network", "cl-gone-test", "-"],
        ["image", "copilot-local-build/gone/web/web:test", "gone/test", "0", "MB"],
    ]
    assert engine.list_networks({}) == ["cl-gone-test"]


def test_without_a_terminal_it_asks_for_force(engine: FakeEngine, run: Run) -> None:
    ended = run("prune")
    assert ended.code == 2
    assert "--force removes without being asked" in ended.err
    assert engine.list_networks({}) == ["cl-gone-test"]


@pytest.mark.parametrize(("answer", "left"), [(True, []), (False, ["cl-gone-test"])])
def test_it_asks_a_terminal(
    engine: FakeEngine, run: Run, monkeypatch: pytest.MonkeyPatch, answer: bool, left: list[str]
) -> None:
    monkeypatch.setattr(trust_workspace, "can_ask", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    assert run("prune").code == 0
    assert engine.list_networks({}) == left


def test_what_came_to_life_while_it_asked_stays(engine: FakeEngine, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def confirm(*_: object, **__: object) -> bool:
        add(engine, GONE)
        return True

    monkeypatch.setattr(trust_workspace, "can_ask", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    ended = run("prune")
    assert (ended.code, ended.err) == (0, "removed 0 of 2\n")
    assert engine.list_networks({}) == ["cl-gone-test"]


def test_force_removes_and_says_how_much(engine: FakeEngine, run: Run) -> None:
    ended = run("prune", "--force")
    assert (ended.code, ended.err) == (0, "removed 2 of 2\n")
    assert run("prune", "-f").err == "nothing is left of environments that are gone\n"


def test_what_is_left_is_told_and_the_code_is_one(engine: FakeEngine, run: Run) -> None:
    engine.fail("remove_network", EngineError("it has active endpoints"))
    ended = run("prune", "--force")
    assert (ended.code, ended.err) == (
        1,
        "network cl-gone-test is left: it has active endpoints\nremoved 1 of 2\n",
    )


def test_down_all_takes_every_environment_down(engine: FakeEngine, run: Run) -> None:
    add(engine, Names("shop", "test"))
    add(engine, Names("mail", "prod"))
    ended = run("down", "--all")
    assert ended.code == 0
    assert engine.list_containers({}) == []
    assert all(f"{one}" in ended.err + ended.out for one in ("mail/prod", "shop/test"))


def test_down_all_of_an_application_leaves_others(engine: FakeEngine, run: Run) -> None:
    add(engine, Names("shop", "test"))
    add(engine, Names("shop", "prod"))
    add(engine, Names("mail", "prod"))
    assert run("down", "--all", "-a", "shop").code == 0
    assert [one.name for one in engine.list_containers({})] == ["cl-mail-prod-front"]


def test_down_all_goes_on_where_one_fails(engine: FakeEngine, run: Run) -> None:
    add(engine, Names("mail", "prod"))
    add(engine, Names("shop", "test"))
    engine.fail("remove", EngineError("it is stuck"), target="cl-mail-prod-front", times=None)
    ended = run("down", "--all")
    assert ended.code != 0
    assert "it is stuck" in ended.err
    assert [one.name for one in engine.list_containers({})] == ["cl-mail-prod-front"]


def test_down_all_where_nothing_is(engine: FakeEngine, run: Run) -> None:
    ended = run("down", "--all")
    assert ended.code == 0
    assert "no environment is on this machine" in ended.err + ended.out


@pytest.mark.parametrize("words", [("-e", "test"), ("-n", "web")])
def test_down_all_goes_with_no_environment_and_no_service(engine: FakeEngine, run: Run, words: tuple[str, str]) -> None:
    assert run("down", "--all", *words).code == 2


def test_an_environment_is_one_of_an_application(engine: FakeEngine, run: Run) -> None:
    ended = run("prune", "-e", "test", "--dry-run")
    assert ended.code == 2
    assert "-e goes with -a" in ended.err


def test_of_another_application_nothing_is_removed(engine: FakeEngine, run: Run) -> None:
    ended = run("prune", "-a", "shop", "-f")
    assert (ended.code, ended.err) == (0, "nothing is left of environments of shop that are gone\n")
    assert engine.list_networks({}) == ["cl-gone-test"]


def test_down_with_volumes_says_which_images_stay(engine: FakeEngine, run: Run) -> None:
    add(engine, GONE)
    ended = run("down", "-a", "gone", "-e", "test", "-v")
    assert ended.code == 0, ended.err
    assert "its logs and data too; 1 image that was built stays: `copilot-local prune -a gone` removes it" in ended.err


def test_data_that_stays_is_said(engine: FakeEngine, run: Run) -> None:
    engine.ensure_volume(GONE.log_volume, {**GONE.labels(Role.VOLUME), names.DATA: "logs"})
    assert run("prune", "-a", "gone", "--dry-run").err == "1 volume with data stays; -v, --volumes removes it too\n"
    assert run("prune", "-a", "gone", "-f").err.splitlines()[-1].startswith("1 volume with data stays")
    again = run("prune", "-a", "gone", "-f").err.splitlines()
    assert again[0] == "nothing but data is left of environments of gone that are gone"
    assert run("prune", "-a", "gone", "-v", "-f").err == "removed 1 of 1\n"


def test_down_with_volumes_of_what_does_not_run_says_what_it_removed(engine: FakeEngine, run: Run) -> None:
    engine.ensure_volume(GONE.log_volume, {**GONE.labels(Role.VOLUME), names.DATA: "logs"})
    ended = run("down", "-a", "gone", "-e", "test", "-v")
    assert "its logs and data" in ended.err
    assert "1 image that was built stays" in ended.err
    assert "nothing is running in gone/test" in run("down", "-a", "gone", "-e", "test", "-v").err
