"""`--with-deps`: which services are needed besides those that are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import UpOptions, up_request
from emulator.events import Event, discard

BACKEND = "name: {name}\ntype: Backend Service\nimage:\n  location: busybox:1.37\n  port: 8080\n{rest}"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """web calls api by its long name, api calls db by its alias, and cart is what the settings say web needs."""
    manifests = {
        "web": "variables:\n  API: http://api.test.shop.local:8080/x\n",
        "api": "network:\n  connect: true\nvariables:\n  DB_HOST: database\n",
        "db": "network:\n  connect:\n    alias: database\n",
        "cart": "",
        "alone": "",
    }
    for name, rest in manifests.items():
        file = tmp_path / "shop" / "copilot" / name / "manifest.yml"
        file.parent.mkdir(parents=True)
        file.write_text(BACKEND.format(name=name, rest=rest))
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return tmp_path / "shop"


def chosen(*services: str, with_deps: bool = True) -> list[str]:
    request = up_request(Selection(services=services, with_deps=with_deps), discard, UpOptions(credentials="none"))
    return [service.name for service in request.services]


def test_services_that_variables_name_come_along_with_those_that_they_name(shop: Path) -> None:
    assert chosen("web") == ["web", "api", "db"]
    assert chosen("db") == ["db"]
    assert chosen("web", with_deps=False) == ["web"]
    assert chosen("copilot/web/manifest.yml") == ["web", "api", "db"]


def test_the_settings_name_what_no_variable_does(shop: Path) -> None:
    (shop / "copilot-local.toml").write_text('[needs]\nweb = ["cart"]\ncart = ["web"]\n')
    assert chosen("web") == ["web", "cart", "api", "db"]


def test_a_broken_manifest_that_is_not_needed_is_no_matter(shop: Path) -> None:
    (shop / "copilot" / "alone" / "manifest.yml").write_text("typ: x\n")
    assert chosen("web") == ["web", "api", "db"]


def test_what_comes_along_is_told_with_its_reason(shop: Path) -> None:
    told: list[Event] = []
    up_request(Selection(services=("web",), with_deps=True), told.append, UpOptions(credentials="none"))
    assert [f"{event.subject} {event.message}" for event in told][:2] == [
        "web calls api: running it too",
        "api calls db: running it too",
    ]
