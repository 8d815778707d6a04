"""What Tab offers, and how long it may take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from emulator.cli.shell import chosen_environment as environment
from emulator.cli.shell import completion
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role


def context(**params: str | None) -> typer.Context:
    return cast(typer.Context, SimpleNamespace(params=params))


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A task of `api` with two containers, in another environment than the workspace's own."""
    here = Names("shop", "prod")
    engine = FakeEngine()
    engine.add_image("busybox:1.37")
    for container in ("api", "nginx"):
        labels = {
            **here.labels(Role.MEMBER),
            names.SERVICE: "api",
            names.TASK: "abcdef0123456789",
            names.CONTAINER: container,
        }
        engine.start(engine.create_container(ContainerSpec(f"x-{container}", "busybox:1.37", labels=labels)))

    @contextmanager
    def chosen(app: str | None, env: str | None) -> Iterator[tuple[FakeEngine, Names]]:
        yield engine, Names(app or "shop", env or "test")

    monkeypatch.setattr(environment, "chosen_environment", chosen)
    return here


def test_services_and_environments_are_those_of_the_workspace(workspace: Path) -> None:
    (workspace / "copilot" / "environments" / "prod").mkdir(parents=True)
    assert completion.services("") == ["hello"]
    assert completion.services("x") == []
    assert completion.environments("p") == ["prod"]


def test_what_runs_is_offered_for_the_environment_that_was_typed(running: Names) -> None:
    assert completion.containers(context(app=None, env=None), "") == []
    there = context(app=None, env="prod")
    assert completion.containers(there, "") == ["api", "nginx"]
    assert completion.containers(there, "ng") == ["nginx"]
    assert completion.running_services(there, "") == ["api"]
    assert completion.scales(there, "a") == ["api="]
    assert completion.services_and_tasks(there, "a") == ["abcdef01", "api"]


def test_a_path_may_be_in_a_container_or_here(running: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nginx.conf").touch()
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path)
    assert completion.container_paths(context(env="prod"), "n") == ["new/", "nginx.conf", "nginx:"]


def test_no_workspace_and_no_docker_offer_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completion.services("") == []
    assert completion.containers(context(app="shop", env="test"), "") == []


def test_a_docker_that_does_not_answer_blocks_no_completion(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        asked: dict[str, Any] = {
            "_COPILOT_LOCAL_COMPLETE": "complete_bash",
            "COMP_WORDS": "copilot-local exec -a shop -e test ",
            "COMP_CWORD": "6",
            "DOCKER_HOST": f"unix://{path}",
        }
        code = "import sys; from emulator.cli.main import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, **asked}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        listener.settimeout(20)
        connection, _ = listener.accept()  # it asks, and gets no answer
        with connection:
            out, _ = process.communicate(timeout=20)
    assert out.strip() == b""
