"""Loading manifests that a test writes as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from emulator.errors import Finding, FindingsError
from emulator.manifest import LoadedManifest, load

SHARED = Path(__file__).parents[4] / "shared"


class Load(Protocol):
    def __call__(
        self, text: str, *, environment: str | None = None, strict: bool = True, variables: Mapping[str, str] = ...
    ) -> LoadedManifest: ...


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Loads a manifest given as text."""

    def load_it(
        text: str, *, environment: str | None = None, strict: bool = True, variables: Mapping[str, str] | None = None
    ) -> LoadedManifest:
        path = tmp_path / "manifest.yml"
        path.write_text(text, encoding="utf-8")
        return load(path, environment=environment, variables=variables or {}, app="app", strict=strict)

    return load_it


Findings = Callable[..., list[Finding]]


@pytest.fixture
def findings_of(load_text: Load) -> Findings:
    """The findings of a manifest given as text, whether it loads or not."""

    def findings(text: str, **options: object) -> list[Finding]:
        try:
            return load_text(text, **options).findings  # type: ignore[arg-type]
        except FindingsError as error:
            return error.findings

    return findings


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of Copilot's own manifests and stacks; skips where it is absent."""
    if not (SHARED / "copilot-golden").is_dir():
        pytest.skip("Copilot's expected outputs are not beside the project (../shared/copilot-golden)")
    return SHARED / "copilot-golden"


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of the two published manifests; skips where it is absent."""
    if not (SHARED / "published").is_dir():
        pytest.skip("the published manifests are not beside the project (../shared/published)")
    return SHARED / "published"
