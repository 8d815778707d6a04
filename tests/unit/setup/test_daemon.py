from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import EngineUnavailable
from emulator.setup import apt, consent, daemon

INSTALLED = ["installed", "started"]


class Machine:
    """Fakes of everything that touches the machine, which is Debian's in CI; `done` is what happened to it."""

    def __init__(self) -> None:
        self.answers = False
        self.elsewhere = ""
        self.may_install = True
        self.consent = True
        self.terminal = False
        self.answer = False
        self.answers_once_installed = False
        self.done: list[str] = []

    def ask(self, question: str) -> bool:
        self.done.append("asked")
        return self.answer


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    fake = Machine()
    monkeypatch.setattr(consent, "can_install", lambda: fake.may_install)
    monkeypatch.setattr(consent, "given", lambda: fake.consent)
    monkeypatch.setattr(consent, "terminal", lambda: fake.terminal)
    monkeypatch.setattr(consent, "ask", fake.ask)
    monkeypatch.setattr(daemon, "daemon_elsewhere", lambda: fake.elsewhere)
    monkeypatch.setattr(daemon, "install_engine", lambda emit: fake.done.append("installed"))
    monkeypatch.setattr(daemon, "answers", lambda: fake.answers_once_installed if fake.done else fake.answers)
    monkeypatch.setattr(daemon, "start_daemon", lambda emit: fake.done.append("started"))
    return fake


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({}, INSTALLED),
        ({"answers": True}, []),
        ({"answers": True, "may_install": False}, []),
        ({"answers": True, "elsewhere": "Docker context desktop-linux"}, []),
        ({"consent": False}, INSTALLED),  # no terminal
        ({"consent": False, "terminal": True, "answer": True}, ["asked", *INSTALLED]),
        ({"consent": True, "terminal": True}, INSTALLED),
        ({"answers_once_installed": True}, ["installed"]),  # only the client was missing
    ],
)
def test_who_gets_a_daemon(change: dict[str, bool | str], done: list[str], machine: Machine) -> None:
    vars(machine).update(change)
    assert daemon.ensure_daemon() is ("started" in done)
    assert machine.done == done


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({"may_install": False}, []),
        ({"elsewhere": "DOCKER_HOST=ssh://build"}, []),
        ({"consent": False, "terminal": True}, ["asked"]),
        ({"consent": False, "terminal": True, "may_install": False}, []),
    ],
)
def test_who_gets_none(change: dict[str, bool | str], done: list[str], machine: Machine) -> None:
    vars(machine).update(change)
    with pytest.raises(EngineUnavailable):
        daemon.ensure_daemon()
    assert machine.done == done


def test_elsewhere_two_lines_say_what_to_install(machine: Machine) -> None:
    machine.may_install = False
    with pytest.raises(EngineUnavailable) as caught:
        daemon.ensure_daemon()
    assert caught.value.exit_code == 125
    assert len(caught.value.hint.splitlines()) == 2
    assert "Docker Desktop" in caught.value.hint
    assert machine.done == []


def test_a_daemon_elsewhere_is_named(machine: Machine) -> None:
    machine.elsewhere = "DOCKER_HOST=tcp://build:2375"
    with pytest.raises(EngineUnavailable, match="DOCKER_HOST=tcp://build:2375"):
        daemon.ensure_daemon()


@pytest.mark.parametrize(
    ("variables", "config", "elsewhere"),
    [
        ({}, None, ""),
        ({"DOCKER_HOST": "unix:///var/run/docker.sock"}, None, ""),
        ({"DOCKER_HOST": "ssh://build"}, None, "DOCKER_HOST=ssh://build"),
        ({"DOCKER_CONTEXT": "colima"}, None, "Docker context colima"),
        ({"DOCKER_CONTEXT": "default"}, '{"currentContext": "colima"}', ""),
        ({}, '{"currentContext": "desktop-linux"}', "Docker context desktop-linux"),
        ({}, "not JSON", ""),
        ({}, "[]", ""),
    ],
)
def test_which_daemon_the_client_talks_to(
    variables: dict[str, str],
    config: str | None,
    elsewhere: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert daemon.daemon_elsewhere() == elsewhere


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_reused_process_id_is_not_taken_for_our_daemon(
    bystander: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "dockerd.pid"
    pid_file.write_text(f"{bystander.pid}\n")
    monkeypatch.setattr(daemon, "PID_FILE", pid_file)
    assert daemon.stop_daemon() is False
    assert bystander.poll() is None
    assert not pid_file.exists()


def test_a_daemon_started_by_other_means_is_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "dockerd.pid")
    assert daemon.stop_daemon() is False


@pytest.mark.parametrize(
    ("content", "debian"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ("ID=fedora\n", False),
        ('ID="alpine"\nPRETTY_NAME="not debian"\n', False),
    ],
)
def test_what_counts_as_debian(content: str, debian: bool, tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text(content)
    assert apt.is_debian_like(tmp_path / "os-release") is debian


def test_no_os_release_is_not_debian(tmp_path: Path) -> None:
    assert apt.is_debian_like(tmp_path / "os-release") is False


@pytest.mark.parametrize(
    ("variables", "given"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "false"}, False), ({"SETUP_YES": "1"}, True)],
)
def test_consent_by_variable(variables: dict[str, str], given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "SETUP_YES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert consent.given() is given
