"""`up` claims an environment before it reads manifests; where nothing comes of it, nothing is left and the error is the
same."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.app import up_request
from emulator.cli.run import trust_workspace
from emulator.cli.run.early_claim import SIGNALS
from emulator.engine import connect
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.runtime.specs.agent import idle_agent_spec
from emulator.runtime.state.names import Names
from emulator.setup import agent_image
from tests.unit.runtime.agent_double import AgentDouble

Run = Callable[..., Any]

SHOP = Names("shop", "test")
MANIFEST = Path("copilot/hello/manifest.yml")
NEEDS_A_SECRET = """\
name: hello
type: Backend Service
image:
  location: example.com/hello:1
secrets:
  TOKEN: /prod/token
"""


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> Iterator[FakeEngine]:
    """A daemon in memory that has the agent's image and no other; each command connects to it."""
    engine, agent = FakeEngine(), AgentDouble()
    engine.behave("*-agent", Behaviour(stream=agent.open))
    engine.add_image(agent_tag(engine))
    monkeypatch.setattr(connect, "connect", lambda: engine)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "close", lambda: None)  # the test asks it afterwards
        yield engine
    agent.close()
    engine.close()


def agent_tag(engine: FakeEngine) -> str:
    return agent_image.running_tag(engine.info().architecture)


def left(engine: FakeEngine) -> list[str]:
    labels = SHOP.labels()
    containers = [container.name for container in engine.list_containers(labels)]
    return [*containers, *engine.list_networks(labels), *engine.list_volumes(labels)]


def created(engine: FakeEngine) -> list[str]:
    return [target for verb, target in engine.calls if verb == "create_container"]


def test_a_manifest_that_is_wrong_leaves_nothing_and_is_told_as_without_docker(
    run: Run, docker: FakeEngine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / MANIFEST).write_text("name: hello\ntype: Backend Service\nimage: {build: [}\n")
    ended = run("up", "-d")
    assert created(docker) == [SHOP.agent]
    assert left(docker) == []
    monkeypatch.undo()
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{workspace}/no-docker.sock")
    assert (ended.code, ended.err) == ((without := run("up", "-d")).code, without.err)
    assert "copilot/hello/manifest.yml:3" in ended.err


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interruption_while_manifests_are_read_leaves_nothing(
    run: Run, docker: FakeEngine, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def load(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    before = signal.getsignal(number)
    monkeypatch.setattr(up_request, "up_request", load)
    ended = run("up", "-d")
    assert (ended.code, ended.err) == (130, "")
    assert created(docker) == [SHOP.agent]
    assert left(docker) == []
    assert signal.getsignal(number) is before


# Python may be interrupted between the opening of a file and its `with`: the file is closed with the process.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("verb", ["ensure_network", "ensure_volume", "create_container"])
def test_an_interruption_while_the_claim_is_made_leaves_nothing(
    run: Run, docker: FakeEngine, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Manifests are still read: their errors are told by other tests."""

    def load(*_: object, **__: object) -> None:
        never = threading.Event()
        while not never.wait(0.01):  # Python handles a signal of another thread between two waits
            pass

    monkeypatch.setattr(up_request, "up_request", load)

    def interrupt(called: str, target: str) -> None:
        del target
        if called == verb:
            docker.before = None
            signal.raise_signal(signal.SIGINT)

    docker.before = interrupt
    assert run("up", "-d").code == 130
    assert left(docker) == []


def test_another_command_may_go_on_while_the_user_is_asked_for_trust(
    run: Run, docker: FakeEngine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "copilot-local.toml").write_text('[credentials]\nsource = "profile"\nprofile = "prod"\n')
    found: list[list[str]] = []

    def refuse(*_: object, **__: object) -> bool:
        found.append(left(docker))
        return False

    monkeypatch.setattr(trust_workspace, "can_ask", lambda: True)
    monkeypatch.setattr(trust_workspace, "give", refuse)
    assert run("up", "-d").code == 1
    assert created(docker) == [SHOP.agent]
    assert found == [[]]


def test_and_while_the_user_is_asked_for_a_secret(
    run: Run, docker: FakeEngine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / MANIFEST).write_text(NEEDS_A_SECRET)
    found: list[list[str]] = []

    def give_up(*_: object, **__: object) -> str:
        found.append(left(docker))
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", give_up)
    assert run("up", "-d", "--secrets", "ask").code == 130
    assert created(docker) == [SHOP.agent]
    assert found == [[]]


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--watch",), ("-d", "-e", "prod"), ("-d", "hallo")])
def test_nothing_is_claimed_for_what_makes_nothing_or_is_not_known_yet(
    run: Run, docker: FakeEngine, workspace: Path, arguments: tuple[str, ...]
) -> None:
    (workspace / MANIFEST).write_text("name: hello\ntype: Backend Service\nimage: {build: [}\n")
    assert run("up", *arguments).code in (1, 2)
    assert created(docker) == []


def test_nor_where_the_image_of_the_agent_is_still_to_be_built(run: Run, docker: FakeEngine, workspace: Path) -> None:
    (workspace / MANIFEST).write_text("name: hello\ntype: Backend Service\nimage: {build: [}\n")
    docker.remove_image(agent_tag(docker))
    assert run("up", "-d").code == 1
    assert created(docker) == []


def test_nor_where_something_runs(run: Run, docker: FakeEngine, workspace: Path) -> None:
    (workspace / MANIFEST).write_text("name: hello\ntype: Backend Service\nimage: {build: [}\n")
    docker.ensure_network(SHOP.network, SHOP.labels())
    docker.create_container(idle_agent_spec(docker, SHOP, agent_tag(docker)))
    assert run("up", "-d").code == 1
    assert created(docker) == [SHOP.agent]
    assert left(docker) == [SHOP.agent, SHOP.network]
