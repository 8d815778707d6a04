"""The table of addon resource types in the reference and on its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cli.manifest.reference_addons import with_types
from emulator.ecs.addons.types import TYPES
from emulator.errors import UsageError
from tests.unit.cli.conftest import Run

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "addons.md"


def test_the_page_has_every_type() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_types(page), "write docs/how-to/addons.md anew: make reference"
    assert all(f"| `{name}` |" in page for name in TYPES)


def test_it_is_a_chapter_of_the_reference(run: Run) -> None:
    ended = run("reference", "addons")
    assert ended.out.startswith("# Addon resource types\n")
    assert "| `AWS::S3::Bucket` | made |" in ended.out


def test_another_page_is_not_written() -> None:
    with pytest.raises(UsageError, match="no heading"):
        with_types("# Other\n")
