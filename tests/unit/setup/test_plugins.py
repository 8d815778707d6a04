from __future__ import annotations

from pathlib import Path

import pytest

from emulator.errors import EngineUnavailable
from emulator.setup import consent, plugins

SOURCES = """\
Types: deb
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
"""


def test_the_newer_sources_are_the_machines_own_without_security() -> None:
    assert plugins.newer_sources(SOURCES) == (
        "Types: deb\nURIs: http://archive.example/debian\nSuites: trixie\nComponents: main\n"
    )


def test_nothing_is_fetched_where_both_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "missing_plugins", list)
    monkeypatch.setattr(consent, "allowed", lambda question: pytest.fail("the user was asked"))
    assert plugins.ensure_plugins() == []


@pytest.mark.parametrize("allowed", [True, False])
def test_without_consent_or_debian_it_says_what_to_install(
    allowed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plugins, "missing_plugins", lambda: ["docker-compose"])
    monkeypatch.setattr(consent, "allowed", lambda question: allowed)
    sources = tmp_path / "debian.sources"
    if not allowed:
        sources.write_text(SOURCES)
    monkeypatch.setattr(plugins, "SOURCES", sources)
    with pytest.raises(EngineUnavailable, match="docker has no compose") as error:
        plugins.ensure_plugins()
    assert "docker-compose-plugin" in error.value.hint
