"""`up` says which variables name a service that theirs does not find when deployed, and where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.events import Event, EventKind

WEB = """\
name: web
type: Backend Service
image: {location: x, port: 80}
variables:
  API_URL: http://api:8080
"""
API = """\
name: api
type: Backend Service
image: {location: x, port: 8080}
network: {connect: true}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for name, text in (("web", WEB), ("api", API)):
        write(tmp_path, name, text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(workspace: Path, name: str, text: str) -> None:
    file = workspace / "copilot" / name / "manifest.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def warnings(*services: str) -> list[Event]:
    events: list[Event] = []
    up_request(Selection("shop", "test", services), events.append)
    return [event for event in events if event.kind is EventKind.WARNING]


@pytest.mark.parametrize("services", [(), ("web",)], ids=["all", "one"])
def test_a_warning_has_the_variable_its_line_and_what_to_do(workspace: Path, services: tuple[str, ...]) -> None:
    [event] = warnings(*services)
    assert event.subject == "copilot/web/manifest.yml:5:3"
    assert event.message == (
        "variables.API_URL: web does not find api by the name api when deployed: web has no network.connect [CL141]"
    )
    assert event.fields["hint"] == "set network.connect: true in web, or use api.test.shop.local"


def test_the_line_is_that_of_the_environments_override(workspace: Path) -> None:
    override = "environments:\n  test:\n    variables:\n      OTHER: api.prod.shop.local\n"
    write(workspace, "web", WEB.replace("http://api:8080", "none") + override)
    [event] = warnings()
    assert event.subject == "copilot/web/manifest.yml:9:7"


def test_a_name_that_is_found_is_no_reason_to_warn(workspace: Path) -> None:
    write(workspace, "web", WEB + "network: {connect: true}\n")
    assert warnings() == []


@pytest.mark.parametrize("how", ["comment", "settings"])
def test_it_can_be_silenced(workspace: Path, how: str) -> None:
    if how == "comment":
        write(workspace, "web", WEB.replace(":8080\n", ":8080  # copilot-local: ignore CL141\n"))
    else:
        (workspace / "copilot-local.toml").write_text('[validate]\nignore = ["CL141"]\n')
    assert warnings() == []


def test_a_broken_manifest_of_a_service_that_is_not_meant_is_not_looked_at(workspace: Path) -> None:
    write(workspace, "broken", "name: [")
    assert len(warnings("web")) == 1
