"""Small manifests for the tests: one of each type that is right, with blocks replaced by what a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import Finding, FindingsError
from emulator.manifest import LoadedManifest, load

SHARED = Path(__file__).parents[4] / "shared"
WEB, BACKEND = "Load Balanced Web Service", "Backend Service"
WORKER, JOB = "Worker Service", "Scheduled Job"
BLOCKS: dict[str, dict[str, str]] = {
    WEB: {"image": "{location: nginx, port: 80}", "http": "{path: /}"},
    BACKEND: {"image": "{location: nginx, port: 80}"},
    WORKER: {"image": "{location: nginx}"},
    JOB: {"image": "{location: nginx}", "on": '{schedule: "@daily"}'},
}


class Manifests:
    """Writes and loads manifests. A keyword is a block with its YAML; None leaves it out. `on_` is the key `on`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "manifest.yml"

    def text(self, kind: str = WEB, **blocks: str | None) -> str:
        chosen: dict[str, str | None] = {"name": "web", "type": kind, **BLOCKS[kind]}
        chosen.update({key.rstrip("_"): value for key, value in blocks.items()})
        return "".join(f"{key}: {value}\n" for key, value in chosen.items() if value is not None)

    def load(
        self,
        text: str,
        environment: str | None = None,
        variables: Mapping[str, str] | None = None,
        **options: Any,
    ) -> LoadedManifest:
        self.path.write_text(text, encoding="utf-8")
        return load(self.path, environment=environment, variables=variables or {}, app="app", **options)

    def good(self, kind: str = WEB, environment: str | None = None, **blocks: str | None) -> Any:
        """The typed manifest, which has no findings."""
        loaded = self.load(self.text(kind, **blocks), environment)
        assert [str(finding) for finding in loaded.findings] == []
        return loaded.manifest

    def findings(self, text: str, environment: str | None = None, **options: Any) -> list[Finding]:
        """The findings of a manifest, whether it loads or not."""
        try:
            return self.load(text, environment, **options).findings
        except FindingsError as error:
            return error.findings

    def bad(self, kind: str = WEB, environment: str | None = None, **blocks: str | None) -> list[tuple[str, str]]:
        """Code and path of every finding of a manifest that is wrong somewhere."""
        found = self.findings(self.text(kind, **blocks), environment)
        assert found, "the manifest has no findings"
        return [(finding.code, finding.path) for finding in found]

    def lenient(self, kind: str = WEB, environment: str | None = None, **blocks: str | None) -> Any:
        """The typed manifest as Copilot would take it."""
        return self.load(self.text(kind, **blocks), environment, strict=False).manifest


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    return Manifests(tmp_path)


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
