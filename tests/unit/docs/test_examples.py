"""Every example that can come up as it is has a Docker test that compares it with its task definitions."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
UNPREPARED = {"fresh-clone", "orders"}
"""They lack values on purpose, or packages that are fetched first; they have tests of their own."""
COMPARED = {
    "firelens-cloudwatch": "e2e/test_firelens.py",
    "log-pipelines": "firelens/test_pipelines.py",
    "nginx-sidecar": "e2e/test_nginx_sidecar.py",
    "shop": "examples/test_shop.py",
}
"""Where they are up anyhow."""


def test_what_up_makes_of_every_example_is_compared_with_what_is_rendered() -> None:
    assert {folder.parent.name for folder in (ROOT / "examples").glob("*/copilot")} == UNPREPARED | set(COMPARED)
    for name in COMPARED.values():
        assert "up_made_what_is_rendered(" in (ROOT / "tests" / "docker" / name).read_text(encoding="utf-8")
