from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.errors import ImageError
from emulator.setup import images, paths, standins
from emulator.setup.paths import content_key, copy_normalised, data_path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "recipe"
    (folder / "etc").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "etc" / "conf").write_text("a = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    return folder


def test_the_key_changes_with_content_name_and_extra_text(recipe: Path) -> None:
    keys = [content_key(recipe)]
    (recipe / "etc" / "conf").write_text("a = 2\n")
    keys.append(content_key(recipe))
    (recipe / "etc" / "conf").rename(recipe / "etc" / "other")
    keys.append(content_key(recipe))
    keys.append(content_key(recipe, "base:2"))
    assert len(set(keys)) == 4


def test_the_key_ignores_modes_times_and_what_python_leaves_behind(recipe: Path) -> None:
    before = content_key(recipe)
    (recipe / "run.sh").chmod(0o777)
    os.utime(recipe / "Dockerfile", (0, 0))
    (recipe / "__pycache__").mkdir()
    (recipe / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert content_key(recipe) == before


def test_moving_bytes_between_files_changes_the_key(tmp_path: Path) -> None:
    for name, first, second in (("one", "ab", "c"), ("two", "a", "bc")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_text(first)
        (tmp_path / name / "2").write_text(second)
    assert content_key(tmp_path / "one") != content_key(tmp_path / "two")


def test_a_copied_recipe_has_the_modes_that_an_image_needs_under_any_umask(recipe: Path, tmp_path: Path) -> None:
    for path in recipe.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    target = tmp_path / "context"
    copy_normalised(recipe, target)
    modes = {path.name: path.stat().st_mode & 0o777 for path in target.rglob("*")}
    assert modes == {"Dockerfile": 0o644, "etc": 0o755, "conf": 0o644, "run.sh": 0o755}


def test_every_image_and_the_agent_have_a_recipe() -> None:
    for image in images.IMAGES:
        assert standins.stand_in_tag(image.name).startswith(f"copilot-local/{image.name}:")
    assert "emulator.agent" in (data_path("agent") / "Dockerfile").read_text(encoding="utf-8")


def test_an_installed_package_finds_its_build_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "emulator"
    inside = package / "setup" / "data" / "fluentbit"
    inside.mkdir(parents=True)
    (inside / "Dockerfile").touch()
    monkeypatch.setattr(paths, "PACKAGE", package)
    assert data_path("fluentbit") == inside


def test_an_incomplete_installation_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    with pytest.raises(ImageError, match="build files of fluentbit are not installed"):
        data_path("fluentbit")
