"""`open`: the service that is meant, and a browser only where there is a screen."""

from __future__ import annotations

import signal
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from emulator.cli.run import open as module
from emulator.cli.shell.app import run
from emulator.engine.fake import FakeEngine


@dataclass
class Agent:
    """Stands in for an agent that runs."""

    found: dict[str, str] = field(default_factory=dict)
    engine: FakeEngine = field(default_factory=FakeEngine)

    def urls(self) -> dict[str, str]:
        return self.found


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Agent:
    made = Agent({"web": "https://localhost:8443/", "api": "http://127.0.0.1:8080/api"})

    @contextmanager
    def running(app: str | None, env: str | None) -> Iterator[Agent]:
        yield made

    monkeypatch.setattr(module, "running_agent", running)
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that a browser was opened with, on a machine that has a screen."""
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", urls.append)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return urls


@pytest.mark.usefixtures("agent")
def test_a_service_in_the_browser(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["open", "api"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8080/api\n"
    assert opened == ["http://127.0.0.1:8080/api"]


@pytest.mark.usefixtures("agent")
def test_only_printed_where_asked_for_and_where_there_is_no_screen(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["open", "web", "--print"]) == 0
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert run(["open", "-n", "web"]) == 0
    assert capsys.readouterr().out == "https://localhost:8443/\n" * 2
    assert opened == []


@pytest.mark.usefixtures("opened")
def test_one_has_to_be_meant(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["open"]) == 2
    assert "several services answer: api, web" in capsys.readouterr().err
    assert run(["open", "worker"]) == 1
    assert "no rule of the load balancer leads to worker" in capsys.readouterr().err
    del agent.found["api"]
    assert run(["open"]) == 0
    assert capsys.readouterr().out == "https://localhost:8443/\n"
    agent.found.clear()
    assert run(["open"]) == 1
    assert "no service here has a load balancer" in capsys.readouterr().err


def test_the_console_of_a_service_that_does_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine()
    monkeypatch.setattr("emulator.engine.connect.connect", lambda: engine)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert run(["open", "api", "--console", "-a", "demo", "-e", "test", "--print"]) == 1
    assert "no task of api runs" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-d", "--dry-run"])
def test_up_serves_the_console_only_while_it_stays(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--console", option]) == 2
    assert "--console cannot be combined" in capsys.readouterr().err
